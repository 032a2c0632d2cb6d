"""Invalidation before the count: previewed, signed by two, carried out exactly once (RULES V9)."""

from __future__ import annotations

import ast
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from services.chassis.actor import Actor
from services.chassis.errors import Refusal
from services.voting import selection
from services.voting.tables import Decision, InvalidatedBallot, QuarantineCase
from tests.harness import ORGANISER
from tests.voting.stage import CLOSES, MARATHON, NOBODY, Stage, on_sqlite
from tests.voting.test_concurrency import at_once
from tests.voting.test_quarantine import FEW, JUROR, PROGRAM, cases, refused, votes

CLAIRE = ORGANISER
DENIS = Actor("denis-key", "Denis", frozenset({("organiser", MARATHON)}))
JOINT = Actor("joint-key", "Syndicat mixte", frozenset({("organiser", None)}))
ELSEWHERE = Actor("else-key", "D’ailleurs", frozenset({("organiser", "another")}))
WHY = "Adresses jetables (inventé)."


def preview(stage: Stage, **conditions: Any) -> dict[str, Any]:
    return dict(stage.call("preview_invalidation", CLAIRE, poll=stage.poll().id, **conditions))


def sign(stage: Stage, actor: Any = CLAIRE, **conditions: Any) -> dict[str, Any]:
    """Previews and gives the first signature."""
    seen = preview(stage, **conditions)
    names = ("cases", "domain", "from_at", "to_at", "digest")
    wanted = {name: seen[name] for name in names}
    return dict(stage.call("sign_invalidation", actor, poll=stage.poll().id, reason=WHY, **wanted))


def countersign(stage: Stage, decision: dict[str, Any], actor: Actor = DENIS) -> dict[str, Any]:
    named = {"decision": decision["decision"], "digest": decision["digest"]}
    return dict(stage.call("sign_decision", actor, poll=stage.poll().id, **named))


def record(stage: Stage) -> dict[str, Any]:
    return dict(stage.call("get_record", NOBODY, poll=stage.poll().id)["record"])


def adds_up(found: dict[str, Any]) -> bool:
    parts = ("counted_ballots", "replaced", "invalidated", "spoilt")
    return bool(found["accepted"] == sum(found[part] for part in parts))


def quarantined(stage: Stage, **settings: int) -> dict[str, Any]:
    """An ended vote: four of a suspicious domain for the bakery, three others for wool."""
    stage.opened("bakery", "wool", **(settings or FEW))
    votes(stage, 4, "trash.example", project="bakery")
    votes(stage, 3)
    stage.ended()
    (case,) = cases(stage)
    return case


def test_a_case_that_two_invalidate_is_not_counted_and_the_record_adds_up(stage: Stage) -> None:
    case = quarantined(stage)

    seen = preview(stage, cases=[case["case"]])
    assert (seen["ballots"], seen["voters"], seen["pending"]) == (4, 4, 0)
    first = sign(stage, cases=[case["case"]])
    assert (first["state"], first["signers"]) == ("signed", ["organiser-key"])
    stage.at(CLOSES + timedelta(minutes=1))
    assert stage.poll().state == "closed"
    second = countersign(stage, first)
    assert (second["state"], second["signers"]) == ("applied", ["organiser-key", "denis-key"])
    assert cases(stage)[0]["state"] == "invalidated"
    assert cases(stage)[0]["remaining"] == 0
    assert stage.last("poll_closed")["quarantined"] == 0
    stage.at(CLOSES + timedelta(minutes=2))

    found = record(stage)
    assert found["raw"] == {"bakery": 4, "wool": 3}
    assert found["counted"] == {"bakery": 0, "wool": 3}
    assert (found["accepted"], found["invalidated"], found["counted_ballots"]) == (7, 4, 3)
    assert adds_up(found)
    assert found["decisions"] == [
        {
            "kind": "invalidation",
            "reason": WHY,
            "ballots": 4,
            "voters": 4,
            "pending": 0,
            "conditions": ["cases"],
            "first_signed_at": CLOSES.isoformat(),
            "second_signed_at": (CLOSES + timedelta(minutes=1)).isoformat(),
        }
    ]
    assert found["quarantine"][0]["state"] == "invalidated"
    told = str(stage.call("get_results", NOBODY, marathon=MARATHON)) + str(found)
    assert "trash.example" not in told and "Denis" not in told and "denis-key" not in told


