"""What the jury says, and the parts it reads of what the others say."""

from __future__ import annotations

from marshmallow import Schema, fields

from services.chassis.shapes import Part, count, ident, instant, one_of
from services.jury.shapes import PRIZE_KINDS

# --- said ---------------------------------------------------------------------------------


class PanelState(Schema):
    """A panel that was convened; ``eligible`` is how many jurors may score each project."""

    id = ident(required=True)
    marathon = ident(required=True)
    status = one_of("convened", "dissolved", required=True)
    juror_keys = fields.List(ident(), required=True)
    eligible = fields.Dict(keys=ident(), values=count(), required=True)
    quorum_reachable = fields.Boolean(required=True)


class ProgressState(Schema):
    """How many cards of a project are in; never a juror, never a value (RULES J5)."""

    id = ident(required=True)
    marathon = ident(required=True)
    project = ident(required=True)
    cards_in = count(required=True)
    cards_expected = count(required=True)


class Rank(Schema):
    """A project's rank, null without quorum or placement."""

    project = ident(required=True)
    rank = count(1, required=True, allow_none=True)
    shared = fields.Boolean(required=True)


class PrizeGiven(Schema):
    """Who gets a prize; a shared public prize is listed once per winner."""

    id = ident(required=True)
    kind = one_of(*PRIZE_KINDS, required=True)
    title = fields.String(required=True)
    project = ident(required=True)
    premises = ident(required=True, allow_none=True)


class PalmaresState(Schema):
    """A published edition of the palmarès.

    ``digest`` is the SHA-256 of all the other fields as canonical JSON (sorted keys, no
    spaces, UTF-8).
    """

    id = ident(required=True)
    marathon = ident(required=True)
    number = count(1, required=True)
    digest = fields.String(required=True)
    published_at = instant(required=True)
    ranks = fields.List(fields.Nested(Rank), required=True)
    prizes = fields.List(fields.Nested(PrizeGiven), required=True)
    public_winners = fields.List(ident(), required=True)
    record_digest = fields.String(required=True, allow_none=True)


# --- heard --------------------------------------------------------------------------------


class ProjectVersionPart(Part):
    """A project that started, in the version that started."""

    id = ident(required=True)
    version = fields.Integer(required=True)


class MarathonPart(Part):
    """A marathon, for its jury."""

    id = ident(required=True)
    state = fields.String(required=True)
    projects = fields.List(fields.Nested(ProjectVersionPart), load_default=None, allow_none=True)


class ProjectPart(Part):
    """A project, as a team to score."""

    id = ident(required=True)
    marathon = ident(required=True)
    status = fields.String(required=True)
    title = fields.String(required=True)
    team_number = fields.Integer(load_default=None, allow_none=True)
    holder_key = fields.String(required=True)
    member_keys = fields.List(fields.String(), required=True)
    siren = fields.String(load_default=None, allow_none=True)


class RolePart(Part):
    """A role: who is a juror, for whom they work."""

    person_key = fields.String(required=True)
    role = fields.String(required=True)
    marathon = fields.String(required=True, allow_none=True)
    status = fields.String(required=True)
    display_name = fields.String(load_default="", allow_none=True)
    organisation = fields.String(load_default=None, allow_none=True)
    siren = fields.String(load_default=None, allow_none=True)
    president = fields.Boolean(load_default=False)


class PersonPart(Part):
    """A person who was erased."""

    id = fields.String(required=True)


class AllocationPart(Part):
    """A team's place, for its owner."""

    marathon = fields.String(required=True)
    project = fields.String(required=True)
    status = fields.String(required=True)
    owner_key = fields.String(required=True)
    owner_siren = fields.String(load_default=None, allow_none=True)


class TallyPart(Part):
    """The count, for the public prize."""

    winners = fields.List(fields.String(), required=True)
    counted = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    record_digest = fields.String(required=True)


class PollPart(Part):
    """A poll: over or not, and who won."""

    marathon = fields.String(required=True)
    state = fields.String(required=True)
    rule = fields.String(required=True)
    tally = fields.Nested(TallyPart, load_default=None, allow_none=True)
