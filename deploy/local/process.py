"""Processes of our own: started apart, recognised again by their command line, ended by pid."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Container, Mapping
from pathlib import Path

# Linux has it, macOS has not, and a small Debian has no ``ps``.
HAS_PROC = Path("/proc/self/stat").exists()


class _Child(subprocess.Popen[bytes]):
    """A child that is meant to outlive us."""

    def __del__(self) -> None:
        """Says nothing: Python would warn that it still runs."""


# A child must be waited for by its parent, else its pid stays taken: these are the ones that
# this very process started (a later ``marathon`` finds them by their pid file).
_children: dict[int, _Child] = {}


class ServerError(Exception):
    """A server that can't be had: one sentence that says why, one that says what to do."""

    def __init__(self, sentence: str, hint: str = "") -> None:
        super().__init__(f"{sentence} {hint}".strip())
        self.sentence = sentence
        self.hint = hint


def is_port_free(port: int) -> bool:
    """Whether nobody listens on a local port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(first: int, taken: Container[int] = ()) -> int:
    """The first free port from ``first`` on that is not in ``taken``."""
    for port in range(first, first + 500):
        if port not in taken and is_port_free(port):
            return port
    raise ServerError(
        f"No free port between {first} and {first + 500}.", "Stop what listens there."
    )


def spawn(
    command: list[str],
    log: Path,
    env: Mapping[str, str] | None = None,
    user: str | None = None,
) -> int:
    """Starts a process that outlives this one, as ``user`` if given; answers its pid.

    Its working directory is ``/``: the one we are in may be closed to ``user``.
    """
    with log.open("ab") as output:
        child = _Child(
            command,
            env=env,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=user,
            group=user,
            extra_groups=[] if user else None,
        )
    _children[child.pid] = child
    return child.pid


def is_alive(pid: int) -> bool:
    """Whether a process runs; the remains of one that ended do not count."""
    child = _children.get(pid)
    if child is not None and child.poll() is not None:
        del _children[pid]
        return False
    return _state(pid) not in ("", "Z")


def command_line(pid: int) -> str:
    """The command line of a process; empty when there is none.

    It is also empty for an instant while a process becomes another program.
    """
    if HAS_PROC:
        raw = _read(Path(f"/proc/{pid}/cmdline"))
        return raw.replace(b"\0", b" ").decode(errors="replace")
    return _ps(pid, "command=") + " "


def _state(pid: int) -> str:
    """A process's state in one letter, as in ``ps``; empty when there is none."""
    if HAS_PROC:
        # The name, in parentheses, may itself have spaces and parentheses.
        return _read(Path(f"/proc/{pid}/stat")).rpartition(b") ")[2][:1].decode()
    return _ps(pid, "stat=")[:1]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _ps(pid: int, column: str) -> str:
    command = ["ps", "-p", str(pid), "-o", column]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def read_pid(pid_file: Path, mark: str) -> int | None:
    """The pid in a file if that process runs and its command line has ``mark``, else nothing.

    A pid file outlives a crash and a reboot, and pids are given again: without the mark we
    might end somebody else's process.
    """
    try:
        pid = int(pid_file.read_text())
    except (OSError, ValueError):
        return None
    return pid if mark in command_line(pid) else None


def end(pid: int, number: signal.Signals, seconds: float = 30) -> bool:
    """Sends a signal and waits until the process is gone; answers whether it is."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return True
    return wait_until(lambda: not is_alive(pid), seconds)


def wait_until(condition: Callable[[], bool], seconds: float, pause: float = 0.05) -> bool:
    """Waits until a condition holds; answers whether it came to hold in time."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(pause)
    return True


def tail(log: Path, characters: int = 1500) -> str:
    """The end of a log."""
    try:
        return log.read_text(errors="replace")[-characters:]
    except OSError:
        return ""
