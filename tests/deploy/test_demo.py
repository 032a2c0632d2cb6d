"""``marathon demo``: what a newcomer does first."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from deploy.demo import _why_it_ended
from deploy.demo.guide import over
from tests.instance import MARATHON, free_port

READY_S = 150


class Demo:
    """A demonstration in a process of its own."""

    def __init__(self, folder: Path, port: int, *more: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        command = [*MARATHON, "demo", "--port", str(port), "--folder", str(folder), *more]
        # Tests that a shell runs in the background have inherited that Ctrl-C is ignored, and
        # would pass it on.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        finally:
            signal.signal(signal.SIGINT, before)
        self.told = ""

    def wait_ready(self) -> str:
        """What it printed, once it is ready."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.told += line
            if "make demo FRESH=1" in line:
                return self.told
        raise AssertionError(f"it ended: {self.process.communicate()}")

    def stop(self) -> int:
        """Ctrl-C; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=30)
        return self.process.returncode


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the demonstration's data are."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def demo(folder: Path) -> Iterator[Demo]:
    """One demonstration for all tests of this file: it takes a while."""
    made = Demo(folder, free_port())
    try:
        made.wait_ready()
        yield made
    finally:
        made.stop()


@pytest.mark.timeout(300)
def test_it_ends_with_the_address_accounts_and_what_to_look_at(demo: Demo) -> None:
    assert demo.url in demo.told
    assert "inventés" in demo.told
    for role in ("organiser", "juror", "coach", "project holder", "owner", "resident"):
        assert re.search(rf"^ +{role} +\S+@example\.org$", demo.told, re.M), role
    for address in re.findall(rf"{demo.url}/\S*", demo.told):
        assert requests.get(address, timeout=10).status_code == 200, address


@pytest.mark.timeout(300)
def test_three_are_closed_one_is_voting_one_is_to_come_and_secret(demo: Demo) -> None:
    cycle = api(demo, "/cycles/vallee-du-lot-2023")
    states = [one["state"] for one in cycle["marathons"]]
    assert states == ["closed", "closed", "closed", "running", "announced"]
    assert api(demo, "/marathons/vallee-du-lot-2023-4/poll")["open"]
    to_come = cycle["marathons"][-1]
    assert (to_come["host_insee"], to_come["host_name"], to_come["revealed"]) == (None, None, False)
    for number in (1, 2, 3):
        palmares = api(demo, f"/marathons/vallee-du-lot-2023-{number}/palmares")
        assert palmares["public_winners"]


@pytest.mark.timeout(300)
def test_an_account_signs_in_by_the_mail_on_the_demonstrations_page(demo: Demo) -> None:
    email = "organisatrice@example.org"
    asked = requests.post(f"{demo.url}/api/v1/sign-in/requests", json={"email": email}, timeout=10)
    assert asked.status_code == 202
    code = wait_for_code(demo, email)
    body = {"email": email, "code": code}
    made = requests.post(f"{demo.url}/api/v1/sign-in", json=body, timeout=10).json()
    assert {"role": "organiser", "marathon": None} in made["roles"]


@pytest.mark.timeout(300)
def test_a_second_one_on_the_same_data_or_port_says_so(demo: Demo, folder: Path) -> None:
    same_data = Demo(folder, free_port())
    assert "is running already" in same_data.process.communicate(timeout=30)[1]
    port = int(demo.url.rpartition(":")[2])
    same_port = Demo(folder.parent / "other", port)
    told = same_port.process.communicate(timeout=30)[1]
    assert told.startswith(f"Error: Port {port} is taken")
    assert (same_data.process.returncode, same_port.process.returncode) == (1, 1)


@pytest.mark.timeout(300)
def test_stopped_it_leaves_nobody_and_started_again_it_keeps_its_data(
    demo: Demo, folder: Path
) -> None:
    before = api(demo, "/marathons/vallee-du-lot-2023-3/palmares")["digest"]
    port = int(demo.url.rpartition(":")[2])
    assert demo.stop() == 0
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    again = Demo(folder, port)
    try:
        again.wait_ready()
        assert api(again, "/marathons/vallee-du-lot-2023-3/palmares")["digest"] == before
    finally:
        assert again.stop() == 0


@pytest.mark.timeout(300)
@pytest.mark.parametrize("how", [signal.SIGHUP, signal.SIGKILL])
def test_however_it_ends_the_data_have_one_instance(tmp_path: Path, how: signal.Signals) -> None:
    first = Demo(tmp_path, free_port())
    child = wait_for_child(tmp_path)
    first.process.send_signal(how)
    first.process.communicate(timeout=40)
    if how is signal.SIGHUP:
        assert not Path(f"/proc/{child}").exists()
        return
    # Killed it can't end its instance; the next one is told, and how to end it.
    told = Demo(tmp_path, free_port()).process.communicate(timeout=30)[1]
    os.kill(child, signal.SIGTERM)
    assert told.endswith(f"stop it with Ctrl-C first, or with kill {child}.\n")


def wait_for_child(folder: Path) -> int:
    """The process of the demonstration's instance, once it is there."""
    lock = folder / "lock"
    for _ in range(300):
        if lock.exists() and lock.read_text():
            return int(lock.read_text())
        time.sleep(0.1)
    raise AssertionError("no instance came")


def test_why_it_ended_is_read_from_this_start_alone(tmp_path: Path) -> None:
    old = "Error: The disk is full: make room.\n"
    (tmp_path / "log").write_text(old + "Error: Port 8000 is taken.\n")
    assert _why_it_ended(tmp_path, len(old)).startswith("Port 8000 is taken. See ")


def test_a_vote_that_is_over_is_said_with_what_to_do() -> None:
    assert over({"marathons": [{"state": "closed"}, {"state": "running"}]}) == []
    assert "make demo FRESH=1" in over({"marathons": [{"state": "ended"}]})[1]


def api(demo: Demo, path: str) -> dict[str, Any]:
    """What the API answers anybody."""
    answer = requests.get(f"{demo.url}/api/v1{path}", timeout=10)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def wait_for_code(demo: Demo, email: str) -> str:
    """The code in the newest mail to somebody, once it has come."""
    for _ in range(100):
        query = {"to": email}
        mails = requests.get(f"{demo.url}/api/v1/mails", params=query, timeout=10).json()
        if mails:
            found = re.search(r"\b\d{6}\b", mails[0]["text"])
            assert found
            return found[0]
        time.sleep(0.1)
    raise AssertionError("no mail came")
