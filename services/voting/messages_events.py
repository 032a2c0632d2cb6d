"""What voting says of a poll, and the parts it reads of what the others say."""

from __future__ import annotations

from marshmallow import Schema, fields

from services.chassis.shapes import Part, count, ident, instant, one_of
from services.voting.shapes import STATES, TIE_RULES, WHO_MAY_VOTE, counts

# --- said ---------------------------------------------------------------------------------


class ProjectVersion(Schema):
    """A candidate, in the version that was prepared."""

    id = ident(required=True)
    version = fields.Integer(strict=True, required=True)


class Tally(Schema):
    """The outcome of the count (RULES V7, V9, V10).

    ``accepted`` = ``counted_ballots`` + ``replaced`` + ``invalidated`` + ``spoilt``.
    """

    accepted = count(required=True)
    counted_ballots = count(required=True)
    replaced = count(required=True)
    invalidated = count(required=True)
    spoilt = count(required=True)
    raw = counts()
    counted = counts()
    tie = fields.Boolean(required=True)
    winners = fields.List(ident(), required=True)
    seed = fields.String(required=True, allow_none=True)
    record_digest = fields.String(required=True)
    box_digest = fields.String(required=True)


class PollState(Schema):
    """A poll as everybody may know it; no counts before it is counted (RULES V6).

    ``received`` and ``quarantined`` are numbers of ballots: all, and those that wait for a look.
    """

    id = ident(required=True)
    marathon = ident(required=True)
    state = one_of(*STATES, required=True)
    projects = fields.List(fields.Nested(ProjectVersion), required=True)
    opens_at = instant(required=True, allow_none=True)
    closes_at = instant(required=True, allow_none=True)
    rule = one_of(*TIE_RULES, required=True)
    received = count(required=True, allow_none=True)
    quarantined = count(required=True, allow_none=True)
    tally = fields.Nested(Tally, required=True, allow_none=True)


# --- heard --------------------------------------------------------------------------------


class SettingsPart(Part):
    """A marathon's settings about its vote."""

    poll_opens_at = instant(load_default=None, allow_none=True)
    poll_closes_at = instant(load_default=None, allow_none=True)
    who_may_vote = one_of(*WHO_MAY_VOTE, load_default="everyone")
    elsewhere_may_vote = fields.Boolean(load_default=True)
    tie_rule = one_of(*TIE_RULES, load_default="shared")
    hold_days = count(load_default=0)
    suspect_network = count(load_default=None, allow_none=True)
    suspect_domain = count(load_default=None, allow_none=True)
    suspect_second = count(load_default=None, allow_none=True)


class ProjectVersionPart(Part):
    """A project that started, in the version that started."""

    id = ident(required=True)
    version = fields.Integer(required=True)


class MarathonPart(Part):
    """A marathon, for its vote."""

    id = ident(required=True)
    title = fields.String(required=True)
    state = fields.String(required=True)
    starts_at = instant(required=True, allow_none=True)
    ends_at = instant(required=True, allow_none=True)
    ended_at = instant(load_default=None, allow_none=True)
    closed_at = instant(load_default=None, allow_none=True)
    settings = fields.Nested(SettingsPart, required=True)
    projects = fields.List(fields.Nested(ProjectVersionPart), load_default=None, allow_none=True)
    purge_held = fields.Boolean(load_default=False)


class ProjectPart(Part):
    """A project, as a candidate."""

    id = ident(required=True)
    marathon = ident(required=True)
    status = fields.String(required=True)
    title = fields.String(required=True)
    pitch = fields.String(load_default="", allow_none=True)
    team_number = fields.Integer(load_default=None, allow_none=True)
    holder_key = fields.String(required=True)
    member_keys = fields.List(fields.String(), required=True)


class RolePart(Part):
    """A role: who is a juror, where jurors may not vote."""

    person_key = fields.String(required=True)
    role = fields.String(required=True)
    marathon = fields.String(required=True, allow_none=True)
    status = fields.String(required=True)


class PersonPart(Part):
    """A person who was erased."""

    id = fields.String(required=True)


class PanelPart(Part):
    """A panel: who is a juror, where jurors may not vote."""

    marathon = fields.String(required=True)
    status = fields.String(required=True)
    juror_keys = fields.List(fields.String(), required=True)


class PalmaresPart(Part):
    """The published palmarès: whom a tie went to where the jury's order decides it."""

    marathon = fields.String(required=True)
    public_winners = fields.List(fields.String(), required=True)
