"""Scores in exact fractions (RULES J1, J2)."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.jury import scoring
from services.jury.scoring import Card, Criterion, card_of, team_scores
from services.jury.shapes import shown

GRID = [
    Criterion("idea", Fraction(2), 10),
    Criterion("plan", Fraction(1), 5),
    Criterion("window", Fraction(3), 20, required=False),
]


def card(juror: str, project: str, score: float) -> Card:
    return Card(juror, project, Fraction(str(score)), {})


# RULES J2's own example.
EXAMPLE = [
    *(card("1", project, score) for project, score in (("A", 9), ("B", 8), ("C", 7))),
    *(card("2", project, score) for project, score in (("A", 5), ("B", 7), ("C", 3))),
    *(card("3", project, score) for project, score in (("B", 6), ("C", 6))),
]


def test_card_is_the_weighted_mean_on_the_common_scale_in_exact_thirds() -> None:
    made = card_of("j", "p", GRID, {"idea": Fraction(7), "plan": Fraction(2)})
    assert made is not None
    assert made.score == Fraction(6)  # (2·7 + 1·4) / 3
    assert made.parts == {"idea": 7, "plan": 4}


def test_optional_criterion_counts_where_it_was_given() -> None:
    values = {"idea": Fraction(7), "plan": Fraction(2), "window": Fraction(15)}
    made = card_of("j", "p", GRID, values)
    assert made is not None
    assert made.score == Fraction(27, 4)  # (2·7 + 1·4 + 3·7.5) / 6


def test_card_without_a_required_criterion_is_not_counted() -> None:
    values = {"idea": Fraction(7), "window": Fraction(15)}
    assert card_of("j", "p", GRID, values) is None
    assert scoring.missing(GRID, values) == ["plan"]


def test_card_with_nothing_that_applies_is_not_counted() -> None:
    assert card_of("j", "p", [Criterion("a", Fraction(1), 10, required=False)], {}) is None


@pytest.mark.parametrize(
    ("method", "expected"),
    [("mean", Fraction(23, 4)), ("median", Fraction(13, 2)), ("trimmed_mean", Fraction(13, 2))],
)
def test_methods_of_an_even_number(method: str, expected: Fraction) -> None:
    cards = [card(str(n), "A", score) for n, score in enumerate((1, 6, 7, 9))]
    assert team_scores(cards, method) == {"A": expected}


@pytest.mark.parametrize(
    ("scores", "expected"),
    [((4,), 4), ((4, 8), 6), ((1, 5, 9), 5), ((0, 4, 5, 10), Fraction(9, 2))],
)
def test_trimmed_mean_is_plain_up_to_two(scores: tuple[int, ...], expected: Fraction) -> None:
    assert scoring.trimmed_mean([Fraction(score) for score in scores]) == expected


def test_normalisation_of_the_rules_own_example() -> None:
    scores = team_scores(EXAMPLE, normalised=True)
    assert {team: round(float(score), 6) for team, score in scores.items()} == {
        "A": 7.432894,
        "B": 7.080263,
        "C": 4.964474,
    }


def test_juror_who_gave_all_the_same_gives_the_mean_of_all() -> None:
    cards = [card("1", "A", 2), card("1", "B", 4), card("2", "A", 9), card("2", "B", 9)]
    flat = [made.score for made in scoring.normalise(cards) if made.juror == "2"]
    assert flat == [Fraction(6), Fraction(6)]


def test_normalising_nothing_or_equals_changes_nothing() -> None:
    assert scoring.normalise([]) == []
    same = [card("1", "A", 5), card("2", "A", 5)]
    assert scoring.normalise(same) == same


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(2, 3), "0.67"),
        (Fraction(1, 200), "0.01"),
        (Fraction(10), "10.00"),
        (Fraction(7432894, 10**6), "7.43"),
        (None, None),
    ],
)
def test_scores_are_shown_with_two_decimals(value: Fraction | None, text: str | None) -> None:
    assert shown(value) == text


cards_of_some = st.dictionaries(
    st.tuples(st.sampled_from("jklmn"), st.sampled_from("ABC")),
    st.decimals(0, 10, places=2).map(Fraction),
    min_size=1,
).map(lambda found: [Card(j, p, score, {}) for (j, p), score in found.items()])


@given(
    cards_of_some,
    st.sampled_from(sorted(scoring.METHODS)),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_scores_do_not_depend_on_the_order_of_the_cards(
    cards: list[Card], method: str, normalised: bool, rng: random.Random
) -> None:
    shuffled = rng.sample(cards, len(cards))
    assert team_scores(shuffled, method, normalised) == team_scores(cards, method, normalised)


@given(cards_of_some, st.sampled_from(sorted(scoring.METHODS)))
def test_a_score_is_between_the_lowest_and_the_highest_card(cards: list[Card], method: str) -> None:
    for team, score in team_scores(cards, method).items():
        theirs = [made.score for made in cards if made.project == team]
        assert min(theirs) <= score <= max(theirs)


@given(cards_of_some)
def test_normalised_cards_keep_the_mean_of_all_and_each_jurors_order(cards: list[Card]) -> None:
    moved = scoring.normalise(cards)
    assert abs(_mean(moved) - _mean(cards)) < Fraction(1, 10**20)
    for juror in {made.juror for made in cards}:
        before = {made.project: made.score for made in cards if made.juror == juror}
        after = {made.project: made.score for made in moved if made.juror == juror}
        if len(set(before.values())) > 1:
            assert sorted(before, key=lambda p: (before[p], p)) == sorted(
                after, key=lambda p: (after[p], p)
            )


def _mean(cards: list[Card]) -> Fraction:
    return scoring.mean([made.score for made in cards])
