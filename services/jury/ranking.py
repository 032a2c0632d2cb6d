"""The ranking: standard competition ranks, quorum, tie-breaks (RULES J6). Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from services.jury import scoring
from services.jury.scoring import Card

LEAST_CARDS = 3

CRITERION = "criterion:"
FIRST_PLACES = "first_places"
PRESIDENT = "president"

TieBreak = Callable[[str], Fraction]


@dataclass(frozen=True)
class Rules:
    """What is fixed before the first card: method, normalisation, tie-breaks in order."""

    method: str = "mean"
    normalised: bool = False
    tie_breaks: tuple[str, ...] = ()
    presidents: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Place:
    """A team's place; without a rank it had no quorum."""

    project: str
    rank: int | None
    shared: bool
    score: Fraction | None
    cards: int
    quorum: int


def quorum(eligible: int) -> int:
    """How many cards a team needs: ``max(3, ⌈2/3 of the jurors not recused⌉)``."""
    return max(LEAST_CARDS, -(-2 * eligible // 3))


def is_reachable(eligible: int) -> bool:
    """Whether so many jurors not recused can make a quorum."""
    return eligible >= quorum(eligible)


def ranking(cards: Iterable[Card], eligible: Mapping[str, int], rules: Rules) -> list[Place]:
    """All teams of ``eligible`` in order: by rank, then by id; the unranked last.

    ``eligible`` says how many jurors may score each team; ``cards`` holds at most one per
    juror and team. A function of the cards alone, whatever their order (RULES J7).
    """
    used = [card for card in cards if card.project in eligible]
    scores = scoring.team_scores(used, rules.method, rules.normalised)
    counts = {team: len(theirs) for team, theirs in scoring.by(used, _project).items()}
    ranked = {
        team: score for team, score in scores.items() if counts[team] >= quorum(eligible[team])
    }
    tolerance = scoring.NORMALISED_TOLERANCE if rules.normalised else Fraction(0)
    groups = _groups(ranked, tolerance, _tie_breaks(used, set(ranked), rules))
    places = competition(groups)
    ordered = sorted(eligible, key=lambda team: (places.get(team, _UNRANKED)[0] or _LAST, team))
    return [
        Place(
            team,
            rank=places.get(team, _UNRANKED)[0],
            shared=places.get(team, _UNRANKED)[1],
            score=scores.get(team),
            cards=counts.get(team, 0),
            quorum=quorum(eligible[team]),
        )
        for team in ordered
    ]


def competition(groups: Iterable[Sequence[str]]) -> dict[str, tuple[int, bool]]:
    """Standard competition ranks of groups of equals: 1, 2, 2, 4, with "shared"."""
    places: dict[str, tuple[int, bool]] = {}
    for group in groups:
        rank = len(places) + 1
        places.update({team: (rank, len(group) > 1) for team in group})
    return places


_LAST = 10**9
_UNRANKED: tuple[int | None, bool] = (None, False)


def _project(card: Card) -> str:
    return card.project


def _groups(
    scores: Mapping[str, Fraction], tolerance: Fraction, tie_breaks: Sequence[TieBreak]
) -> list[list[str]]:
    groups = equals(scores, tolerance)
    for tie_break in tie_breaks:
        groups = [
            finer
            for group in groups
            for finer in equals({team: tie_break(team) for team in group}, Fraction(0))
        ]
    return groups


def equals(scores: Mapping[str, Fraction], tolerance: Fraction) -> list[list[str]]:
    """Teams in groups of equal scores, best first.

    A group holds what is within ``tolerance`` of its best, so that many small steps never
    make two distant scores equal.
    """
    groups: list[list[str]] = []
    best = Fraction(0)
    for team in sorted(scores, key=lambda team: (-scores[team], team)):
        if groups and best - scores[team] <= tolerance:
            groups[-1].append(team)
        else:
            groups.append([team])
            best = scores[team]
    return groups


def _tie_breaks(cards: Sequence[Card], ranked: set[str], rules: Rules) -> list[TieBreak]:
    return [_tie_break(name, cards, ranked, rules) for name in rules.tie_breaks]


def _tie_break(name: str, cards: Sequence[Card], ranked: set[str], rules: Rules) -> TieBreak:
    if name == FIRST_PLACES:
        firsts = _first_places(cards, ranked)
        return lambda team: Fraction(firsts.get(team, 0))
    if name == PRESIDENT:
        wanted = [card for card in cards if card.juror in rules.presidents]
        return _mean_of({team: [c.score for c in cs] for team, cs in _by_team(wanted)})
    criterion = name.removeprefix(CRITERION)
    return _mean_of(
        {
            team: [card.parts[criterion] for card in cs if criterion in card.parts]
            for team, cs in _by_team(cards)
        }
    )


def _by_team(cards: Iterable[Card]) -> Iterable[tuple[str, list[Card]]]:
    return scoring.by(cards, _project).items()


def _mean_of(values: Mapping[str, Sequence[Fraction]]) -> TieBreak:
    # A team without any such value comes behind every team with one, even with a zero.
    return lambda team: scoring.mean(values[team]) if values.get(team) else Fraction(-1)


def _first_places(cards: Sequence[Card], ranked: set[str]) -> dict[str, int]:
    """How many jurors put each team first among the ranked; equal firsts count for each."""
    firsts: dict[str, int] = {}
    ranked_cards = [card for card in cards if card.project in ranked]
    for theirs in scoring.by(ranked_cards, lambda card: card.juror).values():
        best = max(card.score for card in theirs)
        for card in theirs:
            if card.score == best:
                firsts[card.project] = firsts.get(card.project, 0) + 1
    return firsts
