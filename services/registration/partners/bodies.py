"""What packages of each kind say, as schemas: unknown fields are refused.

Nothing here has room for a person, a contact, a town before its reveal, or a count.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from services.chassis.shapes import one_of, text
from services.registration.messages_cycle import STATES, TIE_RULES, WHO_MAY_VOTE

MOMENT = r"2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z"
"""Of this millennium: what is computed from an instant stays one that can be stored."""

MOST_NUMBER = 2**31 - 1
"""What every database's integer holds."""

MOST_TERM = MOST_NUMBER
MOST_HOP = 9999
OVER = ("closed", "cancelled")
PUBLIC_STATES = tuple(state for state in STATES if state != "draft")


class Moment(fields.Field[datetime]):
    """An instant in UTC: ``2026-11-26T08:00:00Z``, with up to six decimals of a second."""

    def __init__(self, **more: Any) -> None:
        shown = {"type": "string", "format": "date-time", "pattern": MOMENT}
        super().__init__(metadata=shown, **more)

    def _serialize(self, value: datetime | None, *_args: Any, **_kwargs: Any) -> str | None:
        return None if value is None else written(value)

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> datetime:
        found = moment(value)
        if found is None:
            raise ValidationError("not an instant in UTC")
        return found


class Flag(fields.Boolean):
    """True or false, and none of the words and numbers that would do for it."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


def written(instant: datetime) -> str:
    """An instant as packages have it."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def moment(value: Any) -> datetime | None:
    """The instant of a text, or None if it is none."""
    if not isinstance(value, str) or not re.fullmatch(MOMENT, value):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def name(most: int, **more: Any) -> fields.String:
    """A name that other packages refer to: letters, digits and ``. _ : -``."""
    pattern = validate.Regexp(rf"^[A-Za-z0-9][A-Za-z0-9._:-]{{0,{most - 1}}}\Z")
    return fields.String(validate=pattern, **more)


def offer_name(**more: Any) -> fields.String:
    """An offer and its round (handing.py): nine digits, of seconds since 2020 enough until 2051."""
    pattern = validate.Regexp(r"^[0-9a-f]{32}\.(0|[1-9][0-9]{0,8})\Z")
    return fields.String(validate=pattern, **more)


def digest(**more: Any) -> fields.String:
    """A SHA-256, in hexadecimal digits."""
    return fields.String(validate=validate.Regexp(r"^[0-9a-f]{64}\Z"), **more)


def insee(**more: Any) -> fields.String:
    """A commune's INSEE code."""
    return fields.String(validate=validate.Regexp(r"^[0-9][0-9AB][0-9]{3}\Z"), **more)


def nonce(**more: Any) -> fields.String:
    """A random word that an answer repeats."""
    return fields.String(validate=validate.Regexp(r"^[A-Za-z0-9_-]{1,64}\Z"), **more)


def _term(least: int = 1) -> fields.Integer:
    return fields.Integer(strict=True, validate=validate.Range(least, MOST_TERM), required=True)


def _hop(least: int = 1) -> fields.Integer:
    return fields.Integer(strict=True, validate=validate.Range(least, MOST_HOP), required=True)


def _number() -> fields.Integer:
    return fields.Integer(strict=True, validate=validate.Range(1, MOST_NUMBER), required=True)


def _leg_number() -> fields.Integer:
    return fields.Integer(strict=True, validate=validate.Range(1, 99), required=True)


def _null(build: Any, *args: Any, **more: Any) -> Any:
    return build(*args, required=True, allow_none=True, **more)


def _list(of: Any, most: int) -> fields.List[Any]:
    return fields.List(of, required=True, validate=validate.Length(max=most))


class Templates(Schema):
    """What the next host may take over: how the public voted."""

    who_may_vote = one_of(*WHO_MAY_VOTE)
    elsewhere_may_vote = Flag()
    tie_rule = one_of(*TIE_RULES)
    hold_days = fields.Integer(strict=True, validate=validate.Range(0, 365))


class Reusable(Schema):
    """What is handed over for reuse, by its kind."""

    settings = fields.Nested(Templates, required=True)