def test_domain_and_span_have_to_hold_together(stage: Stage) -> None:
    stage.opened("bakery", "wool")
    votes(stage, 3, "trash.example", name="early")
    between = stage.troupe.clock.now() + timedelta(seconds=1)
    votes(stage, 4, "trash.example", name="late")
    votes(stage, 5, name="others")

    assert preview(stage, domain="trash.example")["ballots"] == 7
    assert preview(stage, from_at=between.isoformat())["ballots"] == 9
    both = {"domain": "@Trash.example", "from_at": between.isoformat()}
    assert preview(stage, **both)["ballots"] == 4
    assert preview(stage, domain="trash.example", to_at=between.isoformat())["ballots"] == 3
    countersign(stage, sign(stage, **both))
    # What is taken out is not taken out twice.
    assert preview(stage, domain="trash.example")["ballots"] == 3

    stage.ended()
    found = record(stage)
    assert (found["accepted"], found["invalidated"], found["counted_ballots"]) == (12, 4, 8)
    assert found["decisions"][0]["conditions"] == ["domain", "from_at"]
    assert adds_up(found)


def test_pending_requests_of_the_domain_end_with_the_ballots(stage: Stage) -> None:
    poll = stage.opened("bakery", "wool")
    votes(stage, 3, "trash.example")
    asked = {"poll": poll, "commune": "elsewhere", "project": "bakery"}
    for name in ("x@trash.example", "y@TRASH.example", "z@club.example"):
        stage.call("request_ballot", NOBODY, email=name, **asked)
    stage.troupe.clock.move_by(timedelta(seconds=1))

    first = sign(stage, domain="trash.example")
    assert (first["ballots"], first["pending"]) == (3, 2)
    assert stage.waiting_proofs() == 3  # one signature does nothing yet
    applied = countersign(stage, first)

    assert applied["pending"] == 2
    assert stage.waiting_proofs() == 1


@on_sqlite
def test_pending_requests_alone_can_be_ended(stage: Stage) -> None:
    poll = stage.opened("bakery", "wool")
    asked = {"poll": poll, "commune": "elsewhere", "project": "bakery"}
    stage.call("request_ballot", NOBODY, email="x@trash.example", **asked)
    stage.troupe.clock.move_by(timedelta(seconds=1))
    countersign(stage, sign(stage, domain="trash.example"))
    assert stage.waiting_proofs() == 0


def test_request_confirmed_between_the_signatures_asks_for_a_new_preview(stage: Stage) -> None:
    poll = stage.opened("bakery", "wool")
    votes(stage, 3, "trash.example")
    asked = {"poll": poll, "commune": "elsewhere", "project": "bakery"}
    stage.call("request_ballot", NOBODY, email="x@trash.example", **asked)
    stage.troupe.clock.move_by(timedelta(seconds=1))
    first = sign(stage, domain="trash.example")
    token = stage.mails()[0].text.split("token=")[1].split()[0]
    given = stage.call("exchange_proof", NOBODY, poll=poll, token=token)["pass"]
    stage.call("cast", NOBODY, poll=poll, project="bakery", **{"pass": given})

    named = {"decision": first["decision"], "digest": first["digest"]}
    assert refused(stage, "sign_decision", DENIS, **named) == "selection_changed"

    stage.call("withdraw_decision", DENIS, poll=poll, decision=first["decision"])
    stage.troupe.clock.move_by(timedelta(seconds=1))
    again = sign(stage, domain="trash.example")
    assert (again["ballots"], again["pending"]) == (4, 0)
    countersign(stage, again)
    assert stage.rows("invalidated_ballots") == {"invalidated_ballots": 4}


def test_request_that_expired_between_the_signatures_changes_nothing(stage: Stage) -> None:
    poll = stage.opened("bakery", "wool")
    votes(stage, 3, "trash.example")
    asked = {"poll": poll, "commune": "elsewhere", "project": "bakery"}
    stage.call("request_ballot", NOBODY, email="x@trash.example", **asked)
    stage.troupe.clock.move_by(timedelta(seconds=1))
    first = sign(stage, domain="trash.example")
    stage.troupe.clock.move_by(timedelta(hours=2))
    assert countersign(stage, first)["pending"] == 0


