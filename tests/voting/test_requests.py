"""Asking for a ballot by mail, and the pass it is exchanged for."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from services.chassis.errors import Refusal
from services.chassis.tables import idempotency
from tests.voting.stage import CLOSES, MARATHON, NOBODY, OPENS, Stage, on_sqlite

ANNE = "anne@example.org"


def ask(stage: Stage, email: str = ANNE, project: str = "wool", **more: Any) -> Any:
    stage.troupe.clock.move_by(timedelta(milliseconds=1))  # so that mails have an order
    request = {"poll": stage.poll().id, "commune": "47106", "email": email, "project": project}
    return stage.call("request_ballot", NOBODY, **(request | more))


def token_and_code(stage: Stage) -> tuple[str, str]:
    """The token in the link and the code of the newest mail."""
    text = stage.mails()[-1].text
    found = re.search(r"/vote/confirm\?poll=(\w+)&token=(\S+)", text)
    code = re.search(r"\b(\d{6})\b", text)
    assert found and code and found[1] == stage.poll().id
    return found[2], code[1]


def exchange(stage: Stage, **proof: str) -> Any:
    return stage.call("exchange_proof", NOBODY, poll=stage.poll().id, **proof)


def refusal(run: Any, *given: Any, **more: Any) -> str:
    with pytest.raises(Refusal) as refused:
        run(*given, **more)
    return refused.value.code


def vote(stage: Stage, pass_: str, project: str) -> Any:
    request = {"poll": stage.poll().id, "pass": pass_, "project": project}
    return stage.voting.call("cast", request, actor=NOBODY)


def test_link_is_exchanged_for_a_pass_that_votes_again_and_again(stage: Stage) -> None:
    stage.opened()
    assert ask(stage) == {"poll": stage.poll().id, "minutes": 30}
    assert stage.rows("ballots", "register") == {"ballots": 0, "register": 0}
    token, _ = token_and_code(stage)

    answer = exchange(stage, token=token)

    assert answer.keys() == {"pass", "expires_at"}
    assert answer["expires_at"] == CLOSES.isoformat()
    assert vote(stage, answer["pass"], "wool")["receipt"]
    stage.troupe.clock.move_to(CLOSES - timedelta(seconds=1))
    assert vote(stage, answer["pass"], "garden")["receipt"]
    stage.ended()
    assert stage.tally()["counted"] == {"bakery": 0, "garden": 1, "wool": 0}


@on_sqlite
def test_code_of_the_mail_does_as_well(stage: Stage) -> None:
    stage.opened()
    ask(stage)
    _, code = token_and_code(stage)
    given = exchange(stage, email=" Anne@Example.org ", code=code)["pass"]
    assert vote(stage, given, "wool")["receipt"]


def test_proof_works_once(stage: Stage) -> None:
    stage.opened()
    ask(stage)
    token, _ = token_and_code(stage)
    exchange(stage, token=token)
    assert refusal(exchange, stage, token=token) == "proof_used"
    assert refusal(exchange, stage, token="a-guess") == "proof_invalid"


@on_sqlite
def test_two_links_of_one_person_are_one_voter(stage: Stage) -> None:
    stage.opened()
    for email, project in ((ANNE, "wool"), ("ANNE@example.org", "bakery")):
        ask(stage, email, project)
        token, _ = token_and_code(stage)
        vote(stage, exchange(stage, token=token)["pass"], project)
    stage.ended()
    assert stage.tally()["counted"] == {"bakery": 1, "garden": 0, "wool": 0}


@on_sqlite
def test_mail_says_that_voting_again_replaces_and_shows_no_choice(stage: Stage) -> None:
    stage.opened()
    ask(stage)
    (mail,) = stage.mails()
    assert mail.to == ANNE
    assert "Marathon de Fumel" in mail.subject
    assert "seul votre dernier vote confirmé" in " ".join(mail.text.split())
    assert "wool" not in (mail.text + mail.subject).lower()


@on_sqlite
def test_mail_is_in_the_language_asked_for_and_shows_its_code_in_both_parts(stage: Stage) -> None:
    stage.opened()
    ask(stage, language="en")
    (mail,) = stage.mails()
    token, code = token_and_code(stage)
    assert (mail.language, mail.subject) == ("en", "Your link to vote: Marathon de Fumel")
    assert "only your last confirmed vote counts" in " ".join(mail.text.split())
    assert '<html lang="en">' in mail.html
    assert f"token={token}" in mail.html
    assert f"<strong>{code}</strong>" in mail.html
    assert "wool" not in mail.html.lower()
    assert refusal(ask, stage, language="de") == "request_invalid"


@on_sqlite
@pytest.mark.parametrize(("before", "lives"), [(60, 30), (30, 30), (10, 10)])
def test_mail_does_not_outlive_its_link_nor_the_poll(stage: Stage, before: int, lives: int) -> None:
    stage.opened()
    asked = CLOSES - timedelta(minutes=before)
    stage.at(asked - timedelta(milliseconds=1))
    ask(stage)
    (mail,) = stage.mails()
    assert mail.expires_at == asked + timedelta(minutes=lives)


@on_sqlite
def test_answer_is_the_same_when_no_more_mails_are_sent(stage: Stage) -> None:
    stage.opened()
    answers = [ask(stage) for _ in range(7)]
    assert len(stage.mails()) == 5
    assert all(answer == answers[0] for answer in answers)
    assert ask(stage, "bruno@example.org") == answers[0]
    assert len(stage.mails()) == 6


@on_sqlite
def test_network_that_asks_too_much_slows_down_and_is_not_banned(stage: Stage) -> None:
    stage.opened()
    for number in range(60):
        ask(stage, f"voter{number}@example.org", ip="192.0.2.7")
    assert refusal(ask, stage, "one@example.org", ip="192.0.2.7") == "slow_down"
    ask(stage, "two@example.org", ip="192.0.2.8")
    stage.troupe.clock.move_by(timedelta(minutes=2))
    ask(stage, "one@example.org", ip="192.0.2.7")


@on_sqlite
def test_requests_are_refused_when_they_can_not_be_of_use(stage: Stage) -> None:
    stage.mobilised()
    assert refusal(ask, stage) == "poll_not_open"
    stage.call("prepare_poll", marathon=MARATHON)
    stage.marathon("running", projects=stage.started_projects())
    stage.at(OPENS)
    assert refusal(ask, stage, project="nobody") == "project_not_votable"
    assert refusal(ask, stage, email="not an address") == "email_invalid"
    assert refusal(ask, stage, commune="Fumel") == "request_invalid"
    stage.at(CLOSES)
    assert refusal(ask, stage) == "poll_closed"
    assert stage.mails() == []


@on_sqlite
def test_elsewhere_votes_only_where_the_marathon_lets_it(stage: Stage) -> None:
    stage.opened(elsewhere_may_vote=False)
    for commune in ("elsewhere", "75056"):
        assert refusal(ask, stage, commune=commune) == "elsewhere_may_not_vote"
    ask(stage, commune="47106")


@on_sqlite
def test_elsewhere_votes_where_the_marathon_lets_it(stage: Stage) -> None:
    stage.opened()
    ask(stage, commune="elsewhere")


@on_sqlite
@pytest.mark.parametrize("commune", ["75056", "2A004", "47999"])
def test_who_lives_outside_the_territory_says_elsewhere(stage: Stage, commune: str) -> None:
    stage.opened()
    assert refusal(ask, stage, commune=commune) == "commune_unknown"
    assert stage.mails() == []


@on_sqlite
def test_those_who_are_kept_out_get_no_pass(stage: Stage) -> None:
    stage.opened(who_may_vote="not_team")
    key = stage.voting.within(lambda work: work.person_key(ANNE))
    stage.project("wool", "checked_in", member_keys=[key])
    ask(stage)
    token, _ = token_and_code(stage)
    assert refusal(exchange, stage, token=token) == "forbidden"


def test_unconfirmed_requests_end_at_closing(stage: Stage) -> None:
    stage.opened()
    ask(stage)
    token, _ = token_and_code(stage)
    stage.ended()
    assert refusal(exchange, stage, token=token) == "poll_closed"
    assert stage.tally()["accepted"] == 0
    assert stage.waiting_proofs() == 0


def test_erased_persons_requests_end_and_their_vote_stays_one(stage: Stage) -> None:
    stage.opened()
    ask(stage)
    token, _ = token_and_code(stage)
    vote(stage, exchange(stage, token=token)["pass"], "wool")
    ask(stage, project="bakery")
    token, _ = token_and_code(stage)
    key = stage.voting.within(lambda work: work.person_key(ANNE))

    stage.hear(stage.letter("registration", "person_erased", "person", key, {"id": key}))

    assert refusal(exchange, stage, token=token) == "proof_invalid"
    # They come back with the same address: still one voter.
    ask(stage, project="garden")
    token, _ = token_and_code(stage)
    vote(stage, exchange(stage, token=token)["pass"], "garden")
    stage.ended()
    assert stage.tally()["counted"] == {"bakery": 0, "garden": 1, "wool": 0}
    assert stage.call("get_poll", NOBODY, poll=stage.poll().id)["voters"] == 1


@on_sqlite
def test_project_that_left_meanwhile_is_not_proposed(stage: Stage) -> None:
    stage.opened()
    ask(stage)
    token, _ = token_and_code(stage)
    look = {"poll": stage.poll().id, "token": token}
    seen = stage.call("look_at_proof", NOBODY, **look)
    assert (seen["project"], seen["title"]) == ("wool", "Wool")
    stage.project("wool", "withdrawn")
    seen = stage.call("look_at_proof", NOBODY, **look)
    assert (seen["project"], seen["title"]) == (None, None)
    answer = exchange(stage, token=token)
    assert vote(stage, answer["pass"], "garden")["receipt"]


def test_an_exchange_that_is_repeated_under_its_key_gives_the_same_pass(stage: Stage) -> None:
    stage.opened()
    ask(stage)
    token, _ = token_and_code(stage)
    asked = {"poll": stage.poll().id, "token": token}
    first = stage.voting.call("exchange_proof", asked, actor=NOBODY, key="k")
    assert stage.voting.call("exchange_proof", asked, actor=NOBODY, key="k") == first
    # What is kept for that tells of no choice (RULES V7).
    with stage.voting.session() as session:
        kept = list(session.scalars(select(idempotency.c.answer)))
    assert kept == [{"answer": first, "etag": None}]
    assert first.keys() == {"pass", "expires_at"}
    with pytest.raises(Refusal, match="proof_used"):
        stage.voting.call("exchange_proof", asked, actor=NOBODY, key="another")
