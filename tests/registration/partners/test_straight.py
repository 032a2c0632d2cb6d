"""The plain way between instances: offer, answer, grant, receipt, effective, notices."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.registration.partners.stage import NAMES, Partners


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Partners]:
    """Two instances with a leg each."""
    made = Partners(tmp_path, list(NAMES[:2]))
    yield made
    made.finish()


@pytest.fixture
def five(tmp_path: Path) -> Iterator[Partners]:
    """Five instances with a leg each."""
    made = Partners(tmp_path, list(NAMES))
    yield made
    made.finish()


def test_the_baton_goes_from_one_instance_to_the_other(two: Partners) -> None:
    first, second = two["fumel"], two["confluent"]
    two.open()
    first.mobilise(1)
    assert first.state(1) == "mobilised"
    first.close(1)
    two.quiet()
    assert (first.relays(), second.relays()) == ([("saison-2", "offered")],) * 2
    second.answer()
    two.quiet()
    assert (first.relays(), second.relays()) == ([("saison-2", "received")],) * 2
    known = [(1, 1, "saison-1", True), (1, 2, "saison-2", True)]
    assert (first.grants(), second.grants()) == (known, known)
    assert (first.holds(2), second.holds(2)) == (True, True)
    second.mobilise(2)
    assert second.state(2) == "mobilised"


def test_five_instances_play_a_whole_cycle(five: Partners) -> None:
    five.open()
    for leg in range(1, 6):
        operator = five.operator(leg)
        operator.mobilise(leg)
        assert operator.state(leg) == "mobilised"
        operator.close(leg)
        five.quiet()
        if leg < 5:
            five.operator(leg + 1).answer()
            five.quiet()
    assert [instance.is_finished() for instance in five] == [True] * 5
    assert [instance.types().count("cycle_finished") for instance in five] == [1] * 5
    known = [(1, hop, f"saison-{hop}", True) for hop in range(1, 6)]
    assert [instance.grants() for instance in five] == [known] * 5
    assert [instance.refusals() for instance in five] == [{}] * 5