def test_selection_that_changed_is_refused_at_either_signature(stage: Stage) -> None:
    stage.opened("bakery", "wool")
    votes(stage, 6, "trash.example")
    middle = (stage.troupe.clock.now() - timedelta(seconds=5)).isoformat()
    seen = preview(stage, domain="trash.example")
    first = sign(stage, domain="trash.example")
    # Of the same ballots some are taken out by another decision.
    countersign(stage, sign(stage, domain="trash.example", from_at=middle))

    named = {"decision": first["decision"], "digest": first["digest"]}
    assert refused(stage, "sign_decision", DENIS, **named) == "selection_changed"
    asked = {"domain": "trash.example", "to_at": seen["to_at"], "digest": seen["digest"]}
    assert refused(stage, "sign_invalidation", reason=WHY, **asked) == "selection_changed"
    with stage.voting.session() as session:
        assert session.get_one(Decision, first["decision"]).state == "signed"


def test_what_is_cast_after_the_preview_is_not_taken_out_and_is_looked_at(stage: Stage) -> None:
    """A vote after the invalidation counts; at the closing the domain is looked at once more."""
    stage.opened("bakery", "wool")
    votes(stage, 3, "trash.example", project="bakery")
    stage.troupe.clock.move_by(timedelta(seconds=1))
    first = sign(stage, domain="trash.example")
    votes(stage, 1, "trash.example", project="wool")  # the first of the three, again
    countersign(stage, first)
    assert stage.rows("invalidated_ballots") == {"invalidated_ballots": 3}

    stage.ended()

    (case,) = cases(stage)
    assert (case["kind"], case["domain"], case["ballots"]) == ("again", "trash.example", 1)
    assert stage.poll().state == "closed"
    stage.call("release_case", poll=stage.poll().id, case=case["case"], reason="Vu.")
    stage.at(CLOSES + timedelta(minutes=1))
    found = record(stage)
    assert found["counted"] == {"bakery": 0, "wool": 1}
    assert found["raw"] == {"bakery": 2, "wool": 1}
    assert (found["accepted"], found["invalidated"], found["replaced"]) == (4, 3, 0)
    assert adds_up(found)


def test_signed_once_holds_the_count_until_it_is_withdrawn(stage: Stage) -> None:
    stage.opened("bakery", "wool")
    votes(stage, 3, "trash.example")
    first = sign(stage, domain="trash.example")
    stage.ended()
    stage.at(CLOSES + timedelta(hours=1))
    assert stage.poll().state == "closed"

    gone = stage.call("withdraw_decision", DENIS, poll=stage.poll().id, decision=first["decision"])

    assert (gone["state"], gone["withdrawn_name"]) == ("withdrawn", "Denis")
    stage.at(CLOSES + timedelta(hours=2))
    assert stage.tally()["counted"]["wool"] == 3
    assert record(stage)["decisions"] == []


def test_same_person_never_signs_twice(stage: Stage) -> None:
    case = quarantined(stage)
    first = sign(stage, cases=[case["case"]])
    named = {"decision": first["decision"], "digest": first["digest"]}
    assert refused(stage, "sign_decision", CLAIRE, **named) == "second_person_needed"
    renamed = Actor("organiser-key", "Quelqu’un d’autre", frozenset({("organiser", MARATHON)}))
    assert refused(stage, "sign_decision", renamed, **named) == "second_person_needed"
    for forged in ({"second_key": "organiser-key"}, {"state": "applied"}):
        with pytest.raises(IntegrityError), stage.voting.session() as session:
            session.execute(update(Decision).values(forged))


@on_sqlite
def test_who_may_sign(stage: Stage) -> None:
    case = quarantined(stage)
    seen = preview(stage, cases=[case["case"]])
    wanted = {"cases": seen["cases"], "to_at": seen["to_at"], "digest": seen["digest"]}
    for actor in (NOBODY, JUROR, ELSEWHERE):
        for door, request in (
            ("preview_invalidation", {"cases": [case["case"]]}),
            ("sign_invalidation", {**wanted, "reason": WHY}),
            ("sign_release", {"reason": WHY}),
            ("list_decisions", {}),
            ("sign_decision", {"decision": "d", "digest": "d"}),
            ("withdraw_decision", {"decision": "d"}),
        ):
            assert refused(stage, door, actor, **request) == "forbidden", door
    signed = refused(stage, "sign_invalidation", PROGRAM, reason=WHY, **wanted)
    assert signed == "signature_of_a_person"
    first = sign(stage, cases=[case["case"]])
    assert countersign(stage, first, JOINT)["second_name"] == "Syndicat mixte"


