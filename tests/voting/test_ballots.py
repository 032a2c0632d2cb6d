"""Casting: the window to the instant, one ballot per voter, refusals that store nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from services.chassis.errors import Refusal
from services.chassis.tables import idempotency
from services.voting import passes, polls
from tests.voting.stage import CLOSES, MARATHON, NOBODY, OPENS, Stage, on_sqlite


def a_pass(stage: Stage, person: str) -> str:
    """A pass as the exchange of a mailed link would give it to ``person`` (a person_key)."""

    def sign(work: Any) -> str:
        poll = polls.find(work, marathon=MARATHON)
        secret = polls.secret_of(work, poll)
        return passes.sign(secret, poll.id, passes.voter_key(secret, person), CLOSES)

    return str(stage.voting.within(sign))


def cast(stage: Stage, pass_: str, project: str, poll: str | None = None) -> dict[str, Any]:
    request = {"poll": poll or stage.poll().id, "pass": pass_, "project": project}
    return dict(stage.voting.call("cast", request, actor=NOBODY))


def refusal(stage: Stage, pass_: str, project: str = "bakery", poll: str | None = None) -> str:
    """The code with which a ballot is refused; it must have stored nothing."""
    before = stage.rows()
    with pytest.raises(Refusal) as refused:
        cast(stage, pass_, project, poll)
    assert stage.rows() == before
    return refused.value.code


def test_ballot_is_stored_with_its_place_and_a_receipt_that_says_nothing(stage: Stage) -> None:
    stage.opened()
    anne = a_pass(stage, "anne")

    first = cast(stage, anne, "bakery")
    second = cast(stage, anne, "wool")

    assert first["accepted_at"] == OPENS.isoformat()
    assert set(first) == {"poll", "receipt", "accepted_at"}
    assert len(first["receipt"]) == 32 and first["receipt"] != second["receipt"]
    assert stage.rows("ballots", "register") == {"ballots": 2, "register": 1}


def test_last_ballot_counts_even_at_one_instant(stage: Stage) -> None:
    stage.opened()
    anne = a_pass(stage, "anne")
    for project in ("bakery", "wool", "garden"):
        cast(stage, anne, project)
    cast(stage, a_pass(stage, "bruno"), "wool")

    stage.ended()

    tally = stage.tally()
    assert tally["counted"] == {"bakery": 0, "garden": 1, "wool": 1}
    assert (tally["accepted"], tally["counted_ballots"], tally["replaced"]) == (4, 2, 2)


def test_window_is_half_open_to_the_instant(stage: Stage) -> None:
    stage.mobilised()
    stage.call("prepare_poll", marathon=MARATHON)
    stage.marathon("running", projects=stage.started_projects())
    anne = a_pass(stage, "anne")
    instant = timedelta(microseconds=1)

    stage.troupe.clock.move_to(OPENS - instant)
    assert refusal(stage, anne) == "poll_not_open"
    # On the instant, though no timer has run yet.
    stage.troupe.clock.move_to(OPENS)
    cast(stage, anne, "bakery")
    assert stage.said() == ["poll_prepared", "poll_opened"]
    stage.troupe.clock.move_to(CLOSES - instant)
    cast(stage, anne, "wool")
    stage.troupe.clock.move_to(CLOSES)
    assert refusal(stage, anne) == "poll_closed"
    assert stage.rows("ballots") == {"ballots": 2}


@on_sqlite
def test_no_ballot_before_the_marathon_has_started(stage: Stage) -> None:
    stage.mobilised()
    anne = a_pass(stage, "anne")
    assert refusal(stage, anne) == "poll_not_open"
    stage.call("prepare_poll", marathon=MARATHON)
    stage.troupe.clock.move_to(OPENS)
    assert refusal(stage, anne) == "poll_not_open"


def test_refused_ballots_store_nothing(stage: Stage) -> None:
    poll = stage.opened("bakery", "wool")
    anne = a_pass(stage, "anne")
    stage.project("wool", "withdrawn")

    assert refusal(stage, anne, "nobody") == "project_not_votable"
    assert refusal(stage, anne, "wool") == "project_not_votable"
    assert refusal(stage, anne[:-3] + "abc") == "pass_invalid"
    assert refusal(stage, anne, poll="another") == "poll_not_found"
    assert refusal(stage, passes.sign("a guessed secret", poll, "anne", CLOSES)) == "pass_invalid"
    stage.marathon("cancelled")
    assert refusal(stage, anne) == "poll_void"


@on_sqlite
def test_either_pass_or_code(stage: Stage) -> None:
    poll = stage.opened()
    for more in ({}, {"pass": "x", "code": "y"}):
        with pytest.raises(Refusal) as refused:
            stage.call("cast", poll=poll, project="bakery", **more)
        assert refused.value.code == "request_invalid"


@pytest.mark.parametrize(
    ("setting", "refused"),
    [
        ("everyone", set()),
        ("not_team", {"wool-holder", "wool-member"}),
        ("not_team_nor_jury", {"wool-holder", "wool-member", "seated", "named", "all-over"}),
    ],
)
@on_sqlite
def test_who_may_vote_is_declared(stage: Stage, setting: str, refused: set[str]) -> None:
    stage.opened(who_may_vote=setting)
    panel = {"marathon": MARATHON, "status": "convened", "juror_keys": ["seated"]}
    stage.hear(stage.letter("jury", "panel_convened", "panel", "panel", panel))
    for person, marathon, status in (
        ("named", MARATHON, "granted"),
        ("all-over", None, "granted"),
        ("revoked", MARATHON, "revoked"),
        ("elsewhere", "another-1", "granted"),
    ):
        role = {"person_key": person, "role": "juror", "marathon": marathon, "status": status}
        stage.hear(stage.letter("registration", "role_granted", "role", person, role))

    everybody = {"wool-holder", "wool-member", "seated", "named", "all-over", "revoked"}
    for person in sorted(everybody | {"elsewhere", "resident"}):
        if person in refused:
            assert refusal(stage, a_pass(stage, person)) == "forbidden", person
        else:
            cast(stage, a_pass(stage, person), "bakery")


def test_withdrawn_project_frees_its_voters_to_vote_again(stage: Stage) -> None:
    stage.opened("bakery", "garden", "wool")
    anne, bruno = a_pass(stage, "anne"), a_pass(stage, "bruno")
    cast(stage, anne, "wool")
    cast(stage, bruno, "wool")
    stage.project("wool", "disqualified")
    cast(stage, anne, "garden")

    stage.ended()

    tally = stage.tally()
    assert tally["raw"] == {"bakery": 0, "garden": 1, "wool": 1}
    assert tally["counted"] == {"bakery": 0, "garden": 1}
    assert (tally["accepted"], tally["replaced"], tally["spoilt"]) == (3, 1, 1)
    assert tally["winners"] == ["garden"]


def test_nothing_of_a_ballot_is_kept_under_an_idempotency_key(stage: Stage) -> None:
    stage.opened()
    request = {"poll": stage.poll().id, "pass": a_pass(stage, "anne"), "project": "wool"}
    answers = [stage.voting.call("cast", request, actor=NOBODY, key="again") for _ in range(2)]
    assert answers[0] == answers[1]
    with stage.voting.session() as session:
        assert session.execute(select(idempotency)).all() == []
    stage.ended()
    assert stage.tally()["counted"]["wool"] == 1


# --- repeated under a key -----------------------------------------------------------------


def test_a_ballot_that_is_repeated_under_its_key_is_one(stage: Stage) -> None:
    stage.opened()
    anne = a_pass(stage, "anne")
    first = keyed(stage, "bakery", pass_=anne)
    assert keyed(stage, "bakery", pass_=anne) == first
    assert stage.rows("ballots", "register") == {"ballots": 1, "register": 1}
    with pytest.raises(Refusal, match="idempotency_mismatch"):
        keyed(stage, "wool", pass_=anne)
    # Somebody else's key is their own, and another key is another ballot.
    others = keyed(stage, "wool", pass_=a_pass(stage, "bruno"))
    again = keyed(stage, "wool", "another", pass_=anne)
    assert len({first["receipt"], others["receipt"], again["receipt"]}) == 3
    # The answer that was lost on its way is given after the closing too.
    stage.at(CLOSES)
    assert keyed(stage, "bakery", pass_=anne) == first
    with pytest.raises(Refusal, match="poll_closed"):
        keyed(stage, "bakery", "a third", pass_=anne)


def test_a_paper_code_that_is_repeated_under_its_key_is_one(stage: Stage) -> None:
    stage.opened()
    asked = {"poll": stage.poll().id, "place": "Mairie", "count": 1}
    (code,) = stage.voting.call("issue_codes", asked)["codes"]
    first = keyed(stage, "bakery", code=code)
    assert keyed(stage, "bakery", code=code.lower()) == first
    with pytest.raises(Refusal, match="idempotency_mismatch"):
        keyed(stage, "wool", code=code)
    with pytest.raises(Refusal, match="code_used"):
        keyed(stage, "bakery", "another", code=code)
    assert stage.rows("ballots", "register") == {"ballots": 1, "register": 1}


def keyed(stage: Stage, project: str, key: str = "key", **proof: str) -> dict[str, Any]:
    request = {"poll": stage.poll().id, "project": project}
    request |= {name.rstrip("_"): value for name, value in proof.items()}
    return dict(stage.voting.call("cast", request, actor=NOBODY, key=key))
