"""Panels: drafted, convened, told again when they change, sealed, dissolved."""

from __future__ import annotations

import pytest

from services.chassis.errors import Refusal
from tests.jury.stage import JURORS, MARATHON, NOBODY, Stage, juror


def test_panel_and_grid_are_drafted_with_the_mobilisation_and_nothing_is_said(
    stage_on_sqlite: Stage,
) -> None:
    stage = stage_on_sqlite
    stage.hear(stage.marathon_letter("announced"))
    assert stage.rows()["panels"] == []
    stage.hear(stage.marathon_letter("mobilised"))

    assert stage.panel().status == "draft"
    grid = stage.call("get_grid", NOBODY, marathon=MARATHON)
    assert [line["id"] for line in grid["criteria"]] == [
        "originality",
        "feasibility",
        "local_impact",
        "theme",
        "pitch",
    ]
    assert {line["weight"] for line in grid["criteria"]} == {1}
    assert (grid["method"], grid["normalise"], grid["locked_at"]) == ("mean", False, None)
    assert stage.said() == []


def test_convening_says_the_jurors_and_how_many_may_score_each_project(stage: Stage) -> None:
    panel = stage.mobilised()
    stage.hear(stage.project_letter("garden", "confirmed", member_keys=["anne"]))
    stage.call("convene_panel", marathon=MARATHON)

    assert stage.last("panel_convened") == {
        "id": panel,
        "marathon": MARATHON,
        "status": "convened",
        "juror_keys": list(JURORS),
        "eligible": {"bakery": 4, "garden": 3, "wool": 4},
        "quorum_reachable": True,
    }


def test_convening_twice_says_it_once(stage_on_sqlite: Stage) -> None:
    stage = stage_on_sqlite
    stage.mobilised()
    first = stage.call("convene_panel", marathon=MARATHON)
    assert stage.call("convene_panel", marathon=MARATHON) == first
    assert stage.said() == ["panel_convened"]


def test_only_organisers_convene(stage_on_sqlite: Stage) -> None:
    stage_on_sqlite.mobilised()
    code = stage_on_sqlite.refused("convene_panel", juror("anne"), marathon=MARATHON)
    assert code == "forbidden"


def test_panel_is_told_again_when_jurors_projects_or_recusals_change(stage: Stage) -> None:
    stage.mobilised(jurors=JURORS[:3])
    stage.call("convene_panel", marathon=MARATHON)

    stage.hear(stage.role_letter("didier"))
    assert stage.last("panel_convened")["juror_keys"] == list(JURORS)
    stage.hear(stage.project_letter("wool", "withdrawn"))
    assert stage.last("panel_convened")["eligible"] == {"bakery": 4, "garden": 4}
    stage.call("recuse", juror("anne"), marathon=MARATHON, project="bakery", reason="Voisine")
    assert stage.last("panel_convened")["eligible"] == {"bakery": 3, "garden": 4}
    stage.hear(stage.role_letter("bruno", "revoked"))

    assert stage.last("panel_convened")["eligible"] == {"bakery": 2, "garden": 3}
    assert stage.last("panel_convened")["quorum_reachable"] is False
    assert len(stage.said()) == 5


def test_what_changes_nothing_is_not_told_again(stage_on_sqlite: Stage) -> None:
    stage = stage_on_sqlite
    stage.mobilised()
    stage.call("convene_panel", marathon=MARATHON)
    stage.hear(
        stage.project_letter("wool", "checked_in", title="Laine"),
        stage.marathon_letter("mobilised"),
        stage.role_letter("anne", display_name="Anne B."),
    )
    assert stage.said() == ["panel_convened"]


def test_panel_without_three_jurors_can_not_reach_its_quorum(stage_on_sqlite: Stage) -> None:
    stage = stage_on_sqlite
    stage.mobilised(jurors=JURORS[:2], projects=())
    assert stage.call("convene_panel", marathon=MARATHON)["quorum_reachable"] is False


def test_juror_of_all_marathons_is_on_each_panel(stage: Stage) -> None:
    stage.mobilised(jurors=JURORS[:2])
    stage.call("convene_panel", marathon=MARATHON)
    stage.hear(stage.role_letter("zoe", marathon=None))
    assert stage.last("panel_convened")["juror_keys"] == ["anne", "bruno", "zoe"]
    stage.hear(stage.role_letter("zoe", "revoked"))
    assert stage.last("panel_convened")["juror_keys"] == ["anne", "bruno"]


def test_other_roles_and_other_marathons_are_not_on_the_panel(stage_on_sqlite: Stage) -> None:
    stage = stage_on_sqlite
    stage.mobilised()
    stage.hear(
        stage.role_letter("coach", role="coach"),
        stage.role_letter("elsewhere", marathon="vallee-du-lot-2023-2"),
    )
    assert stage.call("convene_panel", marathon=MARATHON)["juror_keys"] == list(JURORS)


def test_panel_shows_names_presidents_quorum_and_recusals(stage_on_sqlite: Stage) -> None:
    stage = stage_on_sqlite
    stage.mobilised(jurors=JURORS[:3], projects=["bakery"])
    stage.hear(stage.role_letter("anne", president=True, organisation="CCI"))
    stage.call("recuse", marathon=MARATHON, project="bakery", juror_key="bruno", reason="Cousin")

    view = stage.call("get_panel", juror("chloe"), marathon=MARATHON)

    assert view["status"] == "draft" and view["convened_at"] is None
    assert view["jurors"][0] == {
        "key": "anne",
        "name": "Anne",
        "organisation": "CCI",
        "president": True,
    }
    assert view["quorum"] == {"bakery": 3}
    assert view["recusals"] == [
        {"juror_key": "bruno", "project": "bakery", "cause": "declared", "reason": "Cousin"}
    ]


def test_cancelled_marathon_dissolves_the_panel_and_says_so_once(stage: Stage) -> None:
    stage.mobilised()
    stage.call("convene_panel", marathon=MARATHON)
    stage.hear(stage.marathon_letter("cancelled"), stage.role_letter("zoe"))

    told = stage.last("panel_convened")
    assert (told["status"], told["juror_keys"], told["eligible"]) == ("dissolved", [], {})
    assert stage.said() == ["panel_convened"] * 2
    assert stage.refused("convene_panel", marathon=MARATHON) == "panel_dissolved"


def test_panel_that_was_never_convened_is_dissolved_in_silence(stage_on_sqlite: Stage) -> None:
    stage_on_sqlite.mobilised()
    stage_on_sqlite.hear(stage_on_sqlite.marathon_letter("cancelled"))
    assert stage_on_sqlite.panel().status == "dissolved"
    assert stage_on_sqlite.said() == []


def test_unknown_marathon_has_no_panel(stage_on_sqlite: Stage) -> None:
    for door in ("get_panel", "get_grid", "get_progress", "get_ranking", "get_palmares"):
        with pytest.raises(Refusal) as caught:
            stage_on_sqlite.call(door, marathon="-")
        assert caught.value.status == 404
