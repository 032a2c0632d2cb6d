"""Teams: joined by code or by request, never more than fit, never after the deadline (RULES R2)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from services.chassis.errors import Forbidden, NotFound, Refusal
from services.chassis.work import Work
from services.registration import letters, marathons, people, projects, stages, standings
from services.registration.join_codes import as_written, new_code
from services.registration.tables import JoinRequest, Marathon, Member, Person, Project


def join(
    work: Work,
    code: str,
    person: people.Named | None = None,
    under_18: bool = False,
    guardian_consent: bool = False,
) -> dict[str, Any]:
    """Joins a team by its code, for the asker or for whom an organiser names.

    Raises ``Refusal`` "join_code_invalid", "team_full", "team_formation_over",
    "already_in_a_team", "juror_or_competitor", ``Invalid("guardian_consent_missing")``.
    """
    projects.must_have_consent(under_18, guardian_consent)
    found = _by_code(work, code)
    somebody = people.acting(work, person, found.marathon)
    row, marathon = stages.locked(work, found.id)
    if row.join_code != as_written(code):
        raise _unknown_code()  # it was renewed while we waited for the lock
    _take_in(work, row, marathon, somebody, under_18, guardian_consent)
    return view_of(work, row, insider=True)


def _by_code(work: Work, code: str) -> Project:
    row = work.session.scalar(select(Project).where(Project.join_code == as_written(code)))
    if row is None or row.status in stages.OUT:
        raise _unknown_code()
    return row


def _unknown_code() -> Refusal:
    return Refusal(
        "join_code_invalid",
        "Ce code d’équipe n’est pas ou plus valable.",
        "Demandez le code actuel au porteur du projet.",
        422,
    )


def _take_in(
    work: Work,
    project: Project,
    marathon: Marathon,
    somebody: Person,
    under_18: bool,
    guardian_consent: bool,
) -> None:
    """Puts somebody in a team, the last place included: the marathon is locked."""
    _must_take_in(work, project, marathon)
    standings.take(work, marathon.id, somebody.key, "competitor", project.id)
    projects.add_member(work, project, somebody.key, under_18, guardian_consent)
    end_requests(work, somebody.key, marathon.id)
    stages.say_if_standing(work, project)


def _must_take_in(work: Work, project: Project, marathon: Marathon) -> None:
    stages.must_be_at(marathon, stages.OPEN)
    until = deadline_of(marathon)
    if until is not None and until <= work.now:
        raise Refusal(
            "team_formation_over", "Les équipes sont formées : on ne peut plus les rejoindre."
        )
    if project.status in stages.OUT:
        raise Refusal("project_is_out", "Ce projet ne participe plus à ce marathon.")
    if projects.size_of(work, project) >= project.max_size:
        raise Refusal(
            "team_full",
            f"L’équipe est complète ({project.max_size} personnes).",
            "Cherchez une autre équipe, ou demandez au porteur de l’agrandir.",
            size=project.max_size,
        )


def deadline_of(marathon: Marathon) -> datetime | None:
    """Until when teams form: a date of its own, else the start."""
    own: datetime | None = marathons.settings_of(marathon).get("teams_formed_by")
    return own or marathon.starts_at


def end_requests(work: Work, key: str, marathon: str | None = None) -> None:
    """Ends somebody's open requests, in one marathon or in all."""
    open_ones = (JoinRequest.person_key == key) & (JoinRequest.status == "open")
    query = update(JoinRequest).where(open_ones).values(status="ended", answered_at=work.now)
    if marathon is not None:
        query = query.where(JoinRequest.marathon == marathon)
    work.session.execute(query)


# --- by request ---------------------------------------------------------------------------


def request(
    work: Work,
    project: str,
    person: people.Named | None = None,
    under_18: bool = False,
    guardian_consent: bool = False,
) -> dict[str, Any]:
    """Asks a team to take somebody in; asking again answers the open request."""
    projects.must_have_consent(under_18, guardian_consent)
    found = stages.found(work, project)
    if not projects.is_shown(work, found):
        raise NotFound("project", project)
    somebody = people.acting(work, person, found.marathon)
    row, marathon = stages.locked(work, project)
    _must_take_in(work, row, marathon)
    standings.must_be_free(work, marathon.id, somebody.key, "competitor")
    open_one = _open_request(work, project, somebody.key)
    if open_one is None:
        open_one = _ask(work, row, somebody, under_18, guardian_consent)
    return _request_view(work, open_one)


def _open_request(work: Work, project: str, key: str) -> JoinRequest | None:
    query = select(JoinRequest).where(
        JoinRequest.project == project,
        JoinRequest.person_key == key,
        JoinRequest.status == "open",
    )
    return work.session.scalar(query)


def _ask(
    work: Work, project: Project, somebody: Person, under_18: bool, guardian_consent: bool
) -> JoinRequest:
    asked = JoinRequest(
        id=work.new_id(),
        project=project.id,
        marathon=project.marathon,
        person_key=somebody.key,
        status="open",
        under_18=under_18,
        guardian_consent=guardian_consent,
        created_at=work.now,
    )
    work.session.add(asked)
    work.session.flush()
    _write(
        work, project, project.holder_key, "join_requested", name=somebody.name or "Une personne"
    )
    return asked


