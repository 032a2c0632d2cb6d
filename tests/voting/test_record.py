"""The record, the box and the receipts: what anybody can check after the count."""

from __future__ import annotations

import hashlib
import json

import pytest

from services.chassis.actor import Actor
from services.chassis.errors import Refusal
from tests.voting.stage import CLOSES, MARATHON, NOBODY, OPENS, Stage, on_sqlite


def test_record_adds_up_and_its_digest_is_that_of_its_canonical_json(stage: Stage) -> None:
    poll = stage.opened("bakery", "garden", "wool")
    codes = stage.codes(5)
    receipts = [stage.vote(code, "bakery") for code in codes[:3]]
    stage.vote(codes[3], "wool")
    stage.project("wool", "no_show")
    receipts.append(stage.vote(codes[3], "garden"))
    stage.ended()

    answer = stage.call("get_record", NOBODY, poll=poll)

    record = answer["record"]
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert answer["digest"] == hashlib.sha256(text.encode()).hexdigest()
    assert answer["digest"] == stage.tally()["record_digest"]
    assert record == {
        "format": 1,
        "poll": poll,
        "marathon": MARATHON,
        "projects": [{"id": p, "version": 1} for p in ("bakery", "garden", "wool")],
        "opens_at": OPENS.isoformat(),
        "closes_at": CLOSES.isoformat(),
        "who_may_vote": "everyone",
        "elsewhere_may_vote": True,
        "rule": "shared",
        "voters": 4,
        "code_batches": [{"place": "Mairie", "size": 5, "used": 4, "state": "issued"}],
        "intake": {"lanes": 0, "batches": 0, "unproven": 0},
        "suspicion": {"network": None, "domain": None, "second": None},
        "quarantine": [],
        "decisions": [],
        "accepted": 5,
        "counted_ballots": 4,
        "replaced": 1,
        "invalidated": 0,
        "spoilt": 0,
        "raw": {"bakery": 3, "garden": 1},
        "counted": {"bakery": 3, "garden": 1},
        "tie": False,
        "winners": ["bakery"],
        "seed": None,
        "receipts_digest": hashlib.sha256(
            "".join(f"{receipt}\n" for receipt in sorted(receipts)).encode()
        ).hexdigest(),
        "box_digest": stage.tally()["box_digest"],
    }


@on_sqlite
def test_box_is_not_for_everybody(stage: Stage) -> None:
    poll = stage.opened()
    stage.ended()
    for somebody in (NOBODY, of("juror"), of("coach"), of("scrutineer", "another")):
        with pytest.raises(Refusal) as refused:
            stage.call("get_box", somebody, poll=poll)
        assert refused.value.code == "forbidden"
    for somebody in (of("scrutineer"), of("organiser")):
        assert stage.call("get_box", somebody, poll=poll)["key"] == f"polls/{poll}/box.csv"


def of(role: str, marathon: str = MARATHON) -> Actor:
    return Actor("somebody", "Somebody", frozenset({(role, marathon)}))


def test_receipts_are_public_sorted_and_can_be_looked_up(stage: Stage) -> None:
    poll = stage.opened()
    code, other = stage.codes(2)
    replaced = stage.vote(code, "wool")
    stage.project("wool", "withdrawn")
    counted = [stage.vote(code, "garden"), stage.vote(other, "bakery")]
    stage.ended()

    listed = stage.call("list_receipts", NOBODY, poll=poll)

    assert listed["items"] == sorted(counted)
    assert (listed["next"], listed["total"]) == (None, 2)
    copied_by_hand = f" {counted[1][:16]} {counted[1][16:].upper()}"
    known = ((counted[0], True), (copied_by_hand, True), (replaced, False), ("made-up", False))
    for receipt, expected in known:
        answer = stage.call("check_receipt", NOBODY, poll=poll, receipt=receipt)
        assert answer == {"poll": poll, "receipt": receipt, "counted": expected}


@on_sqlite
def test_results_list_most_votes_first(stage: Stage) -> None:
    stage.opened("bakery", "garden", "wool")
    for number, code in enumerate(stage.codes(4)):
        stage.vote(code, ("wool", "wool", "garden", "bakery")[number])
    stage.project("bakery", "withdrawn")
    stage.ended()

    results = stage.call("get_results", NOBODY, marathon=MARATHON)

    assert results["results"] == [
        {"project": "wool", "title": "Wool", "raw": 2, "counted": 2, "spoilt": False},
        {"project": "garden", "title": "Garden", "raw": 1, "counted": 1, "spoilt": False},
        {"project": "bakery", "title": "Bakery", "raw": 1, "counted": 0, "spoilt": True},
    ]
    assert (results["winners"], results["tie"]) == (["wool"], False)
    assert results["counted_at"] == CLOSES.isoformat()
    assert results["record_digest"] == stage.tally()["record_digest"]
