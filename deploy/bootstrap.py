"""``make setup``: the virtual environment, from the locked requirements, only when they changed.

Standard library only: it runs before anything is installed. Errors end in one plain sentence.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from deploy import packages

ROOT = Path(__file__).resolve().parent.parent
LOCKS = {"run": ("build.txt", "run.txt"), "dev": ("build.txt", "dev.txt")}
DISK_MB = {"run": 400, "dev": 800}
# Compiled when first imported: most of what is installed never is, and somebody waits for it.
INSTALL = ["install", "--no-compile"]
PIP = ["-m", "pip", "--disable-pip-version-check", "--no-input", "-qq", *INSTALL]


class SetupError(Exception):
    """A setup that can't go on: the sentence says why and what to do."""


def main(arguments: Sequence[str]) -> int:
    """Makes the environment ``run`` or ``dev``; answers the exit code."""
    kind = arguments[0] if arguments else "dev"
    try:
        # Two terminals may run make at the same time.
        with (ROOT / "pyproject.toml").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            set_up(ROOT, kind)
    except (SetupError, packages.InstallError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted: run the same command again.", file=sys.stderr)
        return 130
    return 0


def set_up(root: Path, kind: str) -> None:
    """Brings ``root/.venv`` to the locked requirements. Raises :class:`SetupError`."""
    venv = root / ".venv"
    wanted = digest(root, kind)
    if _is_ready(root, venv, kind, wanted):
        return
    _check_disk(root, kind)
    if not _works(venv):
        print("Making .venv ...", file=sys.stderr)
        make_venv(venv)
    print(f"Installing the locked packages ({kind}) ...", file=sys.stderr)
    locks = [word for name in LOCKS[kind] for word in ("-r", str(root / "requirements" / name))]
    _pip(venv, root, ["--require-hashes", *locks])
    _pip(venv, root, ["--no-deps", "--no-build-isolation", "-e", str(root)])
    _stamp(venv, kind).write_text(wanted)


def digest(root: Path, kind: str) -> str:
    """What an environment depends on: the locks, the project's metadata, its place."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    parts = [
        *((root / "requirements" / name).read_text() for name in LOCKS[kind]),
        json.dumps(project, sort_keys=True),
        str(root),  # a folder that was moved has an environment of wrong paths
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def make_venv(venv: Path) -> None:
    """Makes an empty environment; on Debian the module for it may have to be installed first."""
    shutil.rmtree(venv, ignore_errors=True)
    if _venv(venv).returncode == 0:
        return
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    if packages.can_install():
        packages.install([package])
    done = _venv(venv)
    if done.returncode != 0:
        shutil.rmtree(venv, ignore_errors=True)
        raise SetupError(_sentence(done.stdout + done.stderr, packages.advice([package])))


def _venv(venv: Path) -> subprocess.CompletedProcess[str]:
    return _run([sys.executable, "-m", "venv", str(venv)], venv.parent)


def _pip(venv: Path, root: Path, arguments: list[str]) -> None:
    done = _run([str(venv / "bin" / "python"), *PIP, *arguments], root)
    if done.returncode != 0:
        raise SetupError(_sentence(done.stdout + done.stderr, ""))


def _sentence(output: str, advice: str) -> str:
    """What went wrong, from what venv or pip said."""
    if "No space left" in output:
        return "The disk is full: make room and run the same command again."
    if "ensurepip" in output:
        return f"This Python can't make virtual environments: {advice}"
    if "connection" in output.lower() or "No matching distribution" in output:
        reason = "The package index can't be reached, or lacks a locked package"
        return f"{reason}: look at the network and pip's configuration.\n{output[-600:]}"
    if "DO NOT MATCH THE HASHES" in output:
        return f"A package is not the one that was locked: nothing was installed.\n{output[-600:]}"
    return f"Setup failed:\n{output[-1500:]}"


def _check_disk(root: Path, kind: str) -> None:
    free = shutil.disk_usage(root).free // 1_000_000
    if free < DISK_MB[kind]:
        raise SetupError(
            f"The disk is nearly full ({free} MB free): make room, {DISK_MB[kind]} MB are needed."
        )


def _is_ready(root: Path, venv: Path, kind: str, wanted: str) -> bool:
    if not _works(venv):
        return False
    if kind == "run" and _is_ready(root, venv, "dev", digest(root, "dev")):
        return True
    stamp = _stamp(venv, kind)
    return stamp.exists() and stamp.read_text() == wanted


def _works(venv: Path) -> bool:
    """Whether the environment's Python runs: the one it was made from may be gone."""
    try:
        done = _run([str(venv / "bin" / "python"), "-m", "pip", "--version"], Path("/"))
    except OSError:
        return False
    return done.returncode == 0


def _stamp(venv: Path, kind: str) -> Path:
    return venv / f".ready-{kind}"


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
