"""The field shapes that voting's messages share."""

from __future__ import annotations

from marshmallow import fields

from services.chassis.shapes import count

STATES = ("prepared", "open", "closed", "counted", "void")
TIE_RULES = ("shared", "jury_order", "lots")
WHO_MAY_VOTE = ("everyone", "not_team", "not_team_nor_jury")


def counts() -> fields.Dict:
    """Numbers by project."""
    return fields.Dict(keys=fields.String(), values=count(), required=True)
