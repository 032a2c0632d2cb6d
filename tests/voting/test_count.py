"""The count as a pure function: exact values, and what holds for any ballots at all."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.voting.count import (
    LINES_AT_ONCE,
    Ballot,
    count,
    differences,
    draw,
    leaders,
    recount,
    recount_sorted,
)

NOON = datetime(2026, 6, 20, 12, tzinfo=UTC)
PROJECTS = ("bakery", "garden", "music", "wool")


def ballot(tracker: str, voter: str, choice: str, minute: int = 0, batch: int = 1) -> Ballot:
    moment = NOON + timedelta(minutes=minute)
    return Ballot(tracker, voter, choice, moment, "call", batch, 0)


@st.composite
def polls(draw_: st.DrawFn) -> list[Ballot]:
    """Ballots of a few voters who change their minds, many of them at the same instant."""
    rows = draw_(
        st.lists(
            st.tuples(
                st.sampled_from("abcdef"),
                st.sampled_from(PROJECTS),
                st.integers(0, 2),
                st.sampled_from(["call", "g1", "g2"]),
                st.integers(1, 2),
                st.integers(0, 2),
            ),
            max_size=25,
        )
    )
    return [
        Ballot(f"t{number:02}", voter, choice, NOON + timedelta(minutes=minute), gateway, b, i)
        for number, (voter, choice, minute, gateway, b, i) in enumerate(rows)
    ]


def test_count_exact() -> None:
    ballots = [
        ballot("t1", "anne", "bakery"),
        ballot("t2", "anne", "garden", minute=1),
        ballot("t3", "bruno", "garden"),
        ballot("t4", "chloe", "wool"),
        ballot("t5", "denis", "bakery"),
        ballot("t6", "emma", "bakery"),
        ballot("t7", "fanny", "garden"),
    ]

    outcome = count(ballots, PROJECTS, spoilt={"wool"}, invalidated={"t6"})

    assert (outcome.accepted, outcome.counted_ballots) == (7, 4)
    assert (outcome.replaced, outcome.invalidated, outcome.spoilt) == (1, 1, 1)
    assert outcome.raw == {"bakery": 2, "garden": 3, "music": 0, "wool": 1}
    assert outcome.counted == {"bakery": 1, "garden": 3, "music": 0}
    box = [("t2", "garden"), ("t3", "garden"), ("t5", "bakery"), ("t7", "garden")]
    assert sorted(outcome.box) == box
    assert (outcome.tie, outcome.winners, outcome.seed) == (False, ("garden",), None)
    csv = b"tracker,choice\nt2,garden\nt3,garden\nt5,bakery\nt7,garden\n"
    assert outcome.box_digest == hashlib.sha256(csv).hexdigest()
    assert outcome.receipts_digest == hashlib.sha256(b"t2\nt3\nt5\nt7\n").hexdigest()


def test_count_last_by_time_then_gateway_then_batch_then_index() -> None:
    first = ballot("t1", "anne", "bakery")
    later: dict[str, Any] = {
        "gateway": "g9",
        "batch": 7,
        "index": 3,
        "accepted_at": NOON + timedelta(seconds=1),
    }
    for name, value in later.items():
        second = replace(first, tracker="t2", choice="garden", **{name: value})
        third = replace(first, tracker="t3", choice="music")
        outcome = count([second, third, first], PROJECTS)
        assert outcome.counted == {"bakery": 0, "garden": 1, "music": 0, "wool": 0}, name


def test_count_spoilt_or_invalidated_brings_no_earlier_ballot_back() -> None:
    ballots = [ballot("t1", "anne", "bakery"), ballot("t2", "anne", "wool", minute=1)]

    spoilt = count(ballots, PROJECTS, spoilt={"wool"})
    invalid = count(ballots, PROJECTS, invalidated={"t2"})

    assert (spoilt.counted_ballots, spoilt.replaced, spoilt.spoilt) == (0, 1, 1)
    assert (invalid.counted_ballots, invalid.replaced, invalid.invalidated) == (0, 1, 1)


def test_count_refuses_two_ballots_with_one_tracker() -> None:
    with pytest.raises(ValueError, match="one tracker"):
        count([ballot("t1", "anne", "bakery"), ballot("t1", "bruno", "bakery")], PROJECTS)


def test_count_of_nothing_has_no_winner() -> None:
    outcome = count([], PROJECTS)
    assert outcome.counted == dict.fromkeys(PROJECTS, 0)
    assert (outcome.tie, outcome.winners) == (False, ())


@pytest.mark.parametrize("rule", ["shared", "jury_order"])
def test_tie_is_reported_and_left_to_the_rule(rule: str) -> None:
    ballots = [ballot("t1", "anne", "wool"), ballot("t2", "bruno", "bakery")]
    outcome = count(ballots, PROJECTS, rule=rule)
    assert (outcome.tie, outcome.winners, outcome.seed) == (True, ("bakery", "wool"), None)


def test_tie_by_lots_can_be_drawn_again_from_the_box() -> None:
    ballots = [ballot("t1", "anne", "wool"), ballot("t2", "bruno", "bakery")]

    outcome = count(ballots, PROJECTS, rule="lots")

    assert outcome.tie is True
    assert outcome.seed == recount(outcome.box).box_digest
    assert outcome.winners == (draw(leaders(outcome.counted), outcome.seed),)
    assert set(outcome.winners) < {"bakery", "wool"}


def test_lots_fall_on_everybody_now_and_then() -> None:
    drawn = Counter(draw(("bakery", "wool"), f"seed {number}") for number in range(200))
    assert set(drawn) == {"bakery", "wool"}
    assert min(drawn.values()) > 60


@given(polls(), st.sets(st.sampled_from(PROJECTS)), st.sets(st.integers(0, 24)))
def test_figures_add_up(ballots: list[Ballot], spoilt: set[str], invalid: set[int]) -> None:
    outcome = count(ballots, PROJECTS, spoilt, {f"t{number:02}" for number in invalid})

    voters = {b.voter for b in ballots}
    assert outcome.accepted == len(ballots)
    assert outcome.accepted == (
        outcome.counted_ballots + outcome.replaced + outcome.invalidated + outcome.spoilt
    )
    assert sum(outcome.raw.values()) == len(voters)
    assert sum(outcome.counted.values()) == outcome.counted_ballots == len(outcome.box)
    assert set(outcome.counted) == set(PROJECTS) - spoilt


@given(polls(), st.randoms(use_true_random=False), st.integers(0, 5))
def test_order_and_repetition_change_nothing(
    ballots: list[Ballot], rng: random.Random, repeated: int
) -> None:
    shuffled = ballots + ballots[:repeated]
    rng.shuffle(shuffled)
    assert count(shuffled, PROJECTS, rule="lots") == count(ballots, PROJECTS, rule="lots")


@given(polls())
def test_counted_is_each_voters_last(ballots: list[Ballot]) -> None:
    last: dict[str, str] = {}
    for one in sorted(ballots, key=lambda b: (*b.when, b.tracker)):
        last[one.voter] = one.choice
    expected = dict.fromkeys(PROJECTS, 0) | Counter(last.values())
    assert count(ballots, PROJECTS).counted == expected


@given(polls())
def test_recount_of_the_box_agrees_and_notices_any_change(ballots: list[Ballot]) -> None:
    outcome = count(ballots, PROJECTS)
    record = {
        "counted": outcome.counted,
        "counted_ballots": outcome.counted_ballots,
        "winners": list(outcome.winners),
        "box_digest": outcome.box_digest,
        "receipts_digest": outcome.receipts_digest,
    }
    assert differences(recount(reversed(list(outcome.box))), record) == []
    if outcome.box:
        (tracker, choice), *rest = outcome.box
        other = next(p for p in PROJECTS if p != choice)
        assert differences(recount([(tracker, other), *rest]), record) != []
        assert differences(recount(rest), record) != []


def test_recount_of_many_digests_the_file_as_it_is() -> None:
    """A box is read some hundred lines at a time; what is published is of all of them."""
    rows = [(f"{n:032x}", PROJECTS[n % 3]) for n in range(2 * LINES_AT_ONCE + 1)]
    found = recount_sorted(iter(rows))
    file = "tracker,choice\n" + "".join(f"{tracker},{choice}\n" for tracker, choice in rows)
    receipts = "".join(f"{tracker}\n" for tracker, _choice in rows)
    assert found.box_digest == hashlib.sha256(file.encode()).hexdigest()
    assert found.receipts_digest == hashlib.sha256(receipts.encode()).hexdigest()
    assert found.counted == dict(sorted(Counter(choice for _tracker, choice in rows).items()))
    assert found.ballots == len(rows)


@pytest.mark.parametrize("place", [1, LINES_AT_ONCE, LINES_AT_ONCE + 1, 2 * LINES_AT_ONCE])
@pytest.mark.parametrize("wrong", ["twice", "in another order"])
def test_recount_sees_every_neighbour(place: int, wrong: str) -> None:
    rows = [(f"{n:032x}", "wool") for n in range(2 * LINES_AT_ONCE + 1)]
    if wrong == "twice":
        rows[place] = rows[place - 1]
    else:
        rows[place - 1 : place + 1] = rows[place], rows[place - 1]
    with pytest.raises(ValueError, match="twice, or"):
        recount_sorted(rows)


def test_recount_refuses_a_tracker_twice() -> None:
    with pytest.raises(ValueError, match="twice"):
        recount([("t1", "wool"), ("t1", "bakery")])


def test_count_invalidated_then_voted_again_counts_the_later_ballot() -> None:
    """Where a voter may vote again after an invalidation, and what is invalidated is no
    replaced ballot: so the numbers of the invalidations add up to ``invalidated``."""
    ballots = [
        ballot("t1", "anne", "bakery"),
        ballot("t2", "anne", "wool", minute=1),
        ballot("t3", "anne", "garden", minute=2),
    ]

    outcome = count(ballots, PROJECTS, invalidated={"t1", "t2"})

    assert outcome.counted["garden"] == 1
    assert (outcome.counted_ballots, outcome.replaced, outcome.invalidated) == (1, 0, 2)


@given(polls(), st.sets(st.sampled_from(PROJECTS)), st.sets(st.integers(0, 24)))
def test_every_ballot_is_one_of_four(
    ballots: list[Ballot], spoilt: set[str], invalid: set[int]
) -> None:
    """Each by a rule of its own, said here once more without the fold."""
    taken = {f"t{number:02}" for number in invalid}
    outcome = count(ballots, PROJECTS, spoilt, taken)
    last = {one.voter: one.tracker for one in sorted(ballots, key=lambda b: (*b.when, b.tracker))}
    fate = Counter(
        "invalidated"
        if one.tracker in taken
        else "replaced"
        if last[one.voter] != one.tracker
        else "spoilt"
        if one.choice in spoilt
        else "counted"
        for one in ballots
    )
    found = (outcome.counted_ballots, outcome.replaced, outcome.invalidated, outcome.spoilt)
    assert found == tuple(fate[name] for name in ("counted", "replaced", "invalidated", "spoilt"))
    assert {tracker for tracker, _choice in outcome.box} == {
        one.tracker
        for one in ballots
        if last[one.voter] == one.tracker and one.tracker not in taken and one.choice not in spoilt
    }


@given(polls(), st.sets(st.integers(0, 24)), st.randoms(use_true_random=False))
def test_invalidating_and_the_choices_have_nothing_to_do_with_each_other(
    ballots: list[Ballot], invalid: set[int], rng: random.Random
) -> None:
    """With other choices as many are invalidated, replaced and counted."""
    taken = {f"t{number:02}" for number in invalid}
    others = [replace(one, choice=rng.choice(PROJECTS)) for one in ballots]
    one, other = count(ballots, PROJECTS, (), taken), count(others, PROJECTS, (), taken)
    assert (one.invalidated, one.replaced) == (other.invalidated, other.replaced)
    assert [tracker for tracker, _ in one.box] == [tracker for tracker, _ in other.box]
