"""Events and calls on a real wire: one suite, on the embedded transport and on RabbitMQ."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

Scene = Callable[[str], Any]


class Theatre:
    """A process that has imported all there is, and forks for each scene of ``wire.py``."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.chassis.wire"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def child(self, name: str, amqp_url: str, folder: Path, **env: str) -> Ended:
        """A scene's process, once it has ended."""
        database_url = f"sqlite:///{folder}/{{service}}.sqlite"
        out = Path(tempfile.mkdtemp(dir=folder))
        told = {"scene": name, "amqp_url": amqp_url, "database_url": database_url}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({**told, "env": env, "folder": str(out)}) + "\n")
        self.process.stdin.flush()
        code = int(self.process.stdout.readline())
        return Ended(code, out / "stdout", (out / "stderr").read_text())

    def play(self, name: str, amqp_url: str, folder: Path) -> Any:
        """What a scene saw."""
        done = self.child(name, amqp_url, folder)
        assert done.code == 0, done.stderr[-3000:]
        return json.loads(done.stdout.read_text())

    def close(self) -> None:
        """Ends it."""
        self.process.communicate()


@dataclass
class Ended:
    """What is left of a scene's process."""

    code: int
    stdout: Path
    stderr: str


@pytest.fixture(scope="module")
def theatre() -> Iterator[Theatre]:
    """Where scenes are played."""
    made = Theatre()
    yield made
    made.close()


@pytest.fixture(params=["embedded", "rabbitmq"])
def broker(request: pytest.FixtureRequest) -> str:
    """The address of each broker in turn."""
    return "embedded://" if request.param == "embedded" else request.getfixturevalue("vhost")


@pytest.fixture
def scene(broker: str, theatre: Theatre, tmp_path: Path) -> Scene:
    """Plays scenes on each broker in turn."""
    return lambda name: theatre.play(name, broker, tmp_path)


def test_each_event_has_one_effect_when_published_twice(scene: Scene) -> None:
    assert scene("each_event_has_one_effect") == {"times": [1] * 21, "unsent": 0}


def test_poison_event_is_parked_and_replayed_after_the_fix(scene: Scene) -> None:
    assert scene("a_poison_event_is_parked_and_replayed") == {
        "behind": True,
        "error": "ValueError: a pot of negative size",
        "attempts": 3,
        "replayed": 1,
        "shelf": {"pot-1": 1, "pot-2": 1},
        "left": 0,
    }


def test_bodies_that_are_no_event_are_parked_and_stop_nobody(scene: Scene) -> None:
    assert scene("not_even_json_is_parked") == {"parked": 3, "shelf": {"pot-1": 1}}


def test_event_said_before_its_listeners_first_start_is_heard(scene: Scene) -> None:
    assert scene("an_event_waits_for_its_listeners_first_start") == {"shelf": {"pot-1": 1}}


def test_command_past_its_deadline_is_not_run(scene: Scene) -> None:
    assert scene("a_late_command_is_not_run") == {"refused": "unavailable", "pots": 2}


def test_refusals_travel_and_store_nothing(scene: Scene) -> None:
    assert scene("a_refusal_and_a_wrong_request_travel") == {
        "codes": [["pot_broken", 409], ["request_invalid", 422], ["request_invalid", 422]],
        "pots": 0,
        "unsent": 0,
        "measured": 8,
    }


def test_event_that_no_queue_takes_stays_in_the_outbox(
    vhost: str, theatre: Theatre, tmp_path: Path
) -> None:
    # On RabbitMQ only: kombu's in-memory transport knows no "mandatory".
    assert theatre.play("an_event_that_no_queue_takes_is_kept", vhost, tmp_path) == {
        "unsent": 1,
        "shelf": {"pot-2": 1},
    }


@pytest.mark.parametrize(
    "place",
    [
        "potter@said.committed:pot_made",
        "potter@outbox.published:pot_made",
        "collector@event.received:pot_made",
        "collector@event.handled:pot_made",
        "collector@event.committed:pot_made",
    ],
)
def test_kill_at_any_point_leaves_each_effect_exactly_once(
    broker: str, theatre: Theatre, tmp_path: Path, place: str
) -> None:
    marker = tmp_path / "crashes"
    marker.mkdir()
    crash = {"MARATHON_CRASH_AT": place, "MARATHON_CRASH_MARKER": str(marker)}
    died = theatre.child("dies_at_a_crash_point", broker, tmp_path, **crash)
    assert died.code == -signal.SIGKILL, died.stderr[-2000:]
    assert [path.name for path in marker.iterdir()] == [place]

    after = theatre.play("goes_on_after_the_crash", broker, tmp_path)
    assert after["made"][:1] == ["pot-0"]
    assert after["shelf"] == dict.fromkeys(after["made"], 1)
    assert after["unsent"] == 0
