"""Whatever comes first, late or twice: the same final state (copies and reconcile)."""

from __future__ import annotations

import functools
import random
import tempfile
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.voting.stage import CLOSES, MARATHON, NOBODY, OPENS, START, Stage, on_sqlite

CLOSED = CLOSES + timedelta(hours=5)
Letters = list[dict[str, Any]]


def play(rng: random.Random | None) -> dict[str, Any]:
    """A whole poll; with ``rng`` each chapter's letters come shuffled, repeated, with ticks
    between them. Answers what it ended with."""
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(f"sqlite:///{folder}/{{service}}.sqlite")
        try:
            _mobilisation(stage, rng)
            _opening(stage, rng)
            _closing(stage, rng)
            return _outcome(stage)
        finally:
            stage.troupe.close()


def _mobilisation(stage: Stage, rng: random.Random | None) -> None:
    letters = [stage.marathon_letter("announced"), stage.marathon_letter("mobilised")]
    letters += [stage.project_letter(project, "confirmed") for project in ("bakery", "garden")]
    letters += [
        stage.project_letter("wool", "confirmed"),
        stage.project_letter("bakery", "confirmed"),
    ]
    letters += [stage.marathon_letter("mobilised", {"tie_rule": "lots"})]
    _hear(stage, letters, rng)
    stage.call("prepare_poll", marathon=MARATHON)


def _opening(stage: Stage, rng: random.Random | None) -> None:
    stage.troupe.clock.move_to(OPENS)
    letters = [stage.project_letter("late", "confirmed")]
    letters += [stage.project_letter("late", "withdrawn")]
    letters += [stage.project_letter(p, "checked_in") for p in ("bakery", "wool")]
    letters += [stage.marathon_letter("running", projects=stage.started_projects())]
    _hear(stage, letters, rng)
    for number, code in enumerate(stage.codes(6)):
        stage.vote(code, ("wool", "wool", "wool", "garden", "garden", "bakery")[number])


def _closing(stage: Stage, rng: random.Random | None) -> None:
    stage.troupe.clock.move_to(CLOSED)
    started = [entry["id"] for entry in stage.started_projects()]
    letters = [stage.project_letter("wool", "withdrawn")]
    named = [{"id": project, "version": stage.versions[project]} for project in started]
    ended = CLOSES - timedelta(hours=1)
    letters += [stage.marathon_letter("ended", ended_at=ended.isoformat(), projects=named)]
    letters += [stage.marathon_letter("deliberated")]
    letters += [stage.marathon_letter("closed", closed_at=CLOSED.isoformat())]
    _hear(stage, letters, rng)
    for _ in range(3):
        stage.voting.tick()
    stage.at(CLOSED + timedelta(days=7))


def _hear(stage: Stage, letters: Letters, rng: random.Random | None) -> None:
    order = list(letters)
    if rng is not None:
        order += rng.sample(letters, rng.randrange(len(letters)))
        rng.shuffle(order)
    for letter in order:
        stage.hear(letter)
        if rng is not None and rng.random() < 0.5:
            stage.voting.tick()


def _outcome(stage: Stage) -> dict[str, Any]:
    poll = stage.poll()
    results = stage.call("get_results", NOBODY, marathon=MARATHON)
    by_chance = ("poll", "seed", "record_digest", "box_digest", "winners")
    said = stage.said()
    return {
        "results": {name: value for name, value in results.items() if name not in by_chance},
        "rows": stage.rows(),
        "state": (poll.state, poll.rule, poll.projects, poll.received),
        "window": (poll.opens_at, poll.closes_at, poll.closed_at, poll.unlinked_at),
        "once": [said.count(name) for name in ("poll_closed", "poll_counted")],
    }


def test_played_in_order_it_ends_with_exact_values() -> None:
    outcome = play(None)
    assert outcome["state"] == (
        "counted",
        "lots",
        [
            {"id": "bakery", "version": 3},
            {"id": "garden", "version": 1},
            {"id": "wool", "version": 2},
        ],
        6,
    )
    assert outcome["results"]["spoilt"] == 3
    assert [line["counted"] for line in outcome["results"]["results"]] == [2, 1, 0]
    assert outcome["once"] == [1, 1]
    assert outcome["rows"]["voters"] == 6 and outcome["rows"]["box"] == 3


@settings(max_examples=8, deadline=None)
@given(st.randoms(use_true_random=False))
def test_any_order_and_repetition_ends_with_the_same(rng: random.Random) -> None:
    assert play(rng) == in_order()


@functools.cache
def in_order() -> dict[str, Any]:
    """The outcome in order, played once."""
    return play(None)


def test_project_heard_before_its_marathon_waits_for_it(stage: Stage) -> None:
    stage.project("bakery")
    assert stage.rows("polls") == {"polls": 0}
    stage.marathon("mobilised")
    assert stage.poll().projects == [{"id": "bakery", "version": 1}]


@on_sqlite
def test_event_of_no_marathon_changes_nothing(stage: Stage) -> None:
    stage.mobilised()
    role = {"person_key": "p", "role": "juror", "marathon": None, "status": "granted"}
    stage.hear(stage.letter("registration", "role_granted", "role", "r", role))
    stage.at(START + timedelta(hours=1))
    assert stage.said() == []
