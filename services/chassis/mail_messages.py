"""What every service that writes to people is asked about its mails, and what it answers."""

from __future__ import annotations

from marshmallow import Schema, fields

from services.chassis.catalogue import Door
from services.chassis.paging import Paged
from services.chassis.shapes import count, ident, instant, one_of


class Parked(Schema):
    """How many mails are not sent any more, by why."""

    refused = count(metadata={"description": "the receiver's server refused for good"})
    undelivered = count(metadata={"description": "no server took them for days"})
    unwritable = count(metadata={"description": "nothing can make a mail of them"})


class MailState(Schema):
    """How a service's mails do, in figures; nothing of any one of them."""

    waiting = count(metadata={"description": "to be sent"})
    put_off = count(metadata={"description": "of those, how many have failed at least once"})
    oldest_at = instant(allow_none=True, metadata={"description": "when the oldest was written"})
    last_error = fields.String(allow_none=True, metadata={"description": "without an address"})
    failed_at = instant(allow_none=True, metadata={"description": "when that was"})
    parked = fields.Nested(Parked)
    expired = count(metadata={"description": "in 30 days: their link ended before they were sent"})
    dropped = count(metadata={"description": "in 30 days: by hand, or older than 35 days"})


class MailTrouble(Schema):
    """A parked mail; its address is masked, its subject and text are not shown."""

    id = ident()
    to = fields.String(metadata={"description": "masked, such as c…@example.org"})
    reason = one_of("refused", "undelivered", "unwritable")
    error = fields.String(allow_none=True, metadata={"description": "without the address"})
    attempts = count()
    created_at = instant()
    parked_at = instant()
    can_retry = fields.Boolean(
        metadata={"description": "false for what held a link or a code: ask for a new one"}
    )


class RetryMails(Schema):
    """One mail by its id; without, all that wait or are parked."""

    mail = ident(load_default=None, allow_none=True)


class TheMail(Schema):
    """A parked mail by its id."""

    mail = ident(required=True)


class MailsDone(Schema):
    """How many mails it was."""

    mails = count()


DOORS: dict[str, Door] = {
    "get_mail_state": Door(None, MailState),
    "list_mail_troubles": Door(Paged, MailTrouble, many=True),
    "retry_mails": Door(RetryMails, MailsDone),
    "drop_mail": Door(TheMail, MailsDone),
}
