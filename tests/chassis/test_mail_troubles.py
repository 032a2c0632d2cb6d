"""What organisers see of mails that are not on their way, and what they can do about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from services.chassis import mail, mail_messages, mail_queue, mail_troubles
from services.chassis.actor import Actor
from services.chassis.errors import Refusal
from services.chassis.mail_queue import Outbox
from services.chassis.paging import Page
from services.chassis.people_tables import mails
from services.chassis.smtp import NotTaken, Refused, ServerAway
from services.chassis.work import Work
from tests.chassis.parts import START, Parts, letter
from tests.chassis.test_mail import ANNE, BRUNO, Carrier

BOSS = Actor("boss", "Organisatrice", frozenset({("organiser", None)}))
ORGANISER = Actor("o", "Organisateur", frozenset({("organiser", "m1")}))
JUROR = Actor("j", "Jurée", frozenset({("juror", "m1")}))
SECRET = "token=very-secret"
HOUR = timedelta(hours=1)


@pytest.fixture
def parts(storage: str) -> Iterator[Parts]:
    made = Parts(storage)
    yield made
    made.close()


def write(parts: Parts, to: str, ends: datetime | None = None) -> None:
    text = letter("Votre lien pour voter", SECRET)
    parts.within(lambda work: work.mail(to, text, ends))
    parts.clock.move_by(timedelta(seconds=1))


def fail(parts: Parts, error: Exception, limit: int = 100) -> None:
    """One pass of a sender whose every mail fails of this."""

    def refuse() -> None:
        raise error

    outbox = Outbox("potter", parts.core.database)
    mail.send_due(outbox, Carrier(refuse), parts.clock.now, limit)


def ask(parts: Parts, run: Callable[[Work], Any], actor: Actor = BOSS) -> Any:
    return parts.core.within(run, actor)


def state(parts: Parts, actor: Actor = ORGANISER) -> Any:
    """As it travels: what the schema does not have would not."""
    return mail_messages.DOORS["get_mail_state"].dump(ask(parts, mail_troubles.state, actor))


def troubles(parts: Parts, limit: int = 100, after: str | None = None) -> Any:
    answer = ask(parts, lambda work: mail_troubles.troubles(work, Page(limit, after)))
    return mail_messages.DOORS["list_mail_troubles"].dump(answer)


def test_empty_outbox_has_nothing_to_tell(parts: Parts) -> None:
    assert state(parts) == {
        "waiting": 0,
        "put_off": 0,
        "oldest_at": None,
        "last_error": None,
        "failed_at": None,
        "parked": {"refused": 0, "undelivered": 0, "unwritable": 0},
        "expired": 0,
        "dropped": 0,
    }
    assert troubles(parts) == {"items": [], "next": None}


def test_figures_say_how_many_wait_since_when_and_why(parts: Parts) -> None:
    write(parts, ANNE)
    write(parts, BRUNO)
    write(parts, "chloe@example.org", START + HOUR)
    fail(parts, NotTaken("SMTPRecipientsRefused 451", "451 4.7.1 greylisted"), limit=1)
    fail(parts, Refused("SMTPRecipientsRefused 550", "550 no such user"), limit=1)
    found = state(parts)
    assert {name: found[name] for name in ("waiting", "put_off", "oldest_at", "parked")} == {
        "waiting": 2,
        "put_off": 1,
        "oldest_at": START.isoformat(),
        "parked": {"refused": 1, "undelivered": 0, "unwritable": 0},
    }
    assert found["last_error"] in ("451 4.7.1 greylisted", "550 no such user")
    assert found["failed_at"] == (START + timedelta(seconds=3)).isoformat()
    # A link that has ended does not wait any more, purged or not.
    parts.clock.move_by(HOUR)
    assert state(parts)["waiting"] == 1
    mail_queue.purge(parts.core.database, parts.clock.now())
    assert (state(parts)["waiting"], state(parts)["expired"]) == (1, 1)
    parts.clock.move_by(30 * 24 * HOUR)
    assert state(parts)["expired"] == 0


def test_parked_mails_are_listed_without_whom_and_what(parts: Parts) -> None:
    write(parts, ANNE, START + HOUR)
    fail(parts, Refused("SMTPRecipientsRefused 550", "550 no such user"))
    (row,) = parts.rows(mails)
    assert troubles(parts)["items"] == [
        {
            "id": row.id,
            "to": "a…@example.org",
            "reason": "refused",
            "error": "550 no such user",
            "attempts": 1,
            "created_at": START.isoformat(),
            "parked_at": (START + timedelta(seconds=1)).isoformat(),
            "can_retry": False,
        }
    ]
    told = repr((troubles(parts), state(parts)))
    for hidden in ("anne", "voter", SECRET):
        assert hidden not in told


def test_parked_mails_come_in_pages_the_newest_first(parts: Parts) -> None:
    for number in range(3):
        write(parts, f"{'abc'[number]}@example.org")
        fail(parts, Refused("550"))
    first = troubles(parts, limit=2)
    second = troubles(parts, limit=2, after=first["next"])
    assert [each["to"][0] for each in first["items"] + second["items"]] == ["c", "b", "a"]
    assert second["next"] is None


def test_who_may_see_and_act(parts: Parts) -> None:
    write(parts, ANNE)
    fail(parts, Refused("550"))
    (row,) = parts.rows(mails)
    acts: list[Callable[[Work], Any]] = [
        lambda work: mail_troubles.troubles(work, Page()),
        lambda work: mail_troubles.retry(work),
        lambda work: mail_troubles.retry(work, row.id),
        lambda work: mail_troubles.drop(work, row.id),
    ]
    for actor in (JUROR, ORGANISER, Actor()):
        for act in acts:
            with pytest.raises(Refusal) as refused:
                ask(parts, act, actor)
            assert refused.value.code == "forbidden"
    for actor in (JUROR, Actor()):
        with pytest.raises(Refusal) as refused:
            state(parts, actor)
        assert refused.value.code == "forbidden"
    assert parts.rows(mails) == [row]


def test_letter_that_was_parked_is_sent_when_somebody_says_so(parts: Parts) -> None:
    write(parts, ANNE)
    (before,) = parts.rows(mails)
    fail(parts, Refused("550", "550 relaying denied"))
    parts.clock.move_by(6 * 24 * HOUR)
    assert ask(parts, lambda work: mail_troubles.retry(work, before.id)) == {"mails": 1}
    # Fails again: tried for five more days, and not parked at once for its age.
    fail(parts, ServerAway("away"))
    assert (state(parts)["waiting"], state(parts)["parked"]["undelivered"]) == (1, 0)
    assert ask(parts, mail_troubles.retry) == {"mails": 1}
    carrier = Carrier()
    outbox = Outbox("potter", parts.core.database)
    assert mail.send_due(outbox, carrier, parts.clock.now) == 1
    assert carrier.carried == [ANNE]


def test_all_are_sent_again_but_what_is_blank_or_in_hand(parts: Parts) -> None:
    write(parts, ANNE, START + HOUR)
    fail(parts, Refused("550"))
    write(parts, BRUNO)
    fail(parts, ServerAway("away"))
    write(parts, "chloe@example.org")
    asked = []

    def meanwhile() -> None:
        asked.append(ask(parts, mail_troubles.retry))

    outbox = Outbox("potter", parts.core.database)
    carrier = Carrier(meanwhile)
    assert mail.send_due(outbox, carrier, parts.clock.now) == 2
    # While chloe's is in hand, bruno's alone; then his own is.
    assert asked == [{"mails": 1}, {"mails": 0}]
    assert carrier.carried == ["chloe@example.org", BRUNO]
    assert state(parts)["parked"]["refused"] == 1


def test_mail_that_held_a_link_cannot_be_sent_again(parts: Parts) -> None:
    write(parts, ANNE, START + HOUR)
    fail(parts, Refused("550"))
    (row,) = parts.rows(mails)
    with pytest.raises(Refusal) as refused:
        ask(parts, lambda work: mail_troubles.retry(work, row.id))
    assert refused.value.code == "mail_not_found"
    assert parts.rows(mails) == [row]


def test_parked_mail_is_dropped_and_counted_and_one_that_waits_is_not(parts: Parts) -> None:
    write(parts, ANNE)
    (row,) = parts.rows(mails)
    for mail_id in (row.id, "nothing"):
        with pytest.raises(Refusal) as refused:
            ask(parts, partial(mail_troubles.drop, mail=mail_id))
        assert refused.value.code == "mail_not_found"
    fail(parts, Refused("550"))
    assert ask(parts, lambda work: mail_troubles.drop(work, row.id)) == {"mails": 1}
    assert parts.rows(mails) == []
    assert state(parts)["dropped"] == 1


def test_reasons_are_those_of_the_schemas() -> None:
    assert set(mail_messages.Parked().fields) == set(mail_troubles.REASONS)
    reason = mail_messages.MailTrouble().fields["reason"].validators[0]
    assert set(reason.choices) == set(mail_troubles.REASONS)  # type: ignore[attr-defined]
