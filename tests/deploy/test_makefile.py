"""What a newcomer meets first: make, setup, and their sentences when something is wrong."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click import Context, Group

from deploy import bootstrap, packages
from deploy.cli.root import marathon

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements"
PINNED = re.compile(r"^([a-z0-9.-]+)==(\S+)", re.MULTILINE)


def make(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT,
        # What the tests were started with is not theirs.
        env={**os.environ, "MAKEFLAGS": "", "ARGS": "", **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_names_every_target() -> None:
    targets = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    listed = re.findall(r"^  make ([a-z-]+) +\S", make().stdout, re.MULTILINE)
    assert listed == targets
    assert {"setup", "check", "test", "test-long", "bench", "demo", "clean"} <= set(listed)


@pytest.mark.parametrize(
    ("given", "passed_on"),
    [
        ([], []),
        (["FRESH=1"], ["--fresh"]),
        (["FRESH=1", "PORT=8001"], ["--fresh", "--port", "8001"]),
    ],
)
def test_what_is_given_is_passed_on_to_the_demo(given: list[str], passed_on: list[str]) -> None:
    line = make("-n", "demo", *given).stdout.splitlines()[-1]
    assert line.split() == [".venv/bin/marathon", "demo", *passed_on]


@pytest.mark.parametrize(
    ("target", "module"),
    [("events", "services.chassis.asyncapi"), ("bench", "tests.benchmarks.bench")],
)
def test_target_runs_a_module_that_can_be_run(target: str, module: str) -> None:
    assert make("-n", target).stdout.splitlines()[-1].strip() == f".venv/bin/python -m {module}"
    path = ROOT / (module.replace(".", "/") + ".py")
    assert 'if __name__ == "__main__":' in path.read_text()


def test_ci_runs_make_test_and_nothing_else() -> None:
    script = (ROOT / ".ci" / "run").read_text().splitlines()
    assert script == ["#!/bin/sh", "set -eu", 'exec make -C "$(dirname "$0")/.." test']
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


PAGES = [
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "CHANGELOG", "SECURITY")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
# Written by `make bench`.
MADE = {ROOT / "docs" / "benchmarks.md"}
COMMAND = re.compile(r"(?<![\w-])marathon ([a-z][a-z-]*(?: [a-z][a-z-]*)*)")
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)


def code_in(page: Path) -> str:
    return "\n".join(CODE.findall(page.read_text()))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    targets = [(page.parent / link).resolve() for link in links if "://" not in link]
    assert [target for target in targets if not target.exists() and target not in MADE] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    """Files of the tree by their path; in the glossary by their path below ``services/``."""
    named = set(re.findall(r"`([a-z_]+/[\w./-]+\.(?:py|md|yaml|yml|json))`", page.read_text()))
    places = (ROOT, ROOT / "services", page.parent)
    absent = [name for name in sorted(named) if not any((at / name).exists() for at in places)]
    assert [name for name in absent if ROOT / name not in MADE] == []


def test_targets_that_pages_name_are_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"\bmake ([a-z-]+)", code_in(page))}
    assert named - targets == set()
    assert {"demo", "test", "events"} <= named


def test_commands_that_pages_name_are_there() -> None:
    for page in PAGES:
        for line in COMMAND.findall(code_in(page)):
            command: Any = marathon
            for word in line.split():
                command = command.get_command(Context(marathon), word)
                assert command is not None, f"{page.name}: marathon {line}"
                if not isinstance(command, Group):
                    break


def test_variables_that_are_read_are_documented() -> None:
    read = set[str]()
    for folder in ("services", "gateway", "deploy"):
        for path in (ROOT / folder).rglob("*.py"):
            read |= set(re.findall(r"\"(MARATHON_[A-Z_]+)\"", path.read_text()))
    documented = set(re.findall(r"MARATHON_[A-Z_]+", (ROOT / "docs" / "operating.md").read_text()))
    assert read - documented == set()
    assert "MARATHON_SECRET" in read


def fake_python(folder: Path, version: str) -> Path:
    path = folder / f"python-{version}"
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o755)
    return path


def find_python(candidates: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(ROOT / "deploy" / "find_python.sh")],
        env={**os.environ, "PYTHON": candidates},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_a_python_that_fits_is_found_behind_one_that_does_not(tmp_path: Path, version: str) -> None:
    fitting = fake_python(tmp_path, version)
    shim = tmp_path / "shim"
    shim.write_text("#!/bin/sh\necho not installed >&2\nexit 127\n")
    shim.chmod(0o755)
    done = find_python(f"{shim} {fake_python(tmp_path, '3.9')} nothing-of-this-name {fitting}")
    assert (done.returncode, done.stdout.strip()) == (0, str(fitting))


def test_old_python_is_told_what_to_do(tmp_path: Path) -> None:
    done = find_python(f"{fake_python(tmp_path, '3.9')} {fake_python(tmp_path, '3.14')}")
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert first == "Python 3.11, 3.12 or 3.13 is needed; found here: 3.9 3.14."
    assert "apt-get install python3 python3-venv" in second


class Pip:
    """Stands for venv and pip: remembers what it was asked."""

    def __init__(self, fail: str = "", output: str = "") -> None:
        self.asked: list[str] = []
        self.fail = fail
        self.output = output

    def __call__(self, command: list[str], folder: Path) -> Any:
        del folder
        line = " ".join(command)
        if not line.endswith("--version"):
            self.asked.append(line)
        elif not Path(command[0]).exists():
            raise FileNotFoundError(command[0])
        failed = bool(self.fail) and self.fail in line
        if "-m venv" in line and not failed:
            (Path(command[-1]) / "bin").mkdir(parents=True)
            (Path(command[-1]) / "bin" / "python").touch()
        return SimpleNamespace(returncode=int(failed), stdout="", stderr=self.output)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what setup reads."""
    (tmp_path / "requirements").mkdir()
    for name in ("build.txt", "run.txt", "dev.txt"):
        (tmp_path / "requirements" / name).write_text((REQUIREMENTS / name).read_text())
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    return tmp_path


