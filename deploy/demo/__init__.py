"""The demonstration: an embedded instance in a child process, a play, and what to look at."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import requests

from deploy.cli.play import play
from deploy.demo.guide import ORGANISER, accounts, guide
from deploy.play.script import load

HOST = "127.0.0.1"
FILE = Path(__file__).resolve().parents[1] / "cycles" / "vallee-du-lot-2023.play.yaml"
LEGAL = Path(__file__).with_name("legal.yaml")
START_S = 60.0
STOP_S = 15.0
LABEL = "demonstration"
FULL_BYTES = 1 << 20


def run(folder: Path, port: int, fresh: bool) -> None:
    """Runs the demonstration until Ctrl-C or SIGTERM.

    Raises ``click.ClickException`` with what to do when it can't be run.
    """
    with _readable_errors(folder), _alone(folder) as lock:
        if fresh:
            _forget(folder)
        _must_be_free(port)
        begun = _length(folder / "log")
        with _instance(folder, port, lock) as child, _told_when_full(folder):
            url = f"http://{HOST}:{port}"
            _wait(child, url, folder, begun)
            _let_in(folder)
            found = play(FILE, url, _token(folder))
            click.echo(guide(url, found, load(FILE, datetime.now(UTC))))
            _stay(child, folder, begun)


@contextmanager
def _readable_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            told = f"The disk of {folder} is full: make room and start again."
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            told = f"{folder} can't be written: start from a folder that is yours."
        else:
            raise
        raise click.ClickException(told) from error


@contextmanager
def _told_when_full(folder: Path) -> Iterator[None]:
    """Says that the disk is full where that is why something failed: the instance can't know."""
    try:
        yield
    except click.ClickException as error:
        if shutil.disk_usage(folder).free >= FULL_BYTES:
            raise
        told = f"The disk of {folder} is full: make room and start again."
        raise click.ClickException(told) from error


@contextmanager
def _alone(folder: Path) -> Iterator[int]:
    """Keeps a second demonstration off the same data; the lock, for the instance to hold too."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise click.ClickException(
                f"A demonstration is running already on {folder}: stop it with Ctrl-C first"
                f"{_or_by_its_number(folder)}."
            ) from error
        yield lock.fileno()


def _or_by_its_number(folder: Path) -> str:
    number = (folder / "lock").read_text().strip()
    return f", or with kill {number}" if number else ""


def _forget(folder: Path) -> None:
    """Takes away what a demonstration makes, and nothing else that may be in the folder."""
    shutil.rmtree(folder / "mail", ignore_errors=True)
    for pattern in ("clock*", "log", "secret", "token*", "*.sqlite", "*.sqlite-*"):
        for entry in folder.glob(pattern):
            entry.unlink()


def _must_be_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise click.ClickException(
                f"Port {port} is taken ({error.strerror}): stop what listens there, or choose"
                " another with make demo PORT=8001."
            ) from error


# --- the instance -----------------------------------------------------------------------------


@contextmanager
def _instance(folder: Path, port: int, lock: int) -> Iterator[subprocess.Popen[bytes]]:
    """The child process of the instance, ended in the end."""
    with (folder / "log").open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "deploy.cli", "run", "embedded"],
            env=environment(folder, port),
            stdout=log,
            stderr=log,
            # Ctrl-C is for us: the child ends when we say so, after what it is doing.
            start_new_session=True,
            # Should we be killed, the data stay locked as long as the instance works on them.
            pass_fds=(lock,),
        )
    try:
        (folder / "lock").write_text(str(child.pid))
        with _ending_on_sigterm():
            yield child
    finally:
        _end(child)


@contextmanager
def _ending_on_sigterm() -> Iterator[None]:
    def interrupt(_number: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    # A terminal that is closed hangs up, unless we were told not to mind (nohup).
    ends = [s for s in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(s) != signal.SIG_IGN]
    before = {number: signal.signal(number, interrupt) for number in ends}
    try:
        yield
    except KeyboardInterrupt:
        with suppress(OSError):
            click.echo(
                "\nStopped. The data are kept: make demo goes on, make demo FRESH=1 starts anew."
            )
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(STOP_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def environment(folder: Path, port: int) -> dict[str, str]:
    """The settings of the demonstration's instance: its own data, clock and mailbox."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("MARATHON_")}
    return {
        **ours,
        "MARATHON_INSTANCE": "demonstration",
        "MARATHON_DATA_DIR": str(folder),
        "MARATHON_CLOCK_FILE": str(folder / "clock"),
        "MARATHON_DEMO": "1",
        "MARATHON_LEGAL_FILE": str(LEGAL),
        "MARATHON_DEMO_ACCOUNTS": ";".join(
            f"{role}={who.email}" for role, who in accounts(load(FILE, datetime.now(UTC)))
        ),
        "MARATHON_SMTP_URL": f"folder:{folder / 'mail'}",
        "MARATHON_GATEWAY_HOST": HOST,
        "MARATHON_GATEWAY_PORT": str(port),
        "MARATHON_PUBLIC_URL": f"http://{HOST}:{port}",
        "MARATHON_TICK_S": "0.2",
    }


def _wait(child: subprocess.Popen[bytes], url: str, folder: Path, begun: int) -> None:
    """Waits until the instance answers."""
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if child.poll() is not None:
            raise click.ClickException(_why_it_ended(folder, begun))
        with suppress(requests.RequestException):
            if requests.get(f"{url}/readyz", timeout=5).status_code == 200:
                return
        time.sleep(0.05)
    raise click.ClickException(f"The instance did not answer in {START_S:.0f} s: see {folder}/log.")


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _why_it_ended(folder: Path, begun: int) -> str:
    """The reason in the log, of what was written since this start (bytes)."""
    log = (folder / "log").read_bytes()[begun:].decode(errors="replace")
    if "disk is full" in log or "No space left" in log:
        return f"The disk of {folder} is full: make room and start again."
    lines = [line for line in log.splitlines() if line.startswith("Error: ")]
    told = lines[-1].removeprefix("Error: ") if lines else "The instance ended."
    return f"{told} See {folder}/log; make demo FRESH=1 starts anew."


def _token(folder: Path) -> str:
    """The demonstration's own token, made once: for this folder's owner alone."""
    path = folder / "token"
    if not path.exists():
        made = _marathon(folder, "token", "create", "--label", LABEL, "--role", "organiser")
        # Written beside and renamed: half a token would be of no use for ever.
        beside = folder / "token.new"
        beside.touch(mode=0o600)
        beside.write_text(made)
        beside.replace(path)
    return path.read_text().strip()


def _let_in(folder: Path) -> None:
    """The organiser of all marathons, by whom the demonstration is looked at."""
    _marathon(folder, "organiser", "add", ORGANISER.email, "--name", ORGANISER.name)


def _marathon(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.cli", *arguments],
        env=environment(folder, 0),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise click.ClickException(done.stderr.strip().removeprefix("Error: "))
    return done.stdout


def _stay(child: subprocess.Popen[bytes], folder: Path, begun: int) -> None:
    """Stays until Ctrl-C, or until the instance ends by itself."""
    child.wait()
    raise click.ClickException(_why_it_ended(folder, begun))
