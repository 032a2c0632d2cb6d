"""The system's packages of RabbitMQ and PostgreSQL: which are needed, and how to get them.

Standard library only: ``make setup`` uses this before anything is installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

POLICY = Path("/usr/sbin/policy-rc.d")
OS_RELEASE = Path("/etc/os-release")
# 101 is "forbidden by policy" in the language of invoke-rc.d.
REFUSE_EVERYTHING = """#!/bin/sh
# incroyable-territoire: no service starts while its package is being installed
exit 101
"""
APT = ["apt-get", "-y", "-q", "-o", "DPkg::Lock::Timeout=300"]

Runner = Callable[[Sequence[str]], int]


class InstallError(Exception):
    """Packages that could not be installed: the sentence says what to do by hand."""


def install(packages: Sequence[str], run: Runner | None = None, policy: Path = POLICY) -> None:
    """Installs Debian packages without letting their services start. Raises InstallError.

    Only for root on Debian or Ubuntu, see :func:`can_install`.
    """
    run = run or _run
    if run([*APT, "update"]) != 0:
        raise InstallError("apt-get update failed: look at the network and at /etc/apt.")
    with services_kept_from_starting(policy):
        if run([*APT, "install", "--no-install-recommends", *packages]) != 0:
            raise InstallError(f"apt-get could not install {' '.join(packages)}: see above.")
    _keep_from_starting_at_boot(packages, run)


def can_install(os_release: Path = OS_RELEASE) -> bool:
    """Whether we are root on Debian, Ubuntu or one of their children."""
    return os.geteuid() == 0 and is_debian(os_release) and shutil.which("apt-get") is not None


def is_debian(os_release: Path = OS_RELEASE) -> bool:
    """Whether this is Debian, Ubuntu or one of their children."""
    try:
        lines = os_release.read_text().splitlines()
    except OSError:
        return False
    pairs = [line.partition("=")[::2] for line in lines]
    names = {name for key, value in pairs if key in ("ID", "ID_LIKE") for name in _words(value)}
    return bool(names & {"debian", "ubuntu"})


def advice(packages: Sequence[str], os_release: Path = OS_RELEASE) -> str:
    """What a person has to type to get these (Debian's names) on this system."""
    if is_debian(os_release):
        return f"sudo apt-get install {' '.join(packages)}"
    if shutil.which("dnf"):
        names = ["postgresql-server" if name == "postgresql" else name for name in packages]
        return f"sudo dnf install {' '.join(names)}"
    if shutil.which("brew"):
        names = ["rabbitmq" if name == "rabbitmq-server" else name for name in packages]
        return f"brew install {' '.join(names)}"
    return f"with your system's package manager, install {' and '.join(packages)}"


@contextmanager
def services_kept_from_starting(policy: Path = POLICY) -> Iterator[None]:
    """Packages installed inside start no service; an existing policy is put back after it."""
    saved = policy.with_name(policy.name + ".before-incroyable-territoire")
    # After a run that was killed, the policy that stands is ours, and the original, if there
    # was one, is still put aside.
    if policy.exists() and policy.read_text() != REFUSE_EVERYTHING:
        policy.replace(saved)
    policy.write_text(REFUSE_EVERYTHING)
    policy.chmod(0o755)
    try:
        yield
    finally:
        if saved.exists():
            saved.replace(policy)
        else:
            policy.unlink(missing_ok=True)


def _keep_from_starting_at_boot(packages: Sequence[str], run: Runner) -> None:
    # The policy holds while installing only; where systemd rules, the packages have enabled
    # their services for the next boot as well.
    if Path("/run/systemd/system").exists():
        for service in ("rabbitmq-server", "postgresql"):
            if service in packages:
                run(["systemctl", "disable", service])


def _words(value: str) -> list[str]:
    return value.strip().strip("\"'").split()


def _run(command: Sequence[str]) -> int:
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # Standard output belongs to our own answer, which may be read by a shell.
    return subprocess.run(
        command, env=env, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False
    ).returncode
