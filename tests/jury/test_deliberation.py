"""The deliberation: exact ranks, written reasons, and never before the end (RULES J6, J8)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.errors import Refusal
from services.jury.deliberation import placed
from services.jury.ranking import Place
from tests.jury.stage import JURORS, MARATHON, Stage, juror

REASON = "Le jury a vu l’essai en boutique."


def place(project: str, rank: int | None, shared: bool = False) -> Place:
    return Place(project, rank, shared, None if rank is None else Fraction(5), 3, 3)


ABC = [place("a", 1), place("b", 2), place("c", 3), place("d", None)]
TIED = [place("a", 1, True), place("b", 1, True), place("c", 3)]


@pytest.mark.parametrize(
    ("places", "placements", "ranks"),
    [
        (ABC, {}, {"a": 1, "b": 2, "c": 3}),
        (ABC, {"c": 1}, {"c": 1, "a": 2, "b": 3}),
        (ABC, {"a": 3}, {"b": 1, "c": 2, "a": 3}),
        (ABC, {"d": 2}, {"a": 1, "d": 2, "b": 3, "c": 4}),
        (ABC, {"d": 4}, {"a": 1, "b": 2, "c": 3, "d": 4}),
        (ABC, {"a": 1, "b": 1}, {"a": 1, "b": 1, "c": 3}),
        (ABC, {"b": 1, "a": 2}, {"b": 1, "a": 2, "c": 3}),
        (TIED, {"b": 2}, {"a": 1, "b": 2, "c": 3}),
        (TIED, {"c": 1}, {"c": 1, "a": 2, "b": 2}),
    ],
)
def test_placed_projects_get_their_rank_and_the_others_keep_their_order(
    places: list[Place], placements: dict[str, int], ranks: dict[str, int]
) -> None:
    made = placed(places, placements)
    assert {project: rank for project, (rank, _shared) in made.items()} == ranks
    numbers = list(ranks.values())
    shared = {project: numbers.count(rank) > 1 for project, rank in ranks.items()}
    assert {project: is_shared for project, (_rank, is_shared) in made.items()} == shared


@pytest.mark.parametrize(
    ("places", "placements"),
    [(ABC, {"d": 5}), (TIED, {"c": 2}), (ABC, {"a": 1, "b": 1, "c": 2})],
)
def test_ranks_that_can_not_come_out_are_refused(
    places: list[Place], placements: dict[str, int]
) -> None:
    with pytest.raises(Refusal, match="placement_impossible"):
        placed(places, placements)


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 7)),
    st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 4)),
)
def test_placements_come_out_exactly_or_not_at_all(
    placements: dict[str, int], levels: dict[str, int]
) -> None:
    before = [place(project, level) for project, level in levels.items()]
    try:
        made = placed(before, placements)
    except Refusal:
        return
    assert {p: made[p][0] for p in placements} == placements
    assert set(made) == set(placements) | set(levels)
    for rank, shared in made.values():
        same = [r for r, _s in made.values() if r == rank]
        assert rank == 1 + sum(r < rank for r, _s in made.values())
        assert shared == (len(same) > 1)
    others = [p for p in levels if p not in placements]
    for one in others:
        for other in others:
            assert (levels[one] < levels[other]) == (made[one][0] < made[other][0])


SCORES = {"anne": 6, "bruno": 6, "chloe": 6}


def _ended(stage: Stage) -> None:
    """bakery 8, garden 6, both by three jurors; wool without quorum."""
    cards: dict[str, dict[str, float]] = {
        key: {"bakery": 8, "garden": value} for key, value in SCORES.items()
    }
    cards["anne"] = cards["anne"] | {"wool": 9}
    stage.ended(cards)


@pytest.fixture(scope="module")
def stage_that_ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One stage for all refusals: they leave nothing behind."""
    made = Stage(f"sqlite:///{tmp_path_factory.mktemp('ended')}/{{service}}.sqlite")
    _ended(made)
    yield made
    made.troupe.close()


def _deliberate(stage: Stage, *placements: dict[str, Any], **more: Any) -> Any:
    return stage.call("deliberate", marathon=MARATHON, placements=list(placements), **more)


def test_unranked_team_is_placed_with_a_reason_and_both_rankings_are_kept(stage: Stage) -> None:
    _ended(stage)
    made = _deliberate(stage, {"project": "wool", "rank": 1, "reason": REASON})

    assert stage.ranks() == {
        "bakery": (1, False),
        "garden": (2, False),
        "wool": (None, False),
    }
    assert stage.final_ranks() == {
        "wool": (1, False),
        "bakery": (2, False),
        "garden": (3, False),
    }
    assert made["deliberation"]["placements"] == [{"project": "wool", "rank": 1, "reason": REASON}]
    assert made["ranking"][0] == {
        "project": "bakery",
        "rank": 1,
        "shared": False,
        "score": "8.00",
        "exact": "8",
        "cards": 3,
        "quorum": 3,
        "spread": "0.00",
        "disagreement": False,
        "final_rank": 2,
        "final_shared": False,
    }


