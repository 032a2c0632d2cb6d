"""Ranks, quorum and tie-breaks (RULES J3, J6, J7)."""

from __future__ import annotations

import random
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.jury.ranking import Rules, competition, equals, is_reachable, quorum, ranking
from services.jury.scoring import Card

Table = Mapping[str, Mapping[str, float]]


def cards_of(table: Table, **parts: Table) -> list[Card]:
    """Cards from ``{juror: {project: score}}``; ``parts`` the same by criterion."""
    return [
        Card(
            juror,
            project,
            Fraction(str(score)),
            {name: Fraction(str(p[juror][project])) for name, p in parts.items()},
        )
        for juror, theirs in table.items()
        for project, score in theirs.items()
    ]


def ranks(cards: list[Card], eligible: dict[str, int], **rules: Any) -> dict[str, Any]:
    return {
        place.project: (place.rank, place.shared)
        for place in ranking(cards, eligible, Rules(**rules))
    }


@pytest.mark.parametrize(
    ("eligible", "needed", "reachable"),
    [
        (0, 3, False),
        (2, 3, False),
        (3, 3, True),
        (4, 3, True),
        (5, 4, True),
        (6, 4, True),
        (7, 5, True),
        (9, 6, True),
    ],
)
def test_quorum_is_two_thirds_and_at_least_three(
    eligible: int, needed: int, reachable: bool
) -> None:
    assert quorum(eligible) == needed
    assert is_reachable(eligible) == reachable


def test_standard_competition_ranks() -> None:
    assert competition([["a"], ["b", "c"], ["d"]]) == {
        "a": (1, False),
        "b": (2, True),
        "c": (2, True),
        "d": (4, False),
    }


def test_ranks_and_scores_of_three_jurors() -> None:
    table = {
        "j": {"a": 9, "b": 7, "c": 7, "d": 1},
        "k": {"a": 8, "b": 6, "c": 7, "d": 2},
        "l": {"a": 8, "b": 8, "c": 7, "d": 4},
    }
    places = ranking(cards_of(table), dict.fromkeys("abcd", 3), Rules())
    assert [(p.project, p.rank, p.shared, p.score) for p in places] == [
        ("a", 1, False, Fraction(25, 3)),
        ("b", 2, True, Fraction(7)),
        ("c", 2, True, Fraction(7)),
        ("d", 4, False, Fraction(7, 3)),
    ]


def test_team_without_quorum_is_unranked_and_takes_nobodys_rank() -> None:
    table = {"j": {"a": 9, "b": 7}, "k": {"a": 9, "b": 7}, "l": {"b": 7}}
    places = ranking(cards_of(table), {"a": 3, "b": 3, "c": 3}, Rules())
    assert [(p.project, p.rank, p.cards) for p in places] == [
        ("b", 1, 3),
        ("a", None, 2),
        ("c", None, 0),
    ]
    assert places[1].score == 9 and places[2].score is None


def test_absence_is_not_a_zero() -> None:
    table = {"j": {"a": 6, "b": 5}, "k": {"a": 6, "b": 5}, "l": {"a": 6, "b": 5}, "m": {"b": 10}}
    assert ranks(cards_of(table), {"a": 4, "b": 4}) == {"b": (1, False), "a": (2, False)}


def test_thirds_are_not_rounded_into_a_tie_nor_out_of_one() -> None:
    table = {"j": {"a": 1, "b": 0.33}, "k": {"a": 0, "b": 0.33}, "l": {"a": 0, "b": 0.34}}
    close = {"j": {"a": 1, "b": 0.33}, "k": {"a": 0, "b": 0.33}, "l": {"a": 0, "b": 0.33}}
    assert ranks(cards_of(table), {"a": 3, "b": 3}) == {"a": (1, True), "b": (1, True)}
    assert ranks(cards_of(close), {"a": 3, "b": 3}) == {"a": (1, False), "b": (2, False)}


EVEN: Table = {
    "j": {"a": 8, "b": 6, "c": 7},
    "k": {"a": 6, "b": 8, "c": 7},
    "l": {"a": 7, "b": 7, "c": 7},
}
IMPACT: Table = {
    "j": {"a": 5, "b": 9, "c": 5},
    "k": {"a": 5, "b": 9, "c": 5},
    "l": {"a": 5, "b": 9, "c": 5},
}


