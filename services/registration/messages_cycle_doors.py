"""What registration answers about cycles, marathons, hosts and the relay."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from services.chassis.catalogue import Door
from services.chassis.paging import Paged
from services.chassis.shapes import count, ident, instant, one_of, text
from services.registration.messages_cycle import (
    LEAST_SUSPECT,
    STATES,
    TIE_RULES,
    WHO_MAY_VOTE,
    MarathonState,
    PanelPart,
    PollPart,
    ProgressPart,
    Settings,
)
from services.registration.messages_relay import RelayView
from services.registration.partners.bodies import PalmaresShown

# --- asked --------------------------------------------------------------------------------


class OpenCycle(Schema):
    """A cycle file: its YAML text, or the same as JSON (RULES C5)."""

    file = fields.Raw(required=True)


class TheCycle(Schema):
    """A cycle by its id."""

    cycle = ident(required=True)


class TheMarathon(Schema):
    """A marathon by its id."""

    marathon = ident(required=True)


class PageOfMarathon(TheMarathon, Paged):
    """A page of a list of a marathon's."""


class SetHost(Schema):
    """The host town, kept secret until ``reveal_at`` or the organiser's word."""

    marathon = ident(required=True)
    insee = fields.String(required=True, validate=validate.Regexp(r"^\d[\dAB]\d{3}\Z"))
    reveal_at = instant(load_default=None, allow_none=True)


class ChangeSettings(Schema):
    """The settings to change; those left out stay."""

    poll_opens_at = instant(allow_none=True)
    poll_closes_at = instant(allow_none=True)
    who_may_vote = one_of(*WHO_MAY_VOTE)
    elsewhere_may_vote = fields.Boolean()
    tie_rule = one_of(*TIE_RULES)
    hold_days = count()
    suspect_network = count(LEAST_SUSPECT, allow_none=True)
    suspect_domain = count(LEAST_SUSPECT, allow_none=True)
    suspect_second = count(LEAST_SUSPECT, allow_none=True)
    close_by_itself = fields.Boolean()
    teams_formed_by = instant(allow_none=True)


class ChangeMarathon(Schema):
    """What to change; what is left out stays, null takes a date away."""

    marathon = ident(required=True)
    title = text(200)
    mobilises_at = instant(allow_none=True)
    starts_at = instant(allow_none=True)
    ends_at = instant(allow_none=True)
    settings = fields.Nested(ChangeSettings)


class MoveMarathon(Schema):
    """``override`` needs a written reason; so does cancelling."""

    marathon = ident(required=True)
    to = one_of(*STATES, required=True)
    reason = text(2000, load_default=None, allow_none=True)
    override = fields.Boolean(load_default=False)


class ListMissing(Schema):
    """Before a move to which state?"""

    marathon = ident(required=True)
    to = one_of(*STATES, required=True)


# --- answered -----------------------------------------------------------------------------


class Notice(Schema):
    """What an organiser should know and may ignore."""

    code = fields.String()
    message = fields.String()


class MissingItem(Schema):
    """One thing that is missing before a move; ``details`` name ids and numbers."""

    code = fields.String()
    message = fields.String()
    hint = fields.String()
    overridable = fields.Boolean()
    details = fields.Dict()


class OperatorView(Schema):
    """Whose instance runs a marathon; where that is another one, its own pages are there."""

    name = fields.String()
    title = fields.String()
    url = fields.String(allow_none=True)
    elsewhere = fields.Boolean()


class MarathonView(MarathonState):
    """A marathon on its public page; ``palmares_shown`` of one that runs elsewhere."""

    notes = fields.String(allow_none=True)
    first_day = fields.Date(allow_none=True)
    last_day = fields.Date(allow_none=True)
    operator = fields.Nested(OperatorView)
    palmares_shown = fields.Nested(PalmaresShown, allow_none=True)


class CycleLine(Schema):
    """A cycle in a list."""

    id = ident()
    title = fields.String()
    state = one_of("open", "finished")
    legs = count()
    opened_at = instant()
    finished_at = instant(allow_none=True)


class CycleView(Schema):
    """A cycle with its announced legs."""

    id = ident()
    title = fields.String()
    state = one_of("open", "finished")
    programme = fields.Dict()
    partners = fields.List(fields.Dict())
    opened_at = instant()
    finished_at = instant(allow_none=True)
    marathons = fields.List(fields.Nested(MarathonView))


class OpenedCycle(CycleView):
    """The cycle as loaded; ``changed`` is false when it was there already."""

    changed = fields.Boolean()
    warnings = fields.List(fields.Nested(Notice))


class HostView(Schema):
    """A host town on its own organisers' desk."""

    insee = fields.String()
    name = fields.String()
    reveal_at = instant(allow_none=True)
    revealed_at = instant(allow_none=True)


class HostSet(Schema):
    """That a host town is set; not which."""

    marathon = ident()
    reveal_at = instant(allow_none=True)
    revealed = fields.Boolean()


class MoveView(Schema):
    """One line of the move log."""

    number = count()
    from_state = fields.String(data_key="from")
    to_state = fields.String(data_key="to")
    at = instant()
    actor_name = fields.String(data_key="actor")
    reason = fields.String(allow_none=True)
    overridden = fields.List(fields.Dict())


class NextMove(Schema):
    """A move that the present state allows, and all that is missing before it."""

    to = fields.String()
    missing = fields.List(fields.Nested(MissingItem))


class Desk(Schema):
    """Everything an organiser needs to move a marathon on."""

    marathon = fields.Nested(MarathonView)
    settings = fields.Nested(Settings)
    host = fields.Nested(HostView, allow_none=True)
    holds_baton = fields.Boolean()
    next = fields.List(fields.Nested(NextMove))
    warnings = fields.List(fields.Nested(Notice))
    log = fields.List(fields.Nested(MoveView))
    relays = fields.List(fields.Nested(RelayView))
    teams = fields.Dict(keys=fields.String(), values=fields.Integer())
    poll = fields.Nested(PollPart, allow_none=True)
    panel = fields.Nested(PanelPart, allow_none=True)
    progress = fields.List(fields.Nested(ProgressPart))


class Changed(MarathonView):
    """A marathon after a change, with what should be known about it."""

    warnings = fields.List(fields.Nested(Notice))


MARATHON = ("get_marathon", "get_desk")
"""Where a marathon is shown: to everybody, and whole to its organisers."""

DOORS: dict[str, Door] = {
    "open_cycle": Door(OpenCycle, OpenedCycle),
    "list_cycles": Door(Paged, CycleLine, many=True),
    "get_cycle": Door(TheCycle, CycleView),
    "get_marathon": Door(TheMarathon, MarathonView),
    "get_desk": Door(TheMarathon, Desk),
    "set_host": Door(SetHost, HostSet, edits=("get_desk",)),
    "reveal_host": Door(TheMarathon, MarathonView, edits=MARATHON),
    "change_marathon": Door(ChangeMarathon, Changed, edits=MARATHON),
    "move_marathon": Door(MoveMarathon, MarathonView, edits=MARATHON),
    "list_moves": Door(PageOfMarathon, MoveView, many=True),
    "list_missing": Door(ListMissing, MissingItem, many=True),
}
