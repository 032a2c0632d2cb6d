"""Signing in by mail, and out: RULES S1, S2, S4."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from services.chassis import people_tables
from services.chassis.errors import Refusal
from services.registration.tables import Session
from tests.registration.crew import FIRST, NOBODY, Crew, email

MINUTE = timedelta(minutes=1)


def ask(crew: Crew, name: str = "anne", **more: Any) -> Any:
    """Asks for a mail."""
    return crew.call("request_sign_in", NOBODY, email=email(name), **more)


def code_of(crew: Crew, name: str = "anne") -> str:
    """The code in the newest mail."""
    found = re.search(r"\b(\d{6})\b", crew.text(name))
    assert found
    return found[1]


def link_of(crew: Crew, name: str = "anne") -> str:
    """The token in the newest mail's link."""
    found = re.search(r"token=(\S+)", crew.text(name))
    assert found
    return found[1]


def refusal_of(crew: Crew, **proof: str) -> str:
    """The code with which a proof is refused; tries are counted, so something is stored."""
    with pytest.raises(Refusal) as refused:
        crew.call("sign_in", NOBODY, **proof)
    return str(refused.value.code)


def identity(crew: Crew, session: str) -> Any:
    """Who a session belongs to."""
    return crew.call("identify", NOBODY, session=session)


def test_a_link_signs_in_once_and_is_stored_hashed(crew: Crew) -> None:
    ask(crew)
    token = link_of(crew)
    made = crew.call("sign_in", NOBODY, token=token, name="Anne")
    assert made["person"] == {"key": crew.key("anne"), "name": "Anne"}
    assert identity(crew, made["session"])["key"] == crew.key("anne")
    assert crew.refused("sign_in", NOBODY, token=token) == "proof_used"
    with crew.season.registration.session() as session:
        kept = repr(session.execute(people_tables.proofs.select()).all())
        kept += repr(session.query(Session).all()[0].id)
    assert token not in kept
    assert made["session"] not in kept


def test_a_code_signs_in_and_five_wrong_ones_are_too_many(crew: Crew) -> None:
    ask(crew)
    code = code_of(crew)
    wrong = {"email": email("anne"), "code": "000000" if code != "000000" else "111111"}
    told = [refusal_of(crew, **wrong) for _ in range(5)]
    told.append(refusal_of(crew, email=email("anne"), code=code))
    assert told == ["proof_invalid"] * 5 + ["too_many_tries"]
    ask(crew)
    assert crew.call("sign_in", NOBODY, email=email("anne"), code=code_of(crew))["session"]


def test_a_proof_lives_thirty_minutes(crew: Crew) -> None:
    ask(crew)
    crew.troupe.clock.move_by(30 * MINUTE)
    assert refusal_of(crew, token=link_of(crew)) == "proof_expired"


def test_the_answer_is_the_same_for_everybody(crew: Crew) -> None:
    crew.known("anne")
    assert ask(crew, "anne") == ask(crew, "nobody") == {"minutes": 30}
    subjects = {subject for _, subject in crew.mails()}
    assert len(subjects) == 1
    assert crew.refused("request_sign_in", NOBODY, email="no address") == "email_invalid"


def test_the_sixth_mail_of_an_hour_is_not_sent_and_nobody_is_told(crew: Crew) -> None:
    answers = [ask(crew) for _ in range(6)]
    assert answers == [answers[0]] * 6
    assert len(crew.mails("anne")) == 5
    crew.troupe.clock.move_by(61 * MINUTE)
    ask(crew)
    assert len(crew.mails("anne")) == 6


def test_above_sixty_a_minute_one_network_is_slowed_down_and_never_banned(crew: Crew) -> None:
    for number in range(60):
        ask(crew, f"resident{number}", ip="192.0.2.7")
    late = {"email": email("late"), "ip": "192.0.2.7"}
    assert crew.refused("request_sign_in", NOBODY, **late) == "slow_down"
    ask(crew, "elsewhere", ip="192.0.2.8")
    crew.troupe.clock.move_by(MINUTE + timedelta(seconds=1))
    ask(crew, "late", ip="192.0.2.7")
    assert crew.mails("late")


def test_a_session_says_which_roles_are_held(crew: Crew) -> None:
    crew.juror("jules")
    made = crew.sign_in("jules")
    assert identity(crew, made)["roles"] == [{"role": "juror", "marathon": FIRST}]


def test_signing_out_ends_this_session_or_all(crew: Crew) -> None:
    first, second, third = (crew.sign_in("anne") for _ in range(3))
    assert crew.call("sign_out", crew.actor("anne"), session=first) == {"ended": 1}
    assert crew.refused("identify", NOBODY, session=first) == "session_unknown"
    assert identity(crew, second)
    assert crew.call("sign_out", session=second, everywhere=True) == {"ended": 2}
    assert crew.refused("identify", NOBODY, session=third) == "session_unknown"


def test_sessions_end_with_a_role_that_is_taken_away(crew: Crew) -> None:
    role = crew.juror("jules")["id"]
    session = crew.sign_in("jules")
    crew.call("revoke_role", role_id=role)
    assert crew.refused("identify", NOBODY, session=session) == "session_unknown"


def test_sessions_end_with_the_person_and_by_their_time(crew: Crew) -> None:
    session, old = crew.sign_in("anne"), crew.sign_in("bruno")
    crew.call("erase_person", crew.actor("anne"))
    assert crew.refused("identify", NOBODY, session=session) == "session_unknown"
    crew.troupe.clock.move_by(timedelta(days=14))
    assert crew.refused("identify", NOBODY, session=old) == "session_unknown"
