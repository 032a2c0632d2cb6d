"""Events and calls on a real wire: one suite, on the embedded transport and on RabbitMQ."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Scene = Callable[[str], Any]


def play(name: str, amqp_url: str, folder: Path) -> Any:
    """What a scene of ``wire.py`` saw, played in a process of its own."""
    database_url = f"sqlite:///{folder}/{{service}}.sqlite"
    done = subprocess.run(
        [sys.executable, "-m", "tests.chassis.wire", name, amqp_url, database_url],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(params=["embedded", "rabbitmq"])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Scene:
    """Plays scenes on each broker in turn."""
    embedded = request.param == "embedded"
    amqp_url = "embedded://" if embedded else request.getfixturevalue("vhost")
    return lambda name: play(name, amqp_url, tmp_path)


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


def test_event_that_no_queue_takes_stays_in_the_outbox(vhost: str, tmp_path: Path) -> None:
    # On RabbitMQ only: kombu's in-memory transport knows no "mandatory".
    assert play("an_event_that_no_queue_takes_is_kept", vhost, tmp_path) == {
        "unsent": 1,
        "shelf": {"pot-2": 1},
    }
