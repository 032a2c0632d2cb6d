"""The palmarès: when it may be published, its digest, its editions (RULES J7)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from services.chassis.errors import Refusal
from tests.jury.stage import JURORS, MARATHON, NOBODY, Stage, juror

RENT: dict[str, Any] = {
    "kind": "rent",
    "title": "Six mois de loyer",
    "quantity": 6,
    "premises": "offer-1",
}
PUBLIC = {"kind": "public", "title": "Prix du public"}


def _ended(stage: Stage) -> tuple[str, str]:
    stage.ended({key: {"bakery": 8, "garden": 6, "wool": 6} for key in JURORS})
    rent, public = (
        str(stage.call("add_prize", marathon=MARATHON, **prize)["id"]) for prize in (RENT, PUBLIC)
    )
    stage.call("award_prize", prize=rent, project="bakery")
    return rent, public


def _publish(stage: Stage, **more: Any) -> dict[str, Any]:
    return dict(stage.call("publish_palmares", marathon=MARATHON, **more))


def test_published_palmares_has_ranks_prizes_and_a_digest_anybody_can_check(stage: Stage) -> None:
    rent, public = _ended(stage)
    stage.counted("garden", "wool", garden=7, wool=7, bakery=2)

    _publish(stage)

    said = stage.last("palmares_published")
    assert said["ranks"] == [
        {"project": "bakery", "rank": 1, "shared": False},
        {"project": "garden", "rank": 2, "shared": True},
        {"project": "wool", "rank": 2, "shared": True},
    ]
    prize = {"id": public, "kind": "public", "title": "Prix du public", "premises": None}
    assert said["prizes"] == [
        {
            "id": rent,
            "kind": "rent",
            "title": "Six mois de loyer",
            "project": "bakery",
            "premises": "offer-1",
        },
        prize | {"project": "garden"},
        prize | {"project": "wool"},
    ]
    assert said["public_winners"] == ["garden", "wool"]
    assert (said["number"], said["record_digest"]) == (1, "r" * 64)
    assert (
        _digest({name: value for name, value in said.items() if name != "digest"})
        == (said["digest"])
    )


def test_everybody_sees_the_published_edition_with_names(stage_on_sqlite: Stage) -> None:
    stage = stage_on_sqlite
    _ended(stage)
    with pytest.raises(Refusal, match="palmares_not_found"):
        stage.call("get_palmares", NOBODY, marathon=MARATHON)
    _publish(stage)

    seen = stage.call("get_palmares", NOBODY, marathon=MARATHON)

    assert seen["ranks"][0] == {
        "project": "bakery",
        "rank": 1,
        "shared": False,
        "project_title": "Bakery",
        "team_number": 1,
    }
    assert _digest(seen["document"]) == seen["digest"]
    assert [line["number"] for line in seen["editions"]] == [1]
    assert not {"anne", "score", "cards"} & set(json.dumps(seen).replace('"', " ").split())


@pytest.mark.parametrize("state", ["prepared", "opened", "closed"])
def test_poll_that_is_not_counted_holds_the_palmares_back(
    stage_on_sqlite: Stage, state: str
) -> None:
    stage = stage_on_sqlite
    _ended(stage)
    stage.hear(stage.poll_letter({"opened": "open"}.get(state, state)))
    assert stage.refused("publish_palmares", marathon=MARATHON) == "poll_not_counted"
    stage.hear(stage.poll_letter("void"))
    assert _publish(stage)["public_winners"] == []


def test_tie_of_the_public_goes_by_the_deliberated_order_where_declared(
    stage_on_sqlite: Stage,
) -> None:
    stage = stage_on_sqlite
    _ended(stage)
    stage.counted("garden", "wool", rule="jury_order", garden=7, wool=7, bakery=2)
    placement = {"project": "wool", "rank": 1, "reason": "Le jury suit l’essai."}
    stage.call("deliberate", marathon=MARATHON, placements=[placement])

    made = _publish(stage)

    assert made["public_winners"] == ["wool"]
    assert made["ranks"][0]["project"] == "wool"


def test_invalid_award_holds_the_palmares_back_and_is_named(stage_on_sqlite: Stage) -> None:
    stage = stage_on_sqlite
    rent, _public = _ended(stage)
    stage.hear(stage.project_letter("bakery", "disqualified"))
    with pytest.raises(Refusal) as caught:
        _publish(stage)
    assert caught.value.code == "awards_invalid"
    assert caught.value.details["awards"] == [
        {"prize": rent, "project": "bakery", "code": "project_not_scored"}
    ]
    assert stage.refused("publish_palmares", marathon=MARATHON) == "awards_invalid"


def test_news_of_a_project_on_their_way_hold_the_palmares_back(stage_on_sqlite: Stage) -> None:
    stage = stage_on_sqlite
    _ended(stage)
    late = stage.project_letter("wool", "disqualified")
    started = [
        {"id": project, "version": stage.versions[project]}
        for project in ("bakery", "garden", "wool")
    ]
    stage.hear(stage.marathon_letter("ended", projects=started))
    assert stage.refused("publish_palmares", marathon=MARATHON) == "projects_pending"
    stage.hear(late)
    assert [line["project"] for line in _publish(stage)["ranks"]] == ["bakery", "garden"]


def test_only_organisers_publish_and_only_after_the_end(stage_on_sqlite: Stage) -> None:
    stage = stage_on_sqlite
    stage.running()
    assert stage.refused("publish_palmares", marathon=MARATHON) == "palmares_not_open"
    stage.hear(stage.marathon_letter("ended"))
    assert stage.refused("publish_palmares", juror("anne"), marathon=MARATHON) == "forbidden"


def test_correction_is_a_new_edition_and_the_first_can_still_be_shown(stage: Stage) -> None:
    rent, _public = _ended(stage)
    first = _publish(stage)
    stage.hear(stage.marathon_letter("deliberated"))
    assert stage.refused("publish_palmares", marathon=MARATHON) == "reason_missing"
    assert stage.refused("publish_palmares", marathon=MARATHON, reason=" ") == "reason_missing"
    code = stage.refused("publish_palmares", marathon=MARATHON, reason="Erreur")
    assert code == "palmares_unchanged"
    stage.call("award_prize", prize=rent, project="wool")

    second = _publish(stage, reason="Erreur de saisie")

    assert (second["id"], second["number"]) == (first["id"], 2)
    assert second["digest"] != first["digest"]
    assert stage.call("get_palmares", NOBODY, marathon=MARATHON) == second
    old = stage.call("get_palmares", NOBODY, marathon=MARATHON, number=1)
    assert old["document"] == first["document"]
    assert [line["reason"] for line in old["editions"]] == [None, "Erreur de saisie"]
    assert [event["subject"] for event in stage.jury.said("palmares_published")] == [
        first["id"]
    ] * 2


def test_recusal_after_publication_is_seen_in_the_next_edition_only(stage_on_sqlite: Stage) -> None:
    stage = stage_on_sqlite
    cards: dict[str, dict[str, float]] = {key: {"bakery": 6, "wool": 5} for key in JURORS}
    cards["anne"]["bakery"] = 0
    stage.ended(cards)
    _publish(stage)
    request: dict[str, Any] = {"project": "bakery", "reason": "Concurrente", "juror_key": "anne"}
    stage.call("recuse", marathon=MARATHON, **request)
    seen = stage.call("get_palmares", NOBODY, marathon=MARATHON)
    assert [line["project"] for line in seen["ranks"]] == ["wool", "bakery"]
    assert [line["project"] for line in _publish(stage, reason="Récusation")["ranks"]] == [
        "bakery",
        "wool",
    ]


def test_closing_seals_everything(stage: Stage) -> None:
    rent, _public = _ended(stage)
    stage.call("convene_panel", marathon=MARATHON)
    _publish(stage)
    ranking = stage.call("get_ranking", marathon=MARATHON)
    panel = stage.call("get_panel", marathon=MARATHON)
    progress = stage.call("get_progress", marathon=MARATHON)
    said = stage.said()
    stage.hear(stage.marathon_letter("closed"))

    stage.hear(
        stage.role_letter("anne", "revoked"),
        stage.role_letter("zoe"),
        stage.project_letter("wool", "disqualified"),
        stage.allocation_letter("garden", "confirmed", owner_key="bruno"),
    )

    assert stage.said() == said
    assert stage.call("get_ranking", marathon=MARATHON) == ranking
    assert stage.call("get_panel", marathon=MARATHON) == panel | {"status": "sealed"}
    assert stage.call("get_progress", marathon=MARATHON) == progress
    sealed: dict[str, dict[str, Any]] = {
        "set_grid": {"criteria": [{"id": "a", "label": "A"}]},
        "convene_panel": {},
        "recuse": {"project": "bakery", "reason": "x", "juror_key": "bruno"},
        "deliberate": {},
        "publish_palmares": {"reason": "x"},
    }
    codes = {stage.refused(door, marathon=MARATHON, **more) for door, more in sealed.items()}
    assert codes == {"panel_sealed"}
    assert stage.refused("award_prize", prize=rent, project="wool") == "panel_sealed"
    assert stage.refused("add_prize", marathon=MARATHON, **RENT) == "marathon_over"


def test_publishing_with_the_same_key_twice_publishes_once(stage_on_sqlite: Stage) -> None:
    stage = stage_on_sqlite
    _ended(stage)
    request = {"marathon": MARATHON}
    answers = [stage.jury.call("publish_palmares", request, key="k") for _ in range(2)]
    assert answers[0] == answers[1]
    assert stage.said().count("palmares_published") == 1


def _digest(document: dict[str, Any]) -> str:
    written = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(written.encode()).hexdigest()
