"""Paper codes: single use, hashed, in batches that can be revoked until the count."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from services.chassis.errors import Refusal
from services.chassis.tables import idempotency
from services.voting.codes import ALPHABET, hash_of
from services.voting.tables import Code
from tests.voting.stage import CLOSES, NOBODY, Stage, on_sqlite


def refusal(stage: Stage, code: str, project: str = "bakery") -> str:
    before = stage.rows()
    with pytest.raises(Refusal) as refused:
        stage.vote(code, project)
    assert stage.rows() == before
    return refused.value.code


@on_sqlite
def test_codes_are_long_plain_to_read_and_stored_hashed(stage: Stage) -> None:
    stage.mobilised()
    codes = stage.codes(300)

    assert len(set(codes)) == 300
    assert not set("ILOU") & set(ALPHABET) and len(ALPHABET) == 32  # 12 symbols are 60 bits
    assert all(re.fullmatch(r"([0-9A-HJKMNP-TV-Z]{4}-){2}[0-9A-HJKMNP-TV-Z]{4}", c) for c in codes)
    with stage.voting.session() as session:
        stored = list(session.scalars(select(Code.hash)))
    assert len(stored) == 300
    assert all(re.fullmatch("[0-9a-f]{64}", hashed) for hashed in stored)


def test_code_votes_once(stage: Stage) -> None:
    stage.opened()
    code, other = stage.codes(2)

    stage.vote(code, "bakery")

    assert refusal(stage, code, "wool") == "code_used"
    stage.vote(other, "wool")
    stage.ended()
    assert stage.tally()["counted"] == {"bakery": 1, "garden": 0, "wool": 1}


def test_code_is_understood_as_people_write_it() -> None:
    written = ("O1KD-8mzz-iL00", " 01kd8mzz 1100", "01KD–8MZZ–1100", "0IKD.8MZZ.L1OO")
    hashes = {hash_of("secret", one) for one in written}
    assert hashes == {hash_of("secret", "01KD-8MZZ-1100")}


BETWEEN = (
    *("\u00a0", "\u202f", "\t", "\n", "\r\n"),
    *("\u2010", "\u2011", "\u2012", "\u2013", "\u2014", "\u2212"),
)


@pytest.mark.parametrize("sign", BETWEEN, ids=ascii)
def test_code_is_understood_with_any_blank_or_dash(sign: str) -> None:
    written = sign.join(("01KD", "8MZZ", "1100"))
    assert hash_of("secret", written) == hash_of("secret", "01KD-8MZZ-1100")


@on_sqlite
def test_unknown_code_is_refused(stage: Stage) -> None:
    stage.opened()
    assert refusal(stage, "0000-0000-0000") == "code_unknown"


@on_sqlite
def test_code_of_another_poll_is_refused(stage: Stage) -> None:
    stage.opened()
    code = stage.codes(1)[0]
    other = {**stage.marathon_state, "id": "vallee-du-lot-2023-2", "projects": None}
    letter = stage.letter("registration", "marathon_started", "marathon", other["id"], other)
    stage.hear(letter)
    stage.hear(
        *[
            stage.letter(
                "registration",
                "project_confirmed",
                "project",
                "cheese",
                {
                    **stage.project_states["bakery"],
                    "id": "cheese",
                    "marathon": other["id"],
                },
            )
        ]
    )
    stage.call("prepare_poll", marathon=other["id"])
    poll = stage.call("get_poll", NOBODY, marathon=other["id"])["id"]
    with pytest.raises(Refusal) as refused:
        stage.call("cast", NOBODY, poll=poll, code=code, project="cheese")
    assert refused.value.code == "code_unknown"


def test_spoilt_code_may_be_used_again_while_the_poll_is_open(stage: Stage) -> None:
    stage.opened()
    code, other = stage.codes(2)
    stage.vote(code, "wool")
    stage.vote(other, "bakery")
    stage.project("wool", "withdrawn")

    stage.vote(code, "garden")

    assert refusal(stage, code, "bakery") == "code_used"
    assert refusal(stage, other, "garden") == "code_used"
    stage.ended()
    assert stage.tally()["counted"] == {"bakery": 1, "garden": 1}


@pytest.mark.parametrize(("used", "shown"), [(1, 0), (2, 0), (3, 3)])
def test_revoked_batch_is_refused_and_does_not_count(stage: Stage, used: int, shown: int) -> None:
    """Of one or two voters, raw totals less counted ones would be what they chose."""
    poll = stage.opened()
    kept, lost = stage.codes(2, "Mairie"), stage.codes(4, "Marché")
    stage.vote(kept[0], "wool")
    for code in lost[:used]:
        stage.vote(code, "bakery")
    batch = next(b for b in stage.call("list_codes", poll=poll) if b["place"] == "Marché")
    assert (batch["size"], batch["used"], batch["state"]) == (4, used, "issued")

    answer = stage.call("revoke_codes", poll=poll, batch=batch["batch"])

    assert (answer["state"], answer["used"]) == ("revoked", used)
    assert refusal(stage, lost[3]) == "code_revoked"
    stage.ended()
    tally = stage.tally()
    assert tally["raw"] == {"bakery": shown, "garden": 0, "wool": 1}
    assert tally["counted"] == {"bakery": 0, "garden": 0, "wool": 1}
    assert tally["accepted"] == 1 + used
    assert (tally["counted_ballots"], tally["invalidated"]) == (1, used)
    record = stage.call("get_record", NOBODY, poll=poll)["record"]
    assert record["code_batches"] == [
        {"place": "Mairie", "size": 2, "used": 1, "state": "issued"},
        {"place": "Marché", "size": 4, "used": used, "state": "revoked"},
    ]


@on_sqlite
def test_codes_are_neither_revoked_nor_issued_after_the_count(stage: Stage) -> None:
    poll = stage.opened()
    issued = stage.call("issue_codes", poll=poll, place="Mairie", count=1)
    stage.ended(CLOSES)
    with pytest.raises(Refusal) as refused:
        stage.call("revoke_codes", poll=poll, batch=issued["batch"])
    assert refused.value.code == "poll_counted"
    with pytest.raises(Refusal) as refused:
        stage.call("issue_codes", poll=poll, place="Mairie", count=1)
    assert refused.value.code == "poll_over"


@on_sqlite
def test_codes_are_the_organisers(stage: Stage) -> None:
    poll = stage.opened()
    for door, more in (
        ("issue_codes", {"place": "Mairie", "count": 1}),
        ("list_codes", {}),
        ("revoke_codes", {"batch": "any"}),
    ):
        with pytest.raises(Refusal) as refused:
            stage.call(door, NOBODY, poll=poll, **more)
        assert refused.value.code == "forbidden", door


@on_sqlite
def test_codes_are_shown_once(stage: Stage) -> None:
    poll = stage.opened()
    request = {"poll": poll, "place": "Mairie", "count": 2}
    first = stage.voting.call("issue_codes", request, key="print")
    assert len(first["codes"]) == 2
    with stage.voting.session() as session:
        kept = str(session.execute(select(idempotency)).all())
    assert not any(code in kept for code in first["codes"])