def test_counting_all_the_same_takes_two_and_releases_every_case(stage: Stage) -> None:
    case = quarantined(stage)
    waiting = sign(stage, cases=[case["case"]])
    first = stage.call("sign_release", CLAIRE, poll=stage.poll().id, reason="On compte tout.")
    assert (first["kind"], first["ballots"], first["voters"]) == ("release", 4, 4)
    named = {"decision": first["decision"], "digest": first["digest"]}
    assert refused(stage, "sign_decision", CLAIRE, **named) == "second_person_needed"
    stage.at(CLOSES + timedelta(minutes=1))
    assert stage.poll().state == "closed"

    countersign(stage, first)

    states = {row["decision"]: row["state"] for row in decisions(stage)}
    assert states == {waiting["decision"]: "withdrawn", first["decision"]: "applied"}
    assert [each["state"] for each in cases(stage)] == ["released"]
    stage.at(CLOSES + timedelta(minutes=2))
    found = record(stage)
    assert (found["counted"], found["invalidated"]) == ({"bakery": 4, "wool": 3}, 0)
    assert found["decisions"][0]["kind"] == "release"


def decisions(stage: Stage) -> list[dict[str, Any]]:
    return list(stage.call("list_decisions", CLAIRE, poll=stage.poll().id))


def test_counting_all_the_same_is_signed_again_when_a_case_was_resolved(stage: Stage) -> None:
    stage.opened(**FEW)
    votes(stage, 4, "trash.example")
    votes(stage, 4, ip="192.0.2.7", name="n")
    stage.ended()
    first = stage.call("sign_release", CLAIRE, poll=stage.poll().id, reason=WHY)
    case = cases(stage)[0]["case"]
    stage.call("release_case", DENIS, poll=stage.poll().id, case=case, reason="Vu.")
    named = {"decision": first["decision"], "digest": first["digest"]}
    assert refused(stage, "sign_decision", DENIS, **named) == "selection_changed"


def test_case_that_is_partly_invalidated_stays_open_with_the_rest(stage: Stage) -> None:
    stage.opened(**FEW)
    votes(stage, 4, "trash.example", name="a")
    half = stage.troupe.clock.now() + timedelta(seconds=1)
    votes(stage, 3, "trash.example", name="b")
    stage.ended()
    (case,) = cases(stage)

    countersign(stage, sign(stage, cases=[case["case"]], from_at=half.isoformat()))

    (left,) = cases(stage)
    assert (left["state"], left["ballots"], left["remaining"]) == ("open", 7, 4)
    assert stage.last("poll_closed")["quarantined"] == 4
    stage.call("release_case", poll=stage.poll().id, case=case["case"], reason="Le reste va.")
    stage.at(CLOSES + timedelta(minutes=1))
    assert (stage.tally()["counted_ballots"], stage.tally()["invalidated"]) == (4, 3)


@on_sqlite
def test_what_is_asked_must_make_sense(stage: Stage) -> None:
    stage.mobilised()
    of = {"domain": "trash.example"}
    assert refused(stage, "preview_invalidation", **of) == "poll_not_open"
    stage.call("prepare_poll", marathon=MARATHON)
    assert refused(stage, "sign_release", reason=WHY) == "poll_not_open"
    stage.marathon("running", projects=stage.started_projects())
    stage.at(CLOSES - timedelta(hours=2))
    votes(stage, 2, "trash.example")
    assert refused(stage, "preview_invalidation") == "request_invalid"
    assert refused(stage, "preview_invalidation", project="wool", **of) == "request_invalid"
    assert refused(stage, "preview_invalidation", choice="wool", **of) == "request_invalid"
    assert refused(stage, "preview_invalidation", domain="a b") == "domain_invalid"
    assert refused(stage, "preview_invalidation", cases=["nothing"]) == "case_not_found"
    assert refused(stage, "sign_release", reason=WHY) == "poll_still_open"
    for domain, code in (("nobody.example", "nothing_selected"), (*of.values(), "too_few_voters")):
        seen = preview(stage, domain=domain)
        wanted = {"domain": domain, "to_at": seen["to_at"], "digest": seen["digest"]}
        assert refused(stage, "sign_invalidation", reason=WHY, **wanted) == code
    stage.troupe.clock.move_to(CLOSES)
    stage.ended()
    assert refused(stage, "preview_invalidation", **of) == "poll_counted"
    assert refused(stage, "sign_release", reason=WHY) == "poll_counted"


