"""``marathon run embedded`` as a real process: answers, sends its mails, ends when told to."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.instance import MARATHON, free_port

ENDS_WITHIN_S = 10


class Embedded:
    """One instance in one process, in a folder of its own."""

    def __init__(self, folder: Path, **more: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "log"
        self.env = {
            **os.environ,
            "MARATHON_DATA_DIR": str(folder / "data"),
            "MARATHON_GATEWAY_PORT": str(self.port),
            "MARATHON_PUBLIC_URL": self.url,
            "MARATHON_DEMO": "1",
            "MARATHON_SMTP_URL": f"folder:{folder / 'mails'}",
            **more,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it; returns once all services answer."""
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*MARATHON, "run", "embedded"], env=self.env, stdout=log, stderr=log
            )
        self.wait_for(lambda: self.ask("/readyz") == {"problems": []})

    def ask(self, path: str, body: Any = None) -> Any:
        """The JSON of an address; nothing while it can't be had."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except OSError:
            return None

    def wait_for(self, condition: Callable[[], Any]) -> Any:
        """What ``condition`` answers, once it is true; 30 s at most."""
        until = time.monotonic() + 30
        while time.monotonic() < until:
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            if found := condition():
                return found
            time.sleep(0.05)
        raise AssertionError(self.log.read_text()[-3000:])

    def stop(self) -> int:
        """Tells it to end; answers its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(ENDS_WITHIN_S)

    def close(self) -> None:
        """Ends it, whatever it is at."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Embedded]:
    made = Embedded(tmp_path)
    yield made
    made.close()


def run(instance: Embedded, *arguments: str) -> tuple[int, str]:
    """Runs the operator's command; its exit code and what it said."""
    done = subprocess.run(
        [*MARATHON, *arguments], env=instance.env, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def sign_in(instance: Embedded, email: str) -> None:
    """Asks for a mail."""
    assert instance.ask("/api/v1/sign-in/requests", {"email": email}) == {"minutes": 30}


def test_embedded_instance_lives_and_ends(instance: Embedded) -> None:
    instance.start()
    assert instance.ask("/healthz") == {"status": "alive"}
    assert instance.ask("/api/v1/cycles") == []
    sign_in(instance, "anne@example.org")
    (mail,) = instance.wait_for(lambda: instance.ask("/api/v1/mails?to=anne@example.org"))
    assert f"{instance.url}/connexion/lien?token=" in mail["text"]
    # A client that keeps its connection does not keep the instance.
    with socket.create_connection(("127.0.0.1", instance.port)) as idle:
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n")
        assert idle.recv(12) == b"HTTP/1.1 200"
        assert instance.stop() == 0
    assert "Traceback" not in instance.log.read_text()


def test_embedded_instance_ends_while_a_mail_server_is_silent(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(20)
        url = f"smtp://127.0.0.1:{silent.getsockname()[1]}"
        instance = Embedded(tmp_path, MARATHON_SMTP_URL=url)
        try:
            instance.start()
            sign_in(instance, "anne@example.org")
            connection, _address = silent.accept()
            with connection:
                assert instance.stop() == 0
        finally:
            instance.close()


@pytest.mark.parametrize("part", ["embedded", "gateway"])
def test_port_that_is_taken_is_said_before_anything_is_made(instance: Embedded, part: str) -> None:
    with socket.create_server(("127.0.0.1", instance.port)):
        code, said = run(instance, "run", part)
    assert code == 1
    assert said == (
        f"Error: Port {instance.port} is taken: stop what listens there,"
        " or set MARATHON_GATEWAY_PORT to another one.\n"
    )
    assert list(Path(instance.env["MARATHON_DATA_DIR"]).glob("*.sqlite")) == []


def test_mail_address_that_is_wrong_is_said_before_anything_is_made(tmp_path: Path) -> None:
    instance = Embedded(tmp_path, MARATHON_SMTP_URL="folder:")
    code, said = run(instance, "run", "embedded")
    assert (code, said) == (1, "Error: MARATHON_SMTP_URL names no folder: write folder:PATH\n")
    assert list(Path(instance.env["MARATHON_DATA_DIR"]).glob("*.sqlite")) == []
