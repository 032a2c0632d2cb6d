"""Scores: of a card, of a team, and across jurors (RULES J1, J2). Pure, in exact fractions.

Nothing is rounded before teams are ranked. Square roots, which have no exact fraction, are
taken to 40 digits: the outcome depends on no order of addition, and rule J2's 1e-9 stands.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import isqrt

SCALE = 10
"""The common scale: every card's score is from 0 to this."""

NORMALISED_TOLERANCE = Fraction(1, 10**9)
"""Normalised scores this near to each other are equal (RULES J2)."""

_ROOT_DIGITS = 10**40


@dataclass(frozen=True)
class Criterion:
    """A line of the grid: values go from 0 to ``scale_max``."""

    id: str
    weight: Fraction
    scale_max: int
    required: bool = True


@dataclass(frozen=True)
class Card:
    """What one juror gave one team: the score, and each criterion's value on the scale."""

    juror: str
    project: str
    score: Fraction
    parts: Mapping[str, Fraction]


def missing(criteria: Iterable[Criterion], values: Mapping[str, Fraction]) -> list[str]:
    """The required criteria without a value: a card with any of them is not counted (J1)."""
    return [item.id for item in criteria if item.required and item.id not in values]


def card_of(
    juror: str, project: str, criteria: Sequence[Criterion], values: Mapping[str, Fraction]
) -> Card | None:
    """A card's score, Σ w·v / Σ w over the criteria that apply, or ``None`` if not counted."""
    applying = [item for item in criteria if item.id in values]
    weights = sum((item.weight for item in applying), Fraction(0))
    if missing(criteria, values) or weights == 0:
        return None
    parts = {item.id: values[item.id] * SCALE / item.scale_max for item in applying}
    weighted = sum((item.weight * parts[item.id] for item in applying), Fraction(0))
    return Card(juror, project, weighted / weights, parts)


def mean(scores: Sequence[Fraction]) -> Fraction:
    """The mean of at least one score."""
    return sum(scores, Fraction(0)) / len(scores)


def median(scores: Sequence[Fraction]) -> Fraction:
    """The middle score, or the mean of the two in the middle."""
    ordered, half = sorted(scores), len(scores) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def trimmed_mean(scores: Sequence[Fraction]) -> Fraction:
    """``(Σ − max − min)/(n − 2)``; the plain mean of one or two."""
    if len(scores) <= 2:
        return mean(scores)
    return (sum(scores, Fraction(0)) - max(scores) - min(scores)) / (len(scores) - 2)


def spread(scores: Sequence[Fraction]) -> Fraction:
    """How far the highest is from the lowest."""
    return max(scores) - min(scores)


METHODS: Mapping[str, Callable[[Sequence[Fraction]], Fraction]] = {
    "mean": mean,
    "median": median,
    "trimmed_mean": trimmed_mean,
}


def normalise(cards: Iterable[Card]) -> list[Card]:
    """The cards as if all jurors had the same mean and deviation (RULES J2).

    ``x' = μ + σ (x − μⱼ)/σⱼ``, population standard deviation; ``μ`` where ``σⱼ = 0``.
    """
    every = list(cards)
    if not every:
        return []
    mu, variance = _mean_and_variance([card.score for card in every])
    own = {
        juror: _mean_and_variance([card.score for card in theirs])
        for juror, theirs in by(every, lambda card: card.juror).items()
    }
    moved = (_moved(card.score, mu, variance, *own[card.juror]) for card in every)
    return [replace(card, score=score) for card, score in zip(every, moved, strict=True)]


def team_scores(
    cards: Iterable[Card], method: str = "mean", normalised: bool = False
) -> dict[str, Fraction]:
    """Every team's score from its cards; a team without a card has none."""
    used = normalise(cards) if normalised else list(cards)
    return {
        project: METHODS[method]([card.score for card in theirs])
        for project, theirs in sorted(by(used, lambda card: card.project).items())
    }


def by(cards: Iterable[Card], key: Callable[[Card], str]) -> dict[str, list[Card]]:
    """Cards in groups."""
    groups: dict[str, list[Card]] = defaultdict(list)
    for card in cards:
        groups[key(card)].append(card)
    return dict(groups)


def _moved(
    score: Fraction, mu: Fraction, variance: Fraction, own_mu: Fraction, own_variance: Fraction
) -> Fraction:
    if own_variance == 0:
        return mu
    return mu + _root(variance / own_variance) * (score - own_mu)


def _mean_and_variance(scores: Sequence[Fraction]) -> tuple[Fraction, Fraction]:
    middle = mean(scores)
    return middle, mean([(score - middle) ** 2 for score in scores])


def _root(value: Fraction) -> Fraction:
    scaled = value.numerator * _ROOT_DIGITS**2 // value.denominator
    return Fraction(isqrt(scaled), _ROOT_DIGITS)