def test_tie_breaks_apply_in_the_declared_order_then_equal() -> None:
    cards, eligible = cards_of(EVEN, impact=IMPACT), dict.fromkeys("abc", 3)
    assert ranks(cards, eligible) == dict.fromkeys("abc", (1, True))
    assert ranks(cards, eligible, tie_breaks=("criterion:impact",)) == {
        "b": (1, False),
        "a": (2, True),
        "c": (2, True),
    }
    # First places: a has j's and a share of l's, b has k's and a share of l's, c a share.
    assert ranks(cards, eligible, tie_breaks=("first_places",)) == {
        "a": (1, True),
        "b": (1, True),
        "c": (3, False),
    }
    both = ("first_places", "criterion:impact")
    assert ranks(cards, eligible, tie_breaks=both) == {
        "b": (1, False),
        "a": (2, False),
        "c": (3, False),
    }


def test_presidents_vote_breaks_a_tie_and_a_president_who_did_not_score_breaks_none() -> None:
    cards, eligible = cards_of(EVEN), dict.fromkeys("abc", 3)
    assert ranks(cards, eligible, tie_breaks=("president",), presidents=frozenset({"k"})) == {
        "b": (1, False),
        "c": (2, False),
        "a": (3, False),
    }
    absent = ranks(cards, eligible, tie_breaks=("president",), presidents=frozenset({"z"}))
    assert absent == dict.fromkeys("abc", (1, True))


def test_normalised_scores_within_a_billionth_are_equal_but_steps_do_not_add_up() -> None:
    near, tolerance = Fraction(6, 10**10), Fraction(1, 10**9)
    scores = {"a": Fraction(5), "b": 5 - near, "c": 5 - 2 * near}
    assert equals(scores, tolerance) == [["a", "b"], ["c"]]


def test_normalisation_changes_who_is_first() -> None:
    # k is severe and did not see a; l and m gave b more than a.
    table = {
        "j": {"a": 6, "b": 6, "c": 4},
        "k": {"b": 3, "c": 1},
        "l": {"a": 8, "b": 9, "c": 4},
        "m": {"a": 8, "b": 9, "c": 4},
    }
    cards, eligible = cards_of(table), dict.fromkeys("abc", 4)
    assert ranks(cards, eligible)["a"] == (1, False)
    assert ranks(cards, eligible, normalised=True)["b"] == (1, False)


tables = st.dictionaries(
    st.sampled_from("jklmnop"),
    st.dictionaries(st.sampled_from("abcde"), st.integers(0, 10), max_size=5),
    max_size=7,
)
rules = st.builds(
    Rules,
    method=st.sampled_from(["mean", "median", "trimmed_mean"]),
    normalised=st.booleans(),
    tie_breaks=st.lists(
        st.sampled_from(["first_places", "president", "criterion:impact"]), unique=True
    ).map(tuple),
    presidents=st.just(frozenset({"j"})),
)
ELIGIBLE = dict.fromkeys("abcde", 4)


@given(tables, rules, st.randoms(use_true_random=False))
def test_ranking_does_not_depend_on_the_order_of_the_cards(
    table: Table, rule: Rules, rng: random.Random
) -> None:
    cards = cards_of(table)
    assert ranking(rng.sample(cards, len(cards)), ELIGIBLE, rule) == ranking(cards, ELIGIBLE, rule)


@given(tables, rules)
def test_ranks_are_standard_competition_ranks(table: Table, rule: Rules) -> None:
    places = ranking(cards_of(table), ELIGIBLE, rule)
    ranked = [place for place in places if place.rank is not None]
    assert all(place.cards >= place.quorum for place in ranked)
    assert all(place.cards < place.quorum for place in places if place.rank is None)
    for place in ranked:
        same = [other for other in ranked if other.rank == place.rank]
        before = [other for other in ranked if (other.rank or 0) < (place.rank or 0)]
        assert place.rank == 1 + len(before)
        assert place.shared == (len(same) > 1)


@given(tables)
def test_a_higher_score_is_a_better_rank(table: Table) -> None:
    places = [p for p in ranking(cards_of(table), ELIGIBLE, Rules()) if p.rank is not None]
    for one in places:
        for other in places:
            assert one.score is not None and other.score is not None
            assert (one.score > other.score) <= ((one.rank or 0) < (other.rank or 0))


@given(tables, st.sampled_from("abcde"), st.data())
def test_a_card_counts_for_its_own_team_alone(table: Table, team: str, data: Any) -> None:
    """Without normalisation a recusal changes no other team's score or quorum."""
    cards = cards_of(table)
    theirs = [card for card in cards if card.project == team]
    if not theirs:
        return
    gone = data.draw(st.sampled_from(theirs))
    before = {p.project: p for p in ranking(cards, ELIGIBLE, Rules())}
    left = [card for card in cards if card is not gone]
    after = {p.project: p for p in ranking(left, ELIGIBLE | {team: 3}, Rules())}
    assert after[team].cards == before[team].cards - 1
    for other in set(ELIGIBLE) - {team}:
        assert (after[other].score, after[other].cards, after[other].quorum) == (
            before[other].score,
            before[other].cards,
            before[other].quorum,
        )
