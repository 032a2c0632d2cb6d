"""Quarantine: what is suspicious waits for a look, the rest is left alone (RULES V15, V9)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from services.chassis.actor import Actor
from services.chassis.errors import Refusal
from services.voting.rules import RULES, Limit
from services.voting.suspicion import common_domains, runs
from tests.voting.stage import CLOSES, MARATHON, NOBODY, OPENS, ORGANISER, Stage, on_sqlite

FEW = {"suspect_network": 4, "suspect_domain": 4, "suspect_second": 4}
PROGRAM = Actor(None, "essai", frozenset({("organiser", None)}))
JUROR = Actor("juror-key", "Jurée", frozenset({("juror", MARATHON)}))


def votes(
    stage: Stage,
    number: int,
    domain: str = "mixed",
    ip: str = "",
    project: str = "wool",
    apart: float = 2.0,
    name: str = "",
) -> list[str]:
    """So many people vote, one after the other; "mixed" gives each a domain of their own."""
    receipts = []
    for each in range(number):
        stage.troupe.clock.move_by(timedelta(seconds=apart))
        of = f"d{name}{each}.example" if domain == "mixed" else domain
        receipts.append(stage.mailed(f"{name or domain}{ip} {each}", project, of, ip))
    stage.troupe.clock.move_by(timedelta(milliseconds=1))
    return receipts


def closed(stage: Stage) -> list[dict[str, Any]]:
    """The vote is over, the marathon has ended; the cases."""
    stage.ended()
    return cases(stage)


def cases(stage: Stage, actor: Actor = ORGANISER) -> list[dict[str, Any]]:
    return list(stage.call("list_cases", actor, poll=stage.poll().id))


def refused(stage: Stage, door: str, actor: Any = ORGANISER, **request: Any) -> str:
    """The code of a refusal, which must have changed nothing."""
    before = stage.rows(), stage.said()
    with pytest.raises(Refusal) as caught:
        stage.call(door, actor, poll=stage.poll().id, **request)
    assert (stage.rows(), stage.said()) == before
    return caught.value.code


def test_too_many_of_one_domain_wait_and_are_counted_once_released(stage: Stage) -> None:
    stage.opened("bakery", "wool", **FEW)
    votes(stage, 4, "mairie.example", project="bakery")
    votes(stage, 3, "club.example")

    (case,) = closed(stage)

    assert stage.poll().state == "closed"
    assert stage.said() == ["poll_prepared", "poll_opened", "poll_closed"]
    said = stage.last("poll_closed")
    assert (said["received"], said["quarantined"], said["tally"]) == (7, 4, None)
    assert {name: case[name] for name in ("kind", "domain", "limit", "state")} == {
        "kind": "domain",
        "domain": "mairie.example",
        "limit": 4,
        "state": "open",
    }
    assert (case["ballots"], case["voters"], case["remaining"]) == (4, 4, 4)
    assert case["from_at"] == (OPENS + timedelta(seconds=2)).isoformat()

    released = stage.call(
        "release_case", poll=stage.poll().id, case=case["case"], reason="La mairie a appelé."
    )
    assert (released["state"], released["by_name"]) == ("released", "Organisatrice")
    assert stage.last("poll_closed")["quarantined"] == 0
    stage.at(CLOSES + timedelta(minutes=1))

    assert stage.tally()["counted"] == {"bakery": 4, "wool": 3}
    record = stage.call("get_record", NOBODY, poll=stage.poll().id)["record"]
    assert record["quarantine"] == [
        {
            "kind": "domain",
            "limit": 4,
            "ballots": 4,
            "voters": 4,
            "state": "released",
            "reason": "La mairie a appelé.",
        }
    ]
    assert record["suspicion"] == {"network": 4, "domain": 4, "second": 4}


def test_too_many_of_one_network_wait_and_its_hash_is_nowhere_shown(stage: Stage) -> None:
    stage.opened(**FEW)
    votes(stage, 4, ip="192.0.2.7", name="a")
    votes(stage, 3, ip="198.51.100.7", name="b")
    stage.mailed("a192.0.2.7 0", "garden", "da0.example", "192.0.2.99")

    (case,) = closed(stage)

    assert (case["kind"], case["ballots"], case["voters"]) == ("network", 5, 4)
    assert "network" not in case and case["domain"] is None
    with stage.voting.session() as session:
        hashes = set(session.execute(text("SELECT network FROM ballots")).scalars())
    assert len(hashes) == 2
    shown = str(cases(stage)) + str(stage.voting.said())
    assert not [each for each in hashes if each in shown]


def test_too_many_in_one_second_wait_and_close_seconds_are_one_case(stage: Stage) -> None:
    stage.opened(**FEW)
    votes(stage, 3, apart=10, name="slow")
    for wave in range(2):
        stage.troupe.clock.move_by(timedelta(seconds=3))
        votes(stage, 4, apart=0.01, name=f"wave{wave}")
    stage.troupe.clock.move_by(timedelta(minutes=5))
    votes(stage, 3, apart=0.01, name="three")

    (case,) = closed(stage)

    assert (case["kind"], case["ballots"], case["voters"]) == ("second", 8, 8)
    begun = OPENS + timedelta(seconds=33)
    assert case["from_at"] == begun.isoformat()
    assert case["to_at"] == (begun + timedelta(seconds=4)).isoformat()


def test_one_voter_who_votes_again_and_again_is_not_many(stage: Stage) -> None:
    stage.opened(**FEW)
    for _ in range(9):
        stage.mailed("anne", "wool", "club.example", "192.0.2.7")
    assert closed(stage) == []
    assert stage.tally()["counted"]["wool"] == 1


def test_paper_is_never_suspected(stage: Stage) -> None:
    stage.opened(**FEW)
    for code in stage.codes(12):
        stage.vote(code, "wool")
    assert closed(stage) == []
    assert stage.last("poll_closed")["quarantined"] == 0
    assert stage.tally()["counted"]["wool"] == 12


@on_sqlite
def test_common_domain_is_no_reason_to_look(stage: Stage) -> None:
    stage.opened(suspect_domain=4)
    votes(stage, 9, "gmail.com")
    assert closed(stage) == []


@on_sqlite
def test_town_hall_that_shares_one_address_is_not_looked_at_by_default(stage: Stage) -> None:
    stage.opened()
    votes(stage, RULES.suspicious_network.least - 1, ip="192.0.2.7")
    votes(stage, RULES.suspicious_domain.least - 1, "club.example")
    assert closed(stage) == []
    assert stage.poll().state == "counted"


def test_limit_grows_with_the_poll_between_its_bounds() -> None:
    limit = Limit(100, 5, 2000)
    assert [limit.among(voters) for voters in (0, 2000, 2001, 7800, 40000, 120000)] == [
        100,
        100,
        101,
        390,
        2000,
        2000,
    ]
    assert limit.among(120000, 10**9) == 10**9  # as good as none
    assert limit.among(10, 3) == 3


def test_common_domains_are_written_as_ballots_keep_them() -> None:
    assert {"gmail.com", "orange.fr", "laposte.net"} < common_domains()
    assert all(domain == domain.lower() and "@" not in domain for domain in common_domains())


def test_runs_join_what_is_close() -> None:
    moments = [OPENS + timedelta(seconds=second) for second in (0, 1, 6, 12, 30)]
    assert runs(moments, timedelta(seconds=5)) == [
        (moments[0], moments[2]),
        (moments[3], moments[3]),
        (moments[4], moments[4]),
    ]


def test_late_twice_and_heard_again_the_end_never_counts_while_a_case_is_open(
    stage: Stage,
) -> None:
    stage.opened(**FEW)
    votes(stage, 4, "club.example")
    stage.troupe.clock.move_to(CLOSES)
    end = stage.marathon_letter("ended", ended_at=CLOSES.isoformat())
    stage.hear(end, end)
    for moment in range(3):
        stage.at(CLOSES + timedelta(hours=moment))
    stage.project("wool", "checked_in")
    stage.marathon("deliberated")
    stage.marathon("ended")
    stage.at(CLOSES + timedelta(days=3))

    assert stage.poll().state == "closed"
    assert stage.poll().record is None
    assert stage.said().count("poll_closed") == 1
    assert stage.rows("box") == {"box": 0}


def test_two_runs_with_other_choices_have_the_same_cases(tmp_path: Any) -> None:
    seen = []
    for number, project in enumerate(("wool", "bakery")):
        folder = tmp_path / str(number)
        folder.mkdir()
        stage = Stage(f"sqlite:///{folder}/{{service}}.sqlite", seed=3)
        stage.opened("bakery", "wool", **FEW)
        votes(stage, 4, "club.example", project=project)
        votes(stage, 4, ip="192.0.2.7", name="n", project="wool")
        seen.append([{**case, "case": ""} for case in closed(stage)])
        stage.troupe.close()
    assert seen[0] == seen[1]
    assert [case["kind"] for case in seen[0]] == ["domain", "network"]


@on_sqlite
def test_release_is_an_organisers_in_person_and_once(stage: Stage) -> None:
    stage.opened(**FEW)
    votes(stage, 4, "club.example")
    votes(stage, 4, ip="192.0.2.7", name="n")
    first, second = closed(stage)
    for actor in (NOBODY, JUROR):
        assert refused(stage, "list_cases", actor) == "forbidden"
        wanted = {"case": first["case"], "reason": "Vu."}
        assert refused(stage, "release_case", actor, **wanted) == "forbidden"
    assert refused(stage, "release_case", PROGRAM, **wanted) == "signature_of_a_person"
    assert refused(stage, "release_case", case=first["case"], reason="") == "request_invalid"
    assert refused(stage, "release_case", case="nothing", reason="Vu.") == "case_not_found"

    stage.call("release_case", poll=stage.poll().id, **wanted)

    assert refused(stage, "release_case", **wanted) == "case_resolved"
    stage.at(CLOSES + timedelta(minutes=1))
    assert stage.poll().state == "closed"  # the other one is open
    stage.call("release_case", poll=stage.poll().id, case=second["case"], reason="Vu.")
    stage.at(CLOSES + timedelta(minutes=2))
    assert stage.poll().state == "counted"
    assert refused(stage, "release_case", **wanted) == "poll_counted"


@on_sqlite
def test_erased_organiser_leaves_no_name_in_a_case(stage: Stage) -> None:
    stage.opened(**FEW)
    votes(stage, 4, "club.example")
    votes(stage, 4, ip="192.0.2.7", name="n")
    first, _second = closed(stage)
    stage.call("release_case", poll=stage.poll().id, case=first["case"], reason="Vu.")

    stage.hear(stage.erasure_letter("organiser-key"))

    assert cases(stage)[0]["by_name"] == ""
