"""Every event twice, any order of events: the same final state in all four services."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from tests.fixtures import empty
from tests.harness import Troupe
from tests.journeys.outcome import outcome
from tests.journeys.tour import Tour, WildWire, Wire


class Outcome(dict[str, list[str]]):
    """What is left, by table; too long to be printed with an example that fails."""

    def __repr__(self) -> str:
        return f"<{sum(map(len, self.values()))} rows in {len(self)} tables>"


class Tidy:
    """A cycle that was played on a wire that keeps the order and loses nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        troupe = Troupe(folder)
        tour = Tour(troupe)
        tour.play()
        self.outcome = Outcome(outcome(troupe))
        self.letters = list(tour.letters)
        self.ended_at = troupe.clock.now()
        troupe.close()


@pytest.fixture(scope="module")
def tidy(tmp_path_factory: pytest.TempPathFactory) -> Tidy:
    """Played once; its databases are to be copied."""
    return Tidy(tmp_path_factory.mktemp("tidy"))


@pytest.fixture(scope="module")
def expected(tidy: Tidy) -> Outcome:
    """What is left of it."""
    return tidy.outcome


def played(where: Path | str, seed: int | None = None, twice: bool = False) -> Outcome:
    """What is left after a cycle on another wire."""
    troupe = Troupe(where)
    tour = Tour(troupe, Wire() if seed is None else WildWire(seed), twice)
    try:
        tour.play()
        return Outcome(outcome(troupe))
    finally:
        troupe.close()


def differences(one: Outcome, other: Outcome) -> list[str]:
    """The rows that one of both has, or has oftener: a thing done twice may leave two alike."""
    names = sorted(one.keys() | other.keys())
    return [
        f"{side} {name} {row}"
        for name in names
        for side, here, there in (("-", one, other), ("+", other, one))
        for row in (Counter(here.get(name, [])) - Counter(there.get(name, []))).elements()
    ]


def test_two_tidy_cycles_end_the_same(expected: Outcome, tmp_path: Path) -> None:
    assert differences(expected, played(tmp_path)) == []
    # And the comparison sees what is there: every table that a cycle fills.
    filled = {name.split(".")[0] for name, rows in expected.items() if rows}
    assert filled == {"registration", "venues", "voting", "jury"}


def must_end_the_same(expected: Outcome, seed: int, twice: bool) -> None:
    """Plays on a wire of its own; an example that fails names its seed."""
    with tempfile.TemporaryDirectory() as where:
        assert differences(expected, played(Path(where), seed, twice)) == []


wires = given(seed=st.integers(0, 2**32), twice=st.booleans())
# An example is a whole cycle, of seconds: shrinking one would take longer than reading it.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)


@example(seed=1, twice=True)
@wires
@settings(max_examples=2, deadline=None, phases=PHASES)
def test_any_order_and_everything_twice_ends_the_same(
    expected: Outcome, seed: int, twice: bool
) -> None:
    """Two wires that are always the same and one of this run’s own; sixty are in the long run."""
    must_end_the_same(expected, seed, twice)


@pytest.mark.long
@pytest.mark.timeout(1800)  # sixty whole cycles, of seconds each
@example(seed=2**32, twice=False)  # the link is destroyed weeks after the closing
@wires
@settings(max_examples=60, deadline=None, phases=PHASES)
def test_many_orders_end_the_same(expected: Outcome, seed: int, twice: bool) -> None:
    must_end_the_same(expected, seed, twice)


def test_old_events_that_come_again_change_nothing(tidy: Tidy, tmp_path: Path) -> None:
    shutil.copytree(tidy.folder, tmp_path, dirs_exist_ok=True)
    troupe = Troupe(tmp_path, start=tidy.ended_at, seed=1)
    before, said = Outcome(outcome(troupe)), _said(troupe)
    assert differences(tidy.outcome, before) == []
    letters = list(tidy.letters)
    random.Random(1).shuffle(letters)
    for listener, envelope in letters:
        # Also where the inbox has forgotten that it had it: the copies are newer.
        again = envelope | {"id": envelope["id"][::-1]}
        troupe.players[listener].hear(again)
    troupe.tick()
    assert differences(before, Outcome(outcome(troupe))) == []
    assert _said(troupe) == said
    troupe.close()


def _said(troupe: Troupe) -> dict[str, int]:
    return {name: len(player.said()) for name, player in troupe.players.items()}


@pytest.fixture
def on_postgresql(postgresql: str) -> Iterator[str]:
    """Empty databases on PostgreSQL."""
    yield postgresql
    empty(Troupe(postgresql))


def test_the_same_on_postgresql(expected: Outcome, on_postgresql: str) -> None:
    assert differences(expected, played(on_postgresql, seed=7, twice=True)) == []
