"""Ballots as gateways send them to voting, many in one message."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.chassis.shapes import count, ident
from services.chassis.streams import Stream


def _must_be_column(value: Any) -> None:
    """A list of short texts. Checked as a whole: a field for each would cost as much as all the
    rest of taking a ballot."""
    if not isinstance(value, list) or not all(type(each) is str for each in value):
        raise ValidationError("a list of texts is wanted")
    if any(len(each) > 64 for each in value):
        raise ValidationError("a text is longer than 64 characters")


def _column() -> fields.Raw:
    return fields.Raw(required=True, validate=_must_be_column)


class BallotBatch(Schema):
    """Some ballots of one poll that came by one gateway.

    ``lane`` and ``number`` name the batch; ``sealed`` are its :class:`Ballots`, which neither the
    broker nor its disk can read, and nobody once the poll's secret is destroyed (RULES V7).
    """

    poll = ident(required=True)
    lane = fields.String(required=True, validate=validate.Length(1, 64))
    number = count(required=True)
    sealed = fields.String(required=True)


class Ballots(Schema):
    """The ballots of a batch: a list for each of their properties, in the order of acceptance.

    ``accepted`` are instants in ISO 8601; a domain or network that is not known is "".
    """

    trackers = _column()
    voters = _column()
    choices = _column()
    accepted = _column()
    domains = _column()
    networks = _column()

    @validates_schema
    def _whole(self, data: dict[str, Any], **_more: Any) -> None:
        if len({len(column) for column in data.values()}) != 1:
            raise ValidationError("the lists are not equally long")
        if not all(map(_is_instant, data["accepted"])):
            raise ValidationError("an instant with its offset is wanted", "accepted")


def _is_instant(given: str) -> bool:
    try:
        return datetime.fromisoformat(given).tzinfo is not None
    except ValueError:
        return False


BALLOTS = Stream("voting", "ballots", BallotBatch, "poll")
