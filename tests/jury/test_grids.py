"""The grid: sound, and locked by the first card (RULES J1)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.jury.stage import GRID, MARATHON, Stage, juror

WEIGHTED = [
    {"id": "idea", "label": "Idée", "weight": 1.5, "scale_max": 5},
    {"id": "plan", "label": "Plan", "required": False},
]


def test_grid_is_set_whole_and_keeps_weights_exactly(stage_on_sqlite: Stage) -> None:
    stage = stage_on_sqlite
    stage.mobilised()
    made = stage.call(
        "set_grid",
        marathon=MARATHON,
        criteria=WEIGHTED,
        method="median",
        normalise=True,
        tie_breaks=["criterion:plan", "president"],
    )
    assert made == stage.call("get_grid", marathon=MARATHON)
    assert made == {
        "marathon": MARATHON,
        "criteria": [
            {"id": "idea", "label": "Idée", "weight": 1.5, "scale_max": 5, "required": True},
            {"id": "plan", "label": "Plan", "weight": 1, "scale_max": 10, "required": False},
        ],
        "method": "median",
        "normalise": True,
        "tie_breaks": ["criterion:plan", "president"],
        "locked_at": None,
    }


def test_first_card_locks_the_grid(stage: Stage) -> None:
    stage.running()
    stage.score("anne", "wool", overall=7)

    assert stage.call("get_grid", marathon=MARATHON)["locked_at"] is not None
    assert stage.refused("set_grid", marathon=MARATHON, criteria=GRID) == "grid_locked"


@pytest.mark.parametrize(
    ("grid", "code"),
    [
        ({"criteria": [*GRID, *GRID]}, "criteria_repeated"),
        ({"criteria": [GRID[0] | {"weight": 0}]}, "criteria_weightless"),
        ({"criteria": GRID, "tie_breaks": ["criterion:other"]}, "tie_break_unknown"),
        ({"criteria": GRID, "tie_breaks": ["president", "president"]}, "tie_break_unknown"),
        ({"criteria": []}, "request_invalid"),
        ({"criteria": GRID, "method": "geometric"}, "request_invalid"),
        ({"criteria": [GRID[0] | {"weight": 1.001}]}, "request_invalid"),
        ({"criteria": [GRID[0] | {"weight": "1"}]}, "request_invalid"),
        ({"criteria": [GRID[0] | {"weight": float("nan")}]}, "request_invalid"),
        ({"criteria": [GRID[0] | {"scale_max": 0}]}, "request_invalid"),
        ({"criteria": [GRID[0] | {"id": "Überall"}]}, "request_invalid"),
    ],
)
def test_unsound_grids_are_refused(refusing: Stage, grid: dict[str, Any], code: str) -> None:
    assert refusing.refused("set_grid", marathon=MARATHON, **grid) == code


def test_only_organisers_set_the_grid(stage_on_sqlite: Stage) -> None:
    stage_on_sqlite.mobilised()
    code = stage_on_sqlite.refused("set_grid", juror("anne"), marathon=MARATHON, criteria=GRID)
    assert code == "forbidden"