def answer(work: Work, request: str, accept: bool) -> dict[str, Any]:
    """Takes somebody in, or not; taking them in ends their other requests in this marathon.

    Raises ``Refusal("request_closed")`` for one that is answered or has ended, and what
    :func:`join` raises.
    """
    asked = work.session.get(JoinRequest, request)
    if asked is None:
        raise NotFound("request", request)
    people.lock(work, asked.person_key)
    row, marathon = stages.locked(work, asked.project)
    if not stages.runs(work, row):
        raise NotFound("request", request)
    work.session.refresh(asked)
    if asked.status != "open":
        raise Refusal(
            "request_closed",
            "Cette demande n’est plus ouverte.",
            "La personne a peut-être rejoint une autre équipe.",
            present=asked.status,
        )
    asked.status, asked.answered_at = "accepted" if accept else "refused", work.now
    if accept:
        work.session.flush()
        somebody = work.session.get_one(Person, asked.person_key)
        _take_in(work, row, marathon, somebody, asked.under_18, asked.guardian_consent)
    _write(work, row, asked.person_key, "join_accepted" if accept else "join_refused")
    return _request_view(work, asked)


def _write(work: Work, project: Project, to: str, letter: str, **values: Any) -> None:
    link = letters.project_link(work, project.id)
    letters.write_to(work, to, letter, title=project.title, link=link, **values)


# --- leaving, looking ---------------------------------------------------------------------


def leave(work: Work, project: str, key: str | None = None) -> dict[str, Any]:
    """Takes a member out of a team: oneself, or whom holder or organiser names.

    Raises ``Refusal("holder_stays")``: a holder withdraws the project instead.
    """
    row, marathon = stages.locked(work, project)
    leaving = key or work.actor.key
    if leaving != work.actor.key:
        stages.must_run(work, row)
    member = leaving and work.session.get(Member, (project, leaving))
    if not member:
        raise NotFound("member", leaving or "")
    stages.must_be_at(marathon, stages.UNTIL_THE_END)
    take_out(work, row, member)
    return view_of(work, row, insider=stages.belongs(work, row))


def take_out(work: Work, project: Project, member: Member) -> None:
    """Takes a member out of a locked project's team."""
    if member.person_key == project.holder_key:
        raise Refusal(
            "holder_stays",
            "Le porteur ne quitte pas l’équipe de son projet.",
            "Retirez le projet du marathon.",
        )
    work.session.delete(member)
    work.session.flush()
    if project.status not in stages.OUT:
        standings.leave(work, project.marathon, member.person_key)
    stages.say_if_standing(work, project)


def renew_code(work: Work, project: str) -> dict[str, Any]:
    """Makes a new join code; the old one is void."""
    row, _marathon = stages.locked(work, project)
    stages.must_run(work, row)
    row.join_code = new_code(work)
    return {"project": row.id, "join_code": row.join_code}


def get_team(work: Work, project: str) -> dict[str, Any]:
    """A team, for its members and organisers; join code and requests for those who run it."""
    row = stages.found(work, project)
    if not stages.belongs(work, row):
        if stages.is_public(row):
            raise Forbidden("Seule l’équipe voit ses membres.")
        raise NotFound("project", project)
    return view_of(work, row, insider=True)


def view_of(work: Work, project: Project, insider: bool) -> dict[str, Any]:
    """A team; who just left it sees its size only."""
    view: dict[str, Any] = {
        "project": project.id,
        "marathon": project.marathon,
        "size": projects.size_of(work, project),
        "max_size": project.max_size,
        "open_roles": project.open_roles,
        "open_until": deadline_of(marathons.found(work, project.marathon)),
    }
    if insider:
        view["members"] = _members(work, project)
    if stages.runs(work, project):
        view |= {"join_code": project.join_code, "requests": _requests(work, project)}
    return view


def _members(work: Work, project: Project) -> list[dict[str, Any]]:
    query = select(Member).where(Member.project == project.id)
    rows = list(work.session.scalars(query.order_by(Member.joined_at, Member.person_key)))
    names = people.names_of(work, [row.person_key for row in rows])
    return [
        {
            "key": row.person_key,
            "name": names[row.person_key],
            "holder": row.person_key == project.holder_key,
            "under_18": row.under_18,
            "joined_at": row.joined_at,
        }
        for row in rows
    ]


def _requests(work: Work, project: Project) -> list[dict[str, Any]]:
    query = select(JoinRequest).where(
        JoinRequest.project == project.id, JoinRequest.status == "open"
    )
    rows = work.session.scalars(query.order_by(JoinRequest.created_at, JoinRequest.id))
    return [_request_view(work, row) for row in rows]


def _request_view(work: Work, asked: JoinRequest) -> dict[str, Any]:
    names = ("id", "project", "under_18", "status", "created_at")
    person = people.view_of(work, asked.person_key)
    return {**{name: getattr(asked, name) for name in names}, "person": person}