def test_new_deliberation_replaces_the_one_before_which_stays_on_record(stage: Stage) -> None:
    _ended(stage)
    _deliberate(stage, {"project": "garden", "rank": 1}, reason=REASON)
    assert stage.final_ranks()["garden"] == (1, False)
    _deliberate(stage)
    assert stage.final_ranks()["garden"] == (2, False)
    assert len(stage.rows()["deliberations"]) == 2


@pytest.mark.parametrize(
    ("placements", "code"),
    [
        ([{"project": "garden", "rank": 1}], "reason_missing"),
        ([{"project": "garden", "rank": 1, "reason": "   "}], "reason_missing"),
        ([{"project": "garden", "rank": 9, "reason": REASON}], "placement_impossible"),
        ([{"project": "other", "rank": 1, "reason": REASON}], "project_unknown"),
        ([{"project": "garden", "rank": 1, "reason": REASON}] * 2, "project_placed_twice"),
        ([{"project": "garden", "rank": 0, "reason": REASON}], "request_invalid"),
    ],
)
def test_refused_deliberations(
    stage_that_ended: Stage, placements: list[dict[str, Any]], code: str
) -> None:
    request: dict[str, Any] = {"marathon": MARATHON, "placements": placements}
    assert stage_that_ended.refused("deliberate", **request) == code


def test_deliberation_opens_with_the_end_for_organisers_alone(stage_on_sqlite: Stage) -> None:
    stage = stage_on_sqlite
    stage.running()
    assert stage.refused("deliberate", marathon=MARATHON) == "deliberation_not_open"
    assert stage.refused("get_ranking", marathon=MARATHON) == "forbidden"
    stage.hear(stage.marathon_letter("ended"))
    assert stage.refused("deliberate", juror("anne"), marathon=MARATHON) == "forbidden"
    assert stage.refused("get_ranking", juror("anne"), marathon=MARATHON) == "forbidden"
    _deliberate(stage)


def test_deliberation_that_no_longer_fits_is_said_and_can_not_be_published(
    stage_on_sqlite: Stage,
) -> None:
    stage = stage_on_sqlite
    _ended(stage)
    _deliberate(stage, {"project": "wool", "rank": 3, "reason": REASON})
    stage.hear(stage.project_letter("garden", "disqualified"))

    view = stage.call("get_ranking", marathon=MARATHON)
    assert view["problem"].startswith("Un rang demandé")
    assert stage.final_ranks() == {"bakery": (1, False), "wool": (None, False)}
    assert stage.refused("publish_palmares", marathon=MARATHON) == "placement_impossible"
    _deliberate(stage)
    stage.call("publish_palmares", marathon=MARATHON)


def test_placement_of_a_project_that_left_falls_away(stage_on_sqlite: Stage) -> None:
    stage = stage_on_sqlite
    _ended(stage)
    _deliberate(stage, {"project": "wool", "rank": 1, "reason": REASON})
    stage.hear(stage.project_letter("wool", "disqualified"))
    assert stage.final_ranks() == {"bakery": (1, False), "garden": (2, False)}


def test_median_and_tie_breaks_of_the_grid_are_used(stage_on_sqlite: Stage) -> None:
    values = {"anne": (1, 6), "bruno": (7, 6), "chloe": (7, 6), "didier": (7, 6)}
    cards: dict[str, dict[str, float]] = {
        key: {"bakery": one, "wool": other} for key, (one, other) in values.items()
    }
    stage_on_sqlite.ended(cards, method="median")
    assert stage_on_sqlite.ranks() == {"bakery": (1, False), "wool": (2, False)}


def test_president_breaks_a_tie_where_declared(stage_on_sqlite: Stage) -> None:
    stage = stage_on_sqlite
    values = dict(zip(JURORS, ((5, 7), (7, 5), (6, 6), (6, 6)), strict=True))
    cards: dict[str, dict[str, float]] = {
        key: {"bakery": one, "wool": other} for key, (one, other) in values.items()
    }
    stage.ended(cards, tie_breaks=["president"])
    assert stage.ranks() == {"bakery": (1, True), "wool": (1, True)}
    stage.hear(stage.role_letter("anne", president=True))
    assert stage.ranks() == {"wool": (1, False), "bakery": (2, False)}
