"""A whole instance in real processes, with a supervisor that restarts what dies.

What ``docker compose`` does on a server is done here by a thread, so that tests can kill any
process at any point and look at what comes out.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests import forking

MARATHON = [sys.executable, "-m", "deploy.cli"]
SERVICES = ("registration", "venues", "voting", "jury")


def run_marathon(
    *arguments: str, env: Mapping[str, str] | None = None, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """An operator's command, once it has ended."""
    given = dict(os.environ if env is None else env)
    if forking.allowed:
        return forking.run(list(arguments), given, timeout)
    command = [*MARATHON, *arguments]
    return subprocess.run(
        command, env=given, capture_output=True, text=True, timeout=timeout, check=False
    )


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """One supervised process of an instance."""

    def __init__(self, name: str, command: list[str], env: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.command = command
        self.env = dict(env)
        self.log = log
        self.restarts = 0
        self.wanted = True
        self.process = self._spawn()

    def _spawn(self) -> subprocess.Popen[bytes] | forking.Forked:
        with self.log.open("ab") as log:
            self.log_begins = log.tell()
            if forking.allowed and self.command[: len(MARATHON)] == MARATHON:
                arguments = self.command[len(MARATHON) :]
                return forking.Forked(arguments, self.env, self.log, self.log)
            return subprocess.Popen(
                self.command, env=self.env, stdout=log, stderr=log, start_new_session=True
            )

    @property
    def says(self) -> str:
        """What it has logged since its latest start."""
        return self.log.read_bytes()[self.log_begins :].decode(errors="replace")

    def revive(self) -> None:
        """Starts it again if it is wanted and has died."""
        if self.wanted and self.process.poll() is not None:
            self.restarts += 1
            self.process = self._spawn()

    def kill(self) -> None:
        """Kills it with -9; the supervisor brings it back."""
        self.process.kill()
        self.process.wait()

    def halt(self, number: int = signal.SIGTERM) -> int:
        """Ends it for good (until :meth:`resume`); answers its exit code."""
        self.wanted = False
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=20)

    def resume(self) -> None:
        """Wants it again; the supervisor starts it."""
        self.wanted = True


class Instance:
    """Four services and a gateway on one broker and one database server."""

    def __init__(self, folder: Path, amqp_url: str, database_url: str, **extra: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.crashes = folder / "crashes"
        self.crashes.mkdir()
        self.env = {
            **os.environ,
            "MARATHON_SECRET": "a secret for tests that is long enough",
            "MARATHON_INSTANCE": "test",
            "MARATHON_AMQP_URL": amqp_url,
            "MARATHON_DATABASE_URL": database_url,
            "MARATHON_DATA_DIR": str(folder / "data"),
            "MARATHON_CLOCK_FILE": str(folder / "clock"),
            "MARATHON_PUBLIC_URL": self.url,
            "MARATHON_GATEWAY_PORT": str(self.port),
            "MARATHON_TICK_S": "0.2",
            "MARATHON_RETRY_DELAYS_S": "0.2,0.5,1,2,5",
            "MARATHON_CRASH_MARKER": str(self.crashes),
            **extra,
        }
        self.processes: dict[str, Process] = {}
        self._watching = threading.Event()

    def prepare(self) -> None:
        """Migrates the databases and declares the topology."""
        self.marathon("migrate", "all")
        self.marathon("topology", "apply")

    def marathon(self, *arguments: str, patience_s: float = 300, **env: str) -> str:
        """Runs an operator's command; answers what it printed."""
        done = run_marathon(*arguments, env={**self.env, **env}, timeout=patience_s)
        assert done.returncode == 0, f"marathon {arguments}: {done.stderr[-3000:]}"
        return done.stdout

    def start(self, *names: str, **env: str) -> None:
        """Starts services (all and the gateway if none is named) and the supervisor."""
        for name in names or (*SERVICES, "gateway"):
            self.processes[name] = Process(
                name,
                [*MARATHON, "run", name.split("#")[0]],
                {**self.env, **env},
                self.folder / f"{name}.log",
            )
        if not self._watching.is_set():
            self._watching.set()
            threading.Thread(target=self._supervise, daemon=True).start()

    def wait_ready(self, seconds: float = 60) -> None:
        """Waits until the gateway says that all services answer."""
        self.wait_for(lambda: self._ready(), seconds, "the instance is not ready")

    def wait_for(self, condition: Any, seconds: float = 60, what: str = "condition") -> Any:
        """Waits until ``condition()`` is true; fails with the logs' ends otherwise."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = condition()
            if found:
                return found
            time.sleep(0.1)
        raise AssertionError(f"{what} after {seconds} s\n{self.log_ends()}")

    def log_ends(self) -> str:
        """The last lines that each process wrote."""
        return "\n".join(
            f"--- {path.name}\n{path.read_text()[-1500:]}"
            for path in sorted(self.folder.glob("*.log"))
        )

    def stop(self) -> None:
        """Ends every process of this instance."""
        self._watching.clear()
        for process in self.processes.values():
            process.wanted = False
            if process.process.poll() is None:
                process.process.terminate()
        for process in self.processes.values():
            try:
                process.process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.process.kill()
                process.process.wait()

    def get(self, path: str, token: str | None = None) -> Any:
        """The JSON of an address of this instance."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(f"{self.url}{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=15) as answer:
            return json.load(answer)

    def _ready(self) -> bool:
        try:
            self.get("/readyz")
        except OSError:
            return False
        return True

    def _supervise(self) -> None:
        while self._watching.is_set():
            for process in list(self.processes.values()):
                process.revive()
            time.sleep(0.05)