def use(pip: Pip, monkeypatch: pytest.MonkeyPatch) -> Pip:
    monkeypatch.setattr(bootstrap, "_run", pip)
    return pip


def test_setup_installs_the_lock_with_hashes_then_the_project(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip = use(Pip(), monkeypatch)
    bootstrap.set_up(tree, "run")
    made, locked, project = pip.asked
    assert made.endswith(f"-m venv {tree}/.venv")
    assert locked.endswith(
        f"--require-hashes -r {tree}/requirements/build.txt -r {tree}/requirements/run.txt"
    )
    assert project.endswith(f"--no-deps --no-build-isolation -e {tree}")


def test_setup_runs_again_only_when_the_lock_changed(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip = use(Pip(), monkeypatch)
    bootstrap.set_up(tree, "dev")
    pip.asked.clear()
    bootstrap.set_up(tree, "dev")
    bootstrap.set_up(tree, "run")  # has all of it already
    with (tree / "pyproject.toml").open("a") as file:
        file.write("\n[tool.other]\nsetting = 1\n")
    bootstrap.set_up(tree, "dev")
    assert pip.asked == []
    with (tree / "requirements" / "dev.txt").open("a") as file:
        file.write("# changed\n")
    bootstrap.set_up(tree, "dev")
    assert [line.split()[-1] for line in pip.asked] == [
        f"{tree}/requirements/dev.txt",
        str(tree),
    ]


def test_interrupted_setup_is_taken_up_again(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(Pip(fail="--no-deps"), monkeypatch)
    with pytest.raises(bootstrap.SetupError):
        bootstrap.set_up(tree, "run")
    pip = use(Pip(), monkeypatch)
    bootstrap.set_up(tree, "run")
    assert len(pip.asked) == 2


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("OSError: [Errno 28] No space left on device", "The disk is full: make room"),
        ("Failed to establish a new connection", "The package index can't be reached"),
        ("THESE PACKAGES DO NOT MATCH THE HASHES", "A package is not the one that was locked"),
        ("something else", "Setup failed:\nsomething else"),
    ],
)
def test_what_pip_says_becomes_a_sentence(
    tree: Path, monkeypatch: pytest.MonkeyPatch, output: str, sentence: str
) -> None:
    use(Pip(fail="--require-hashes", output=output), monkeypatch)
    with pytest.raises(bootstrap.SetupError) as caught:
        bootstrap.set_up(tree, "run")
    assert str(caught.value).startswith(sentence)


def test_full_disk_is_said_before_anything_is_written(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip = use(Pip(), monkeypatch)
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=50_000_000))
    with pytest.raises(bootstrap.SetupError, match=r"nearly full .50 MB free.: make room, 800 MB"):
        bootstrap.set_up(tree, "dev")
    assert pip.asked == []


@pytest.mark.parametrize("root", [True, False])
def test_debians_missing_venv_module(
    tree: Path, monkeypatch: pytest.MonkeyPatch, root: bool
) -> None:
    pip = use(Pip(fail="-m venv", output="ensurepip is not available"), monkeypatch)
    installed: list[list[str]] = []

    def install(names: list[str]) -> None:
        installed.append(names)
        pip.fail = ""

    monkeypatch.setattr(packages, "can_install", lambda: root)
    monkeypatch.setattr(packages, "install", install)
    monkeypatch.setattr(packages, "advice", lambda names: f"sudo apt-get install {names[0]}")
    version = f"python3.{sys.version_info[1]}-venv"
    if root:
        bootstrap.set_up(tree, "run")
        assert installed == [[version]]
        return
    with pytest.raises(bootstrap.SetupError, match=f"sudo apt-get install {version}$"):
        bootstrap.set_up(tree, "run")


def pins(name: str) -> set[tuple[str, str]]:
    return set(PINNED.findall((REQUIREMENTS / name).read_text()))


@pytest.mark.parametrize("name", ["build.txt", "run.txt", "dev.txt"])
def test_locks_have_hashes_and_no_address(name: str) -> None:
    text = (REQUIREMENTS / name).read_text()
    assert "://" not in text
    assert not re.search(r"--(index-url|extra-index-url|find-links)", text)
    for block in re.split(r"\n(?=[a-z])", text.strip()):
        assert "--hash=sha256:" in block, block


def test_locks_agree_with_each_other() -> None:
    assert pins("run.txt") <= pins("dev.txt")
    assert pins("build.txt") <= pins("dev.txt")
