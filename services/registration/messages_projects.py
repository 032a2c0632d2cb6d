"""What registration answers about projects, decisions, teams and coaches."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from services.chassis.catalogue import Door
from services.chassis.shapes import count, ident, insee, instant, one_of, siren, text
from services.registration.messages_cycle_doors import PageOfMarathon, TheMarathon
from services.registration.messages_people_doors import NamedPerson, PersonView

DECISIONS = ("accepted", "waitlisted", "refused")
MOST_MEMBERS = 20

# --- asked: projects, decisions -----------------------------------------------------------


class Needs(Schema):
    """What a team needs of its premises."""

    step_free = fields.Boolean(load_default=False)
    water = fields.Boolean(load_default=False)
    power = fields.Boolean(load_default=False)
    surface_m2 = fields.Integer(
        strict=True, load_default=0, validate=validate.Range(min=0, max=10_000)
    )


def _max_size(**more: Any) -> fields.Integer:
    return fields.Integer(strict=True, validate=validate.Range(1, MOST_MEMBERS), **more)


def _open_roles(**more: Any) -> fields.List[Any]:
    return fields.List(text(100), validate=validate.Length(max=MOST_MEMBERS), **more)


class Guarded(Schema):
    """Minors: only this is asked, no date of birth (RULES R5)."""

    under_18 = fields.Boolean(load_default=False)
    guardian_consent = fields.Boolean(load_default=False)


class RegisterProject(Guarded):
    """A project, as a draft; ``holder`` when somebody else registers it."""

    marathon = ident(required=True)
    title = text(200, required=True)
    pitch = text(5000, required=True)
    activity = text(100, required=True)
    holder = fields.Nested(NamedPerson, load_default=None, allow_none=True)
    siren = siren(load_default=None, allow_none=True)
    commune = insee(load_default=None, allow_none=True)
    needs = fields.Nested(Needs, load_default=lambda: Needs().load({}))
    max_size = _max_size(load_default=6)
    open_roles = _open_roles(load_default=list)


class ChangeProject(Schema):
    """What to change; what is left out stays."""

    project = ident(required=True)
    title = text(200)
    pitch = text(5000)
    activity = text(100)
    siren = siren(allow_none=True)
    commune = insee(allow_none=True)
    needs = fields.Nested(Needs)
    max_size = _max_size()
    open_roles = _open_roles()


class TheProject(Schema):
    """A project by its id."""

    project = ident(required=True)


class DecideProject(Schema):
    """A decision, secret until all are published together."""

    project = ident(required=True)
    decision = one_of(*DECISIONS, required=True)


class LeaveMarathon(Schema):
    """Why a project leaves, in words."""

    project = ident(required=True)
    reason = text(2000, required=True)


# --- asked: teams, coaches ----------------------------------------------------------------


class JoinTeam(Guarded):
    """A team's join code; ``person`` when an organiser enters somebody."""

    code = text(40, required=True)
    person = fields.Nested(NamedPerson, load_default=None, allow_none=True)


class RequestToJoin(Guarded):
    """Asks a team to take somebody in."""

    project = ident(required=True)
    person = fields.Nested(NamedPerson, load_default=None, allow_none=True)


class AnswerRequest(Schema):
    """The team's answer."""

    request = ident(required=True)
    accept = fields.Boolean(required=True)


class LeaveTeam(Schema):
    """Oneself, or the member whom holder or organiser takes out."""

    project = ident(required=True)
    key = ident(load_default=None, allow_none=True)


class PairCoach(Schema):
    """A coach for a team, by the coach's role."""

    project = ident(required=True)
    role_id = ident(required=True)


# --- answered: projects, teams, coaches ---------------------------------------------------


class ProjectView(Schema):
    """A project, as far as the asker may know it: strangers get the first part."""

    id = ident()
    marathon = fields.String()
    status = fields.String()
    title = fields.String()
    pitch = fields.String()
    activity = fields.String()
    commune = fields.String(allow_none=True)
    team_number = count(allow_none=True)
    size = count()
    max_size = count()
    open_roles = fields.List(fields.String())
    # Members and organisers:
    holder = fields.Nested(PersonView)
    siren = fields.String(allow_none=True)
    needs = fields.Nested(Needs)
    confirm_by = instant(allow_none=True)
    reason = fields.String(allow_none=True)
    created_at = instant()
    # Organisers:
    decision = fields.String(allow_none=True)
    waiting = count(allow_none=True)


class Published(Schema):
    """The projects whose decisions are public now, by decision."""

    marathon = fields.String()
    accepted = fields.List(fields.String())
    waitlisted = fields.List(fields.String())
    refused = fields.List(fields.String())
    undecided = count()


class MemberView(Schema):
    """Somebody in a team."""

    key = fields.String()
    name = fields.String()
    holder = fields.Boolean()
    under_18 = fields.Boolean()
    joined_at = instant()


class RequestView(Schema):
    """Somebody's request to join."""

    id = ident()
    project = fields.String()
    person = fields.Nested(PersonView)
    under_18 = fields.Boolean()
    status = one_of("open", "accepted", "refused", "ended")
    created_at = instant()


class TeamView(Schema):
    """A team; join code and requests only for its holder and organisers."""

    project = fields.String()
    marathon = fields.String()
    size = count()
    max_size = count()
    open_roles = fields.List(fields.String())
    open_until = instant(allow_none=True)
    members = fields.List(fields.Nested(MemberView))
    join_code = fields.String()
    requests = fields.List(fields.Nested(RequestView))


class JoinCode(Schema):
    """A team's new join code; the old one is void."""

    project = fields.String()
    join_code = fields.String()


class CoachView(Schema):
    """A coach and the teams they are paired with."""

    role_id = fields.String()
    display_name = fields.String()
    organisation = fields.String(allow_none=True)
    projects = fields.List(fields.String())


DOORS: dict[str, Door] = {
    "register_project": Door(RegisterProject, ProjectView),
    "submit_project": Door(TheProject, ProjectView, edits=("get_project",)),
    "decide_project": Door(DecideProject, ProjectView, edits=("get_project",)),
    "publish_decisions": Door(TheMarathon, Published),
    "confirm_project": Door(TheProject, ProjectView, edits=("get_project",)),
    "change_project": Door(ChangeProject, ProjectView, edits=("get_project",)),
    "withdraw_project": Door(LeaveMarathon, ProjectView, edits=("get_project",)),
    "check_in": Door(TheProject, ProjectView, edits=("get_project",)),
    "no_show": Door(TheProject, ProjectView, edits=("get_project",)),
    "disqualify_project": Door(LeaveMarathon, ProjectView, edits=("get_project",)),
    "get_project": Door(TheProject, ProjectView),
    "list_projects": Door(PageOfMarathon, ProjectView, many=True),
    "get_team": Door(TheProject, TeamView),
    "renew_join_code": Door(TheProject, JoinCode, memory="once"),
    "join_team": Door(JoinTeam, TeamView),
    "request_to_join": Door(RequestToJoin, RequestView),
    "answer_request": Door(AnswerRequest, RequestView),
    "leave_team": Door(LeaveTeam, TeamView),
    "pair_coach": Door(PairCoach, CoachView),
    "list_coaches": Door(PageOfMarathon, CoachView, many=True),
}