class LegOver(Schema):
    """The leg that is over, whose baton moves on."""

    marathon = name(128, required=True)
    leg = _leg_number()
    state = one_of(*OVER, required=True)
    closed_at = _null(Moment)
    palmares_digest = _null(digest)


class Link(Schema):
    """One grant that the baton went through."""

    term = _term()
    hop = _hop()
    marathon = name(128, required=True)
    granted_at = Moment(required=True)


class Baton(Schema):
    """What is handed over."""

    leg = _leg_number()
    palmares_digest = _null(digest)
    chain = _list(fields.Nested(Link), 999)
    templates = fields.Nested(Reusable, required=True)


class Offer(Schema):
    """``baton.offer``: will you take the baton?"""

    relay = offer_name(required=True)
    from_marathon = name(128, required=True)
    to_marathon = name(128, required=True)
    deadline = _null(Moment)
    leg = fields.Nested(LegOver, required=True)
    templates = fields.Nested(Reusable, required=True)


class Reply(Schema):
    """``baton.answer``: yes, or no and why."""

    relay = offer_name(required=True)
    answer = one_of("accepted", "refused", required=True)
    reason = _null(text, 2000)


class GrantBody(Schema):
    """``baton.grant``: the marathon named here holds the baton of this term and hop."""

    relay = _null(offer_name)
    from_marathon = name(128, required=True)
    to_marathon = name(128, required=True)
    granted_at = Moment(required=True)
    leg = fields.Nested(LegOver, required=True, allow_none=True)
    baton = fields.Nested(Baton, required=True)
    previous = _null(name, 64)
    reason = _null(text, 2000)


class ReceiptBody(Schema):
    """``baton.receipt``: that grant is stored here."""

    relay = _null(offer_name)
    grant = name(64, required=True)


class Withdrawal(Schema):
    """``baton.withdraw``: that offer stands no longer."""

    relay = offer_name(required=True)
    reason = one_of("superseded", "expired", "withdrawn", required=True)


class RankShown(Schema):
    """One rank of a palmarès; projects that are tied share it."""

    rank = _number()
    projects = _list(text(200), 99)


class PrizeShown(Schema):
    """One prize and the project that has it."""

    prize = text(200, required=True)
    project = _null(text, 200)


class PalmaresShown(Schema):
    """A published palmarès: titles, no numbers."""

    number = _number()
    digest = digest(required=True)
    ranks = _list(fields.Nested(RankShown), 99)
    prizes = _list(fields.Nested(PrizeShown), 99)
    public_winners = _list(text(200), 99)


class LegShown(Schema):
    """What everybody may know of a leg now; the host is null until its reveal."""

    marathon = name(128, required=True)
    leg = _leg_number()
    state = one_of(*PUBLIC_STATES, required=True)
    epoch = _number()
    version = _number()
    title = text(200, required=True)
    host_insee = _null(insee)
    host_name = _null(text, 100)
    mobilises_at = _null(Moment)
    starts_at = _null(Moment)
    ends_at = _null(Moment)
    closed_at = _null(Moment)
    reason = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(1, 2000),
        metadata={"description": "why it was cancelled"},
    )
    palmares = fields.Nested(PalmaresShown, required=True, allow_none=True)


class Notice(Schema):
    """``leg.notice``: the sender's own legs, the grants it knows, a question and an answer."""

    legs = _list(fields.Nested(LegShown), 99)
    chain = _list(fields.Dict(keys=fields.String()), 999)
    asks = _null(nonce)
    answers = _null(nonce)


BODIES: dict[str, type[Schema]] = {
    "baton.offer": Offer,
    "baton.answer": Reply,
    "baton.grant": GrantBody,
    "baton.receipt": ReceiptBody,
    "baton.withdraw": Withdrawal,
    "leg.notice": Notice,
}
"""By kind of package, its body."""


_READY = {kind: schema() for kind, schema in BODIES.items()}


def load(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """A body with its instants as such. Raises marshmallow's ``ValidationError``."""
    loaded: dict[str, Any] = _READY[kind].load(body)
    return loaded


def dump(kind: str, values: dict[str, Any]) -> dict[str, Any]:
    """A body as JSON, of values with their instants as such."""
    dumped: dict[str, Any] = _READY[kind].dump(values)
    return dumped
