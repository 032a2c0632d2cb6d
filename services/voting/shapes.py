"""The field shapes that voting's messages share."""

from __future__ import annotations

from marshmallow import fields

from services.chassis.shapes import count

STATES = ("prepared", "open", "closed", "counted", "void")
TIE_RULES = ("shared", "jury_order", "lots")
WHO_MAY_VOTE = ("everyone", "not_team", "not_team_nor_jury")

SUSPICIONS = ("network", "domain", "second")
"""What many voters may have in common: a marathon may declare from how many on it is looked at."""

CASES = (*SUSPICIONS, "again")
"""Why ballots are in quarantine (RULES V15)."""


def counts() -> fields.Dict:
    """Numbers by project."""
    return fields.Dict(keys=fields.String(), values=count(), required=True)
