"""Installing the system's packages: by a runner that only writes down what it was asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy import packages

THEIRS = "#!/bin/sh\nexit 0\n"


class Apt:
    """Stands for the shell: remembers commands and what the policy was while they ran."""

    def __init__(self, policy: Path, fail: str = "") -> None:
        self.policy = policy
        self.fail = fail
        self.commands: list[list[str]] = []
        self.policies: list[str] = []

    def __call__(self, command: Sequence[str]) -> int:
        self.commands.append(list(command))
        self.policies.append(self.policy.read_text() if self.policy.exists() else "")
        return 100 if self.fail and self.fail in command else 0


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    return tmp_path / "policy-rc.d"


def test_install_updates_first_and_keeps_services_from_starting(policy: Path) -> None:
    apt = Apt(policy)
    packages.install(["rabbitmq-server", "postgresql"], apt, policy)
    update, install = apt.commands[:2]
    assert update == [*packages.APT, "update"]
    assert install[-3:] == ["--no-install-recommends", "rabbitmq-server", "postgresql"]
    assert apt.policies[:2] == ["", packages.REFUSE_EVERYTHING]
    assert not policy.exists()


def test_existing_policy_is_put_back(policy: Path) -> None:
    policy.write_text(THEIRS)
    policy.chmod(0o755)
    apt = Apt(policy)
    packages.install(["postgresql"], apt, policy)
    assert apt.policies[:2] == [THEIRS, packages.REFUSE_EVERYTHING]
    assert policy.read_text() == THEIRS
    assert policy.stat().st_mode & 0o777 == 0o755
    assert list(policy.parent.iterdir()) == [policy]


@pytest.mark.parametrize("before", ["", THEIRS])
def test_policy_of_a_killed_run_is_taken_away(policy: Path, before: str) -> None:
    if before:
        policy.write_text(before)
    with packages.services_kept_from_starting(policy):
        leftovers = {path: path.read_text() for path in policy.parent.iterdir()}
    for path, text in leftovers.items():  # as if nothing had been put back
        path.write_text(text)
    with packages.services_kept_from_starting(policy):
        assert policy.read_text() == packages.REFUSE_EVERYTHING
    assert (policy.read_text() if policy.exists() else "") == before


def test_policy_refuses_with_the_code_of_invoke_rc_d(policy: Path) -> None:
    with packages.services_kept_from_starting(policy):
        assert policy.stat().st_mode & 0o777 == 0o755
        assert policy.read_text().splitlines()[-1] == "exit 101"


@pytest.mark.parametrize("step", ["update", "install"])
def test_failure_says_which_step_and_leaves_no_policy(policy: Path, step: str) -> None:
    with pytest.raises(packages.InstallError, match=f"apt-get .*{step}"):
        packages.install(["postgresql"], Apt(policy, fail=step), policy)
    assert not policy.exists()


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        ('ID=debian\nVERSION_ID="12"\n', True),
        ("ID=ubuntu\nID_LIKE=debian\n", True),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', True),
        ('ID=fedora\nNAME="Not debian"\n', False),
        ("", False),
    ],
)
def test_debian_is_recognised(tmp_path: Path, release: str, expected: bool) -> None:
    (tmp_path / "os-release").write_text(release)
    assert packages.is_debian(tmp_path / "os-release") is expected


def test_advice_is_a_command_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    debian = tmp_path / "debian"
    debian.write_text("ID=debian\n")
    both = ["rabbitmq-server", "postgresql"]
    assert packages.advice(both, debian) == "sudo apt-get install rabbitmq-server postgresql"
    monkeypatch.setattr("shutil.which", lambda name: name if name == "dnf" else None)
    expected = "sudo dnf install rabbitmq-server postgresql-server"
    assert packages.advice(both, tmp_path / "none") == expected
    monkeypatch.setattr("shutil.which", lambda name: None)
    expected = "with your system's package manager, install rabbitmq-server and postgresql"
    assert packages.advice(both, tmp_path / "none") == expected


def test_only_root_on_debian_installs_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = tmp_path / "os-release"
    release.write_text("ID=debian\n")
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert packages.can_install(release)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert not packages.can_install(release)
