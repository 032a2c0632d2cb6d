"""What registration says and hears of cycles, marathons, hosts and the relay."""

from __future__ import annotations

from marshmallow import Schema, fields

from services.chassis.catalogue import Event, Heard
from services.chassis.shapes import Part, count, ident, instant, one_of

STATES = (
    "draft",
    "announced",
    "mobilised",
    "running",
    "ended",
    "deliberated",
    "closed",
    "cancelled",
)
RELAY_STATES = (
    *("offered", "refused", "superseded", "expired", "withdrawn"),
    *("accepted", "passed", "received"),
)
TIE_RULES = ("shared", "jury_order", "lots")
WHO_MAY_VOTE = ("everyone", "not_team", "not_team_nor_jury")
LEAST_SUSPECT = 3
"""Voters in common from which on ballots may be looked at before the count, at the least."""

# --- said ---------------------------------------------------------------------------------


class PublicSettings(Schema):
    """How the public votes; without instants the poll's window is the marathon's own."""

    poll_opens_at = instant(load_default=None, allow_none=True)
    poll_closes_at = instant(load_default=None, allow_none=True)
    who_may_vote = one_of(*WHO_MAY_VOTE, load_default="everyone")
    elsewhere_may_vote = fields.Boolean(load_default=True)
    tie_rule = one_of(*TIE_RULES, load_default="shared")
    hold_days = count(load_default=0)
    suspect_network = count(LEAST_SUSPECT, load_default=None, allow_none=True)
    suspect_domain = count(LEAST_SUSPECT, load_default=None, allow_none=True)
    suspect_second = count(LEAST_SUSPECT, load_default=None, allow_none=True)


class Settings(PublicSettings):
    """All settings of a marathon; what listeners do not need stays here."""

    close_by_itself = fields.Boolean(load_default=False)
    teams_formed_by = instant(load_default=None, allow_none=True)


class ProjectVersion(Schema):
    """A project that started, in the version last said of it."""

    id = ident(required=True)
    version = count(required=True)


class PalmaresRef(Schema):
    """Which palmarès, in which edition."""

    id = ident(required=True)
    number = count(1, required=True)
    digest = fields.String(required=True)


class BatonRef(Schema):
    """The grant that a marathon holds."""

    cycle = ident(required=True)
    term = count(1, required=True)
    hop = count(1, required=True)


class MarathonState(Schema):
    """A marathon as everybody may know it; the host is null until revealed (RULES C4)."""

    id = ident(required=True)
    cycle = ident(required=True)
    leg = count(1, required=True)
    title = fields.String(required=True)
    finale = fields.Boolean(required=True)
    epci_siren = fields.String(required=True)
    epci_name = fields.String(required=True)
    theme = fields.String(required=True)
    question = fields.String(required=True)
    state = one_of(*STATES, required=True)
    host_insee = fields.String(required=True, allow_none=True)
    host_name = fields.String(required=True, allow_none=True)
    revealed = fields.Boolean(required=True)
    mobilises_at = instant(required=True, allow_none=True)
    starts_at = instant(required=True, allow_none=True)
    ends_at = instant(required=True, allow_none=True)
    ended_at = instant(required=True, allow_none=True)
    closed_at = instant(required=True, allow_none=True)
    least_teams = count(1, required=True)
    most_teams = count(1, required=True)
    settings = fields.Nested(PublicSettings, required=True)
    projects = fields.List(fields.Nested(ProjectVersion), required=True, allow_none=True)
    palmares = fields.Nested(PalmaresRef, required=True, allow_none=True)
    baton = fields.Nested(BatonRef, required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)
    operated_by = fields.String(required=True)
    purge_held = fields.Boolean(
        load_default=False,
        metadata={"description": "a dispute: what is kept of it is not purged meanwhile"},
    )


class Link(Schema):
    """One grant of the chain that a baton went through."""

    term = count(1, required=True)
    hop = count(1, required=True)
    marathon = ident(required=True)
    granted_at = instant(required=True)


class Baton(Schema):
    """What is handed over: no personal data at all (DESIGN §5)."""

    leg = count(1, required=True)
    palmares_digest = fields.String(required=True, allow_none=True)
    chain = fields.List(fields.Nested(Link), required=True)
    templates = fields.Dict(required=True)


class RelayState(Schema):
    """One offer of the baton, and what became of it."""

    id = ident(required=True)
    cycle = ident(required=True)
    term = count(1, required=True)
    hop = count(1, required=True)
    from_marathon = ident(required=True)
    to_marathon = ident(required=True)
    state = one_of(*RELAY_STATES, required=True)
    deadline = instant(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)
    baton = fields.Nested(Baton, required=True, allow_none=True)


