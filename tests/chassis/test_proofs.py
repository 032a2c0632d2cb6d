"""One-time proofs, by token and by code, on both databases (RULES S1)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from services.chassis import proofs
from services.chassis.errors import Refusal
from services.chassis.people_tables import proofs as table
from services.chassis.proofs import Proof
from tests.chassis.parts import START, Parts

ANNE = "anne@example.org"
WRONG = "not a code"


@pytest.fixture
def parts(storage: str) -> Iterator[Parts]:
    made = Parts(storage)
    yield made
    made.close()


def issue(parts: Parts, email: str = ANNE, purpose: str = "sign_in", **payload: Any) -> Proof:
    made: Proof = parts.within(lambda work: proofs.issue(work, purpose, email, payload))
    return made


def by_token(parts: Parts, token: str, purpose: str = "sign_in") -> Any:
    """The payload, or the code of the refusal."""
    return _outcome(parts, lambda work: proofs.redeem_token(work, purpose, token))


def by_code(parts: Parts, code: str, email: str = ANNE, purpose: str = "sign_in") -> Any:
    return _outcome(parts, lambda work: proofs.redeem_code(work, purpose, email, code))


def _outcome(parts: Parts, run: Any) -> Any:
    try:
        return parts.within(run)
    except Refusal as refusal:
        return refusal.code


def test_token_and_code_are_unguessable_and_stored_hashed(parts: Parts) -> None:
    proof = issue(parts)
    assert len(proof.token) == 32  # 24 bytes, 192 bits
    assert len(proof.code) == 6 and proof.code.isdigit()
    (row,) = parts.rows(table)
    assert proof.token not in str(row) and proof.code not in (row.code, row.id)
    assert (row.tries, row.expires_at, row.used_at) == (0, START + timedelta(minutes=30), None)


def test_token_works_once_and_its_address_is_dropped(parts: Parts) -> None:
    proof = issue(parts, " Anne@Example.org ", poll="p1")
    assert by_token(parts, proof.token) == {"poll": "p1", "email": "Anne@Example.org"}
    assert [(row.email, row.payload, row.used_at) for row in parts.rows(table)] == [
        (None, None, START)
    ]
    assert by_token(parts, proof.token) == "proof_used"
    assert by_code(parts, proof.code) == "proof_used"


def test_code_works_once_for_any_writing_of_the_address(parts: Parts) -> None:
    proof = issue(parts, poll="p1")
    assert by_code(parts, proof.code, " ANNE@example.org") == {"poll": "p1", "email": ANNE}
    assert by_token(parts, proof.token) == "proof_used"


def test_proof_is_for_its_purpose_and_its_address(parts: Parts) -> None:
    proof = issue(parts)
    assert by_token(parts, proof.token, "ballot") == "proof_invalid"
    assert by_code(parts, proof.code, purpose="ballot") == "proof_invalid"
    assert by_code(parts, proof.code, "bruno@example.org") == "proof_invalid"
    assert by_token(parts, "a guess") == "proof_invalid"
    assert by_token(parts, proof.token) == {"email": ANNE}


def test_proof_lives_thirty_minutes(parts: Parts) -> None:
    first, second = issue(parts), issue(parts)
    parts.clock.move_by(timedelta(minutes=30) - timedelta(microseconds=1))
    assert by_token(parts, first.token) == {"email": ANNE}
    parts.clock.move_by(timedelta(microseconds=1))
    assert by_token(parts, second.token) == "proof_expired"
    assert by_code(parts, second.code) == "proof_expired"


def test_five_wrong_codes_end_the_code_but_not_the_link(parts: Parts) -> None:
    proof = issue(parts)
    assert [by_code(parts, WRONG) for _ in range(5)] == ["proof_invalid"] * 5
    assert [row.tries for row in parts.rows(table)] == [5]
    assert by_code(parts, proof.code) == "too_many_tries"
    assert by_token(parts, proof.token) == {"email": ANNE}


def test_four_wrong_codes_leave_a_fifth_try(parts: Parts) -> None:
    proof = issue(parts)
    for _ in range(4):
        by_code(parts, WRONG)
    assert by_code(parts, proof.code) == {"email": ANNE}


def test_new_mail_gives_new_tries_and_keeps_the_earlier_link(parts: Parts) -> None:
    first = issue(parts)
    for _ in range(5):
        by_code(parts, WRONG)
    second = issue(parts)
    assert by_code(parts, first.code) == "proof_invalid"
    assert by_code(parts, second.code) == {"email": ANNE}
    assert by_token(parts, first.token) == {"email": ANNE}


def test_tries_of_one_address_do_not_touch_another(parts: Parts) -> None:
    issue(parts, "bruno@example.org")
    proof = issue(parts)
    for _ in range(5):
        by_code(parts, WRONG, "bruno@example.org")
    assert by_code(parts, proof.code) == {"email": ANNE}


def test_unknown_address_is_answered_as_a_wrong_code(parts: Parts) -> None:
    assert by_code(parts, "123456", "nobody@example.org") == "proof_invalid"
    assert by_code(parts, "123456", "no address") == "email_invalid"


def test_withdrawn_proofs_are_gone(parts: Parts) -> None:
    mine, other = issue(parts, person="a"), issue(parts, "bruno@example.org", person="b")
    voting = issue(parts, purpose="ballot", person="a")
    parts.within(lambda work: proofs.withdraw(work, "sign_in", payload_match={"person": "a"}))
    assert by_token(parts, mine.token) == "proof_invalid"
    parts.within(lambda work: proofs.withdraw(work, "sign_in", email="BRUNO@example.org"))
    assert by_token(parts, other.token) == "proof_invalid"
    assert by_token(parts, voting.token, "ballot") == {"person": "a", "email": ANNE}
    parts.within(lambda work: proofs.withdraw(work, "ballot"))
    assert parts.rows(table) == []


def test_purge_drops_addresses_at_expiry_and_rows_a_day_later(parts: Parts) -> None:
    issue(parts, poll="p1")
    expiry = START + timedelta(minutes=30)
    for instant, left in [
        (expiry - timedelta(seconds=1), [(ANNE, {"poll": "p1"})]),
        (expiry, [(None, None)]),
        (expiry + timedelta(days=1), []),
    ]:
        with parts.core.database.transaction() as session:
            proofs.purge(session, instant)
        assert [(row.email, row.payload) for row in parts.rows(table)] == left


@pytest.mark.parametrize("way", ["token", "code"])
def test_two_at_once_use_one_proof_once(parts: Parts, way: str) -> None:
    proof = issue(parts)
    outcomes: list[Any] = []

    def use() -> None:
        one = by_token(parts, proof.token) if way == "token" else by_code(parts, proof.code)
        outcomes.append(one)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, outcomes)) == ["proof_used"] * 3 + [str({"email": ANNE})]
