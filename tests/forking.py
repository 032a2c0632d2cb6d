"""Processes of ``marathon`` that are forked from one that has imported everything already.

An instance is up to six processes, each of which imports for seconds what all others import, and
tests start hundreds. So here they are forked: processes of their own that can be killed, with
their own environment and output, in which modules are there already and nothing else is.
``tests/gateway/test_embedded.py``, ``tests/deploy/test_demo.py``, ``test_cli.py`` and the finals of
``tests/chaos`` start theirs as an operator does; so does whatever is measured.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOOK_S = 0.01
allowed = False
"""Tests allow it (``conftest.py``); benchmarks measure processes that were started."""


class Forker:
    """A process that waits to fork."""

    def __init__(self, kind: str) -> None:
        self.turn = threading.Lock()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.prefork", kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            # Ctrl-C is for the tests; it ends when they do.
            start_new_session=True,
        )

    def ask(self, **told: Any) -> Any:
        """Its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with self.turn:
            self.process.stdin.write(json.dumps(told) + "\n")
            self.process.stdin.flush()
            return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        """Lets it end."""
        self.process.communicate()


@cache
def forker(kind: str) -> Forker:
    """The one of this process and kind, from when it is first needed to the end."""
    made = Forker(kind)
    atexit.register(made.close)
    return made


class Forked:
    """A process of ``marathon``, as a :class:`subprocess.Popen` would be."""

    def __init__(
        self, arguments: list[str], env: Mapping[str, str], stdout: Path, stderr: Path
    ) -> None:
        self.forker = forker("green" if arguments[0] == "run" else "plain")
        self.returncode: int | None = None
        self.turn = threading.Lock()
        self.pid = int(
            self.forker.ask(
                arguments=arguments,
                env=dict(env),
                stdout=str(stdout),
                stderr=str(stderr),
                folder=str(Path.cwd()),
            )
        )

    def poll(self) -> int | None:
        """How it ended, if it has."""
        with self.turn:
            if self.returncode is None:
                self.returncode = self.forker.ask(poll=self.pid)
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """How it ended, once it has."""
        until = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if until is not None and time.monotonic() > until:
                raise subprocess.TimeoutExpired(f"marathon ({self.pid})", timeout or 0)
            time.sleep(LOOK_S)
        return code

    def send_signal(self, number: int) -> None:
        """Sends it a signal, if it is there."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Tells it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it at once."""
        self.send_signal(signal.SIGKILL)


def run(
    arguments: list[str], env: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """``marathon`` with these arguments, as :func:`subprocess.run` would have it."""
    with tempfile.TemporaryDirectory() as folder:
        stdout, stderr = Path(folder, "stdout"), Path(folder, "stderr")
        process = Forked(arguments, env, stdout, stderr)
        try:
            code = process.wait(timeout)
        except BaseException as error:
            process.kill()
            process.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                error.stdout, error.stderr = stdout.read_bytes(), stderr.read_bytes()
            raise
        return subprocess.CompletedProcess(
            ["marathon", *arguments], code, stdout.read_text(), stderr.read_text()
        )
