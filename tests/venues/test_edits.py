"""Several who edit one thing, and commands that come again: owners and organisers."""

from __future__ import annotations

from typing import Any

import pytest

from services.chassis import offload
from services.chassis.errors import Refusal
from tests.edits import Editor
from tests.venues.stage import MARATHON, Stage


def test_what_is_approved_is_what_the_organiser_saw(stage: Stage) -> None:
    stage.mobilised()
    offer = stage.offered()
    organiser, owner = Editor(stage.venues), Editor(stage.venues, stage.owner())
    seen = organiser.look("get_premises", offer=offer)
    hers = owner.look("get_premises", offer=offer)
    after = owner.edit(hers, "change_premises", offer=offer, step_free="no")
    assert after == owner.look("get_premises", offer=offer)
    approval: dict[str, Any] = {"offer": offer, "approve": True}
    assert organiser.edit(seen, "decide_offer", **approval) == "changed_meanwhile"
    assert stage.call("get_premises", offer=offer)["state"] == "offered"
    now = organiser.look("get_premises", offer=offer)
    assert len(organiser.edit(now, "decide_offer", **approval)) == 32
    # And what was approved is not withdrawn by who has not seen it.
    gone = {"offer": offer, "reason": "Vendu"}
    assert owner.edit(after, "withdraw_offer", **gone) == "changed_meanwhile"
    assert stage.call("get_premises", offer=offer)["state"] == "approved"


def test_a_proposal_that_is_asked_for_again_is_the_same_and_not_solved_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.mobilised("wool")
    stage.approved()
    asked = {"marathon": MARATHON}
    first = stage.venues.answer("propose_allocation", asked, key="k")

    def compute(worker: str, payload: Any) -> Any:
        raise AssertionError("solved again")

    monkeypatch.setattr(offload, "run_here", compute)
    # By now the rules would refuse it: the answer that was lost on its way is given all the same.
    stage.hear(stage.marathon_letter("ended"))
    assert stage.venues.answer("propose_allocation", asked, key="k") == first
    with pytest.raises(Refusal, match="placing_closed"):
        stage.venues.answer("propose_allocation", asked, key="another")
    with pytest.raises(Refusal, match="idempotency_mismatch"):
        stage.venues.answer("propose_allocation", {"marathon": "another"}, key="k")