@on_sqlite
def test_nothing_waits_is_said_before_the_marathon_has_ended(stage: Stage) -> None:
    stage.opened()
    stage.at(CLOSES)
    assert stage.poll().state == "closed"
    assert refused(stage, "sign_release", reason=WHY) == "nothing_waits"


@on_sqlite
def test_the_same_twice_is_one_decision_to_be_signed(stage: Stage) -> None:
    case = quarantined(stage)
    first = sign(stage, cases=[case["case"]])
    seen = preview(stage, cases=[case["case"]])
    wanted = {"cases": seen["cases"], "to_at": seen["to_at"], "digest": seen["digest"]}
    assert refused(stage, "sign_invalidation", DENIS, reason=WHY, **wanted) == "decision_waiting"
    countersign(stage, first)
    named = {"decision": first["decision"]}
    assert refused(stage, "sign_decision", JOINT, **named, digest="x") == "decision_over"
    assert refused(stage, "withdraw_decision", JOINT, **named) == "decision_over"
    assert refused(stage, "withdraw_decision", decision="none") == "decision_not_found"


@on_sqlite
def test_paper_is_not_invalidated_by_where_and_when(stage: Stage) -> None:
    stage.opened()
    start = stage.troupe.clock.now()
    for code in stage.codes(5):
        stage.vote(code, "wool")
    assert preview(stage, from_at=start.isoformat())["ballots"] == 0


def test_invalidated_and_revoked_add_up_together(stage: Stage) -> None:
    poll = stage.opened("bakery", "wool")
    for code in stage.codes(2):
        stage.vote(code, "wool")
    votes(stage, 3, "trash.example", project="wool")
    votes(stage, 2, project="bakery")
    votes(stage, 2, project="wool", name="")  # they change their minds
    countersign(stage, sign(stage, domain="trash.example"))
    (batch,) = stage.call("list_codes", poll=poll)
    stage.call("revoke_codes", poll=poll, batch=batch["batch"])
    stage.project("bakery", "withdrawn")
    stage.ended()
    found = record(stage)
    sums = ("accepted", "counted_ballots", "replaced", "invalidated", "spoilt")
    assert [found[name] for name in sums] == [9, 2, 2, 5, 0]
    assert found["decisions"][0]["ballots"] + found["code_batches"][0]["used"] == 5


def test_once_the_link_is_destroyed_nothing_tells_what_was_selected(stage: Stage) -> None:
    case = quarantined(stage)
    countersign(stage, sign(stage, cases=[case["case"]], domain="trash.example"))
    stage.at(CLOSES + timedelta(minutes=1))
    before = record(stage)
    stage.marathon("closed", closed_at=CLOSES.isoformat())
    stage.at(CLOSES + timedelta(days=8))

    assert stage.poll().unlinked_at is not None
    assert stage.rows("quarantine_cases", "invalidated_ballots", "decisions") == {
        "quarantine_cases": 0,
        "invalidated_ballots": 0,
        "decisions": 1,
    }
    (left,) = decisions(stage)
    assert (left["cases"], left["domain"], left["from_at"], left["to_at"]) == ([], None, None, None)
    assert (left["ballots"], left["first_name"]) == (4, "Organisatrice")
    assert record(stage) == before
    with stage.voting.session() as session:
        assert session.scalars(select(Decision.requests)).all() == [None]
    stage.at(CLOSES + timedelta(days=120))
    assert [decisions(stage)[0][f"{one}_name"] for one in ("first", "second")] == ["", ""]