class LegState(Schema):
    """How a leg ended."""

    marathon = ident(required=True)
    leg = count(1, required=True)
    state = one_of(*STATES, required=True)
    palmares_digest = fields.String(required=True, allow_none=True)


class CycleState(Schema):
    """A cycle that is over."""

    id = ident(required=True)
    state = one_of("open", "finished", required=True)
    legs = fields.List(fields.Nested(LegState), required=True)


MARATHON_EVENTS = (
    "marathon_announced",
    "host_revealed",
    "marathon_changed",
    "marathon_mobilised",
    "marathon_started",
    "marathon_ended",
    "marathon_closed",
    "marathon_cancelled",
)
RELAY_EVENTS = (
    *("relay_offered", "relay_accepted", "relay_refused", "relay_withdrawn"),
    *("relay_passed", "relay_received"),
)

SAYS: list[Event] = [
    *(Event(name, "marathon", MarathonState) for name in MARATHON_EVENTS),
    *(Event(name, "relay", RelayState) for name in RELAY_EVENTS),
    # Nobody's effect depends on it yet: retention clocks come with the purge.
    Event("cycle_finished", "cycle", CycleState, mandatory=False),
]

# --- heard --------------------------------------------------------------------------------


class MarathonPart(Part):
    """A marathon that is over, as registration hears itself say."""

    id = ident(required=True)
    cycle = ident(required=True)
    state = fields.String(required=True)


class RelayPart(Part):
    """An offer of the baton, as registration hears itself say."""

    id = ident(required=True)
    cycle = ident(required=True)
    to_marathon = ident(required=True)
    state = fields.String(required=True)


class PremisesPart(Part):
    """An offer of premises, for the seats that are still missing."""

    id = ident(required=True)
    marathon = ident(required=True)
    state = fields.String(required=True)
    capacity = fields.Integer(required=True)


class AllocationPart(Part):
    """A team's place."""

    id = ident(required=True)
    marathon = ident(required=True)
    project = ident(required=True)
    status = fields.String(required=True)


class ProjectIdPart(Part):
    """A candidate."""

    id = ident(required=True)


class PollPart(Part):
    """A poll, for the start, the desk and the closing."""

    id = ident(required=True)
    marathon = ident(required=True)
    state = fields.String(required=True)
    projects = fields.List(fields.Nested(ProjectIdPart), required=True)
    opens_at = instant(load_default=None, allow_none=True)
    closes_at = instant(load_default=None, allow_none=True)
    received = fields.Integer(load_default=None, allow_none=True)
    quarantined = fields.Integer(load_default=None, allow_none=True)


class PanelPart(Part):
    """A panel, for the start."""

    id = ident(required=True)
    marathon = ident(required=True)
    status = fields.String(required=True)
    quorum_reachable = fields.Boolean(required=True)


class ProgressPart(Part):
    """How many scorecards of a project are in."""

    marathon = ident(required=True)
    project = ident(required=True)
    cards_in = fields.Integer(required=True)
    cards_expected = fields.Integer(required=True)


class RankPart(Part):
    """A project's rank."""

    project = ident(required=True)
    rank = fields.Integer(required=True, allow_none=True)


class PrizePart(Part):
    """Who has a prize."""

    title = fields.String(required=True)
    project = ident(required=True)


class PalmaresPart(Part):
    """The published palmarès: its digest, and what partners may show of it."""

    id = ident(required=True)
    marathon = ident(required=True)
    number = fields.Integer(required=True)
    digest = fields.String(required=True)
    ranks = fields.List(fields.Nested(RankPart), load_default=list)
    prizes = fields.List(fields.Nested(PrizePart), load_default=list)
    public_winners = fields.List(ident(), load_default=list)


HEARS: list[Heard] = [
    Heard("registration", "marathon", ("marathon_closed", "marathon_cancelled"), MarathonPart),
    Heard("registration", "relay", RELAY_EVENTS, RelayPart),
    Heard("venues", "premises", ("premises_offered",), PremisesPart),
    Heard("venues", "allocation", ("premises_allocated", "premises_released"), AllocationPart),
    Heard(
        "voting", "poll", ("poll_prepared", "poll_opened", "poll_closed", "poll_counted"), PollPart
    ),
    Heard("jury", "panel", ("panel_convened",), PanelPart),
    Heard("jury", "progress", ("scorecard_submitted",), ProgressPart),
    Heard("jury", "palmares", ("palmares_published",), PalmaresPart),
]