def test_void_poll_keeps_no_selection(stage: Stage) -> None:
    stage.opened()
    votes(stage, 3, "trash.example")
    sign(stage, domain="trash.example")
    stage.marathon("cancelled")
    assert [row["state"] for row in decisions(stage)] == ["withdrawn"]
    assert decisions(stage)[0]["domain"] is None


def test_signers_see_what_they_signed_and_their_names_go_with_them(stage: Stage) -> None:
    case = quarantined(stage)
    first = sign(stage, cases=[case["case"]])
    countersign(stage, first)
    signed = {"kind": "invalidation", "reason": WHY, "first_at": CLOSES.isoformat()}
    for actor in (CLAIRE, DENIS):
        mine = stage.call("my_data", actor)
        assert (mine["polls"], mine["signatures"]) == ([], [{"marathon": MARATHON, **signed}])

    stage.hear(stage.erasure_letter("denis-key"))

    (row,) = decisions(stage)
    assert (row["first_name"], row["second_name"]) == ("Organisatrice", "")
    assert row["signers"] == ["organiser-key", "denis-key"]


def test_two_second_signatures_at_once_are_one(stage: Stage) -> None:
    case = quarantined(stage)
    first = sign(stage, cases=[case["case"]])
    hands = iter([DENIS, JOINT, DENIS, JOINT])

    answers = at_once(4, lambda: countersign(stage, first, next(hands)))

    done = [answer for answer in answers if isinstance(answer, dict)]
    assert len(done) == 1
    assert [answer for answer in answers if answer not in done] == ["decision_over"] * 3
    assert stage.rows("invalidated_ballots") == {"invalidated_ballots": 4}
    assert [each["quarantined"] for each in said_closed(stage)] == [4, 0]


def said_closed(stage: Stage) -> list[dict[str, Any]]:
    return [envelope["data"] for envelope in stage.voting.said("poll_closed")]


def test_signature_and_count_at_once_have_one_effect(stage: Stage) -> None:
    """Whoever comes first: what is signed is not counted, or the signature comes too late."""
    case = quarantined(stage)
    first = sign(stage, cases=[case["case"]])
    stage.call("release_case", CLAIRE, poll=stage.poll().id, case=case["case"], reason="Vu.")
    withdraw = {"poll": stage.poll().id, "decision": first["decision"]}
    runs = iter(
        [
            lambda: countersign(stage, first),
            lambda: stage.call("withdraw_decision", JOINT, **withdraw)["state"],
            stage.voting.tick,
            stage.voting.tick,
        ]
    )

    answers = at_once(4, lambda: next(runs)())

    for _ in range(3):
        stage.voting.tick()
    found = record(stage)
    applied = any(isinstance(answer, dict) for answer in answers)
    assert (found["invalidated"], found["counted"]["bakery"]) == ((4, 0) if applied else (0, 4))
    assert stage.said().count("poll_counted") == 1
    assert adds_up(found)
    assert {"decision_over", "poll_counted"} & {str(answer) for answer in answers}


def test_constraint_not_a_check_takes_a_ballot_out_once(stage: Stage) -> None:
    case = quarantined(stage)
    first = sign(stage, cases=[case["case"]])
    countersign(stage, first)
    with stage.voting.session() as session:
        row = session.execute(select(InvalidatedBallot.__table__).limit(1)).one()
    with pytest.raises(IntegrityError), stage.voting.session() as session:
        session.execute(insert(InvalidatedBallot), [dict(row._mapping)])


def test_conditions_never_name_a_choice() -> None:
    """Not in the code that selects, not in what the tables of cases and decisions hold."""
    tree = ast.parse(Path(selection.__file__).read_text())
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert {"domain", "network", "accepted_at"} <= names
    assert not {"choice", "choices", "project", "projects"} & names
    for table in (QuarantineCase, Decision, InvalidatedBallot):
        columns = set(table.__table__.columns.keys())
        assert not {"choice", "project", "projects"} & columns


def test_refusals_have_a_code(stage: Stage) -> None:
    with pytest.raises(Refusal) as caught:
        stage.call("preview_invalidation", CLAIRE, poll="nothing", domain="trash.example")
    assert (caught.value.code, caught.value.status) == ("poll_not_found", 404)
