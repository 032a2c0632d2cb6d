"""Projects: registered, submitted, changed, withdrawn; and what each asker may see of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select

from services.chassis.errors import Invalid, NotFound, Refusal
from services.chassis.paging import Answer, Page
from services.chassis.work import Work
from services.registration import marathons, people, places, stages, standings
from services.registration.join_codes import new_code
from services.registration.tables import Member, Project

OPENLY = ("id", "marathon", "title", "pitch", "activity", "commune", "team_number")
CLOSELY = ("siren", "needs", "confirm_by", "reason", "created_at")


def register(
    work: Work,
    marathon: str,
    title: str,
    holder: people.Named | None = None,
    under_18: bool = False,
    guardian_consent: bool = False,
    **values: Any,
) -> dict[str, Any]:
    """Registers a project as a draft, for the asker or for whom an organiser names.

    Raises ``Refusal`` "project_in_another_marathon" (RULES R8), "juror_or_competitor" or
    "already_in_a_team" (R3), "not_at_this_stage", ``Invalid("guardian_consent_missing")`` (R5).
    """
    must_have_consent(under_18, guardian_consent)
    person = people.acting(work, holder, marathon)
    row = marathons.locked(work, marathon)
    if not marathons.is_shown(work, row):
        raise NotFound("marathon", marathon)
    stages.must_be_at(row, stages.OPEN)
    _must_be_free(work, person.key, title)
    project = _draft(work, marathon, person.key, title, values)
    standings.take(work, marathon, person.key, "competitor", project.id)
    add_member(work, project, person.key, under_18, guardian_consent)
    return view_of(work, project)


def _draft(
    work: Work, marathon: str, holder: str, title: str, values: Mapping[str, Any]
) -> Project:
    project = Project(
        id=work.new_id(),
        marathon=marathon,
        status="draft",
        title=title,
        holder_key=holder,
        claim=claim_of(title),
        join_code=new_code(work),
        created_at=work.now,
        **values,
    )
    work.session.add(project)
    work.session.flush()
    return project


def claim_of(title: str) -> str:
    """A title as it is compared: case and spacing make no other project of it."""
    return " ".join(title.casefold().split())[:200]


def _must_be_free(work: Work, holder: str, title: str, project: str | None = None) -> None:
    claimed = select(Project).where(
        Project.holder_key == holder, Project.claim == claim_of(title), Project.id != project
    )
    if work.session.scalar(claimed) is not None:
        raise Refusal(
            "project_in_another_marathon",
            "Ce projet est déjà inscrit à un marathon qui n’est pas terminé.",
            "Retirez-le d’abord de l’autre marathon.",
        )


def must_have_consent(under_18: bool, guardian_consent: bool) -> None:
    """Raises ``Invalid("guardian_consent_missing")`` for a minor without it (RULES R5)."""
    if under_18 and not guardian_consent:
        raise Invalid(
            "guardian_consent_missing",
            "Pour une personne mineure, l’accord d’un responsable légal est nécessaire.",
            "Cochez l’accord du responsable légal.",
        )


def add_member(
    work: Work, project: Project, key: str, under_18: bool, guardian_consent: bool
) -> None:
    """Puts somebody in a team; the caller has checked that they may."""
    member = Member(
        project=project.id,
        person_key=key,
        under_18=under_18,
        guardian_consent=guardian_consent,
        joined_at=work.now,
    )
    work.session.add(member)
    work.session.flush()


def submit(work: Work, project: str) -> dict[str, Any]:
    """Submits a draft."""
    row, marathon = stages.locked(work, project)
    stages.must_run(work, row)
    stages.must_be_at(marathon, stages.OPEN)
    stages.enter(work, row, "submitted")
    return view_of(work, row)


def change(work: Work, project: str, **values: Any) -> dict[str, Any]:
    """Changes what is given, and says it where everybody has heard of the project.

    The holder may until the start, an organiser until the end.
    """
    row, marathon = stages.locked(work, project)
    stages.must_run(work, row)
    is_organiser = work.actor.has("organiser", row.marathon)
    stages.must_be_at(marathon, stages.UNTIL_THE_END if is_organiser else stages.OPEN)
    if row.status in stages.OUT:
        raise Refusal("project_is_out", "Ce projet ne participe plus à ce marathon.")
    changed = {name: value for name, value in values.items() if getattr(row, name) != value}
    _check(work, row, changed)
    for name, value in changed.items():
        setattr(row, name, value)
    if changed:
        stages.say_if_standing(work, row)
    return view_of(work, row)


def _check(work: Work, project: Project, changed: dict[str, Any]) -> None:
    if "title" in changed and project.claim is not None:
        _must_be_free(work, project.holder_key, changed["title"], project.id)
        project.claim = claim_of(changed["title"])
    size = size_of(work, project)
    if changed.get("max_size", size) < size:
        raise Invalid(
            "team_larger",
            f"L’équipe compte déjà {size} personnes.",
            "Choisissez une taille au moins égale à celle de l’équipe.",
            size=size,
        )


def withdraw(work: Work, project: str, reason: str) -> dict[str, Any]:
    """Takes a project out, until the marathon has ended; its place goes to the waiting list."""
    row, marathon = stages.locked(work, project)
    stages.must_run(work, row)
    stages.must_be_at(marathon, stages.UNTIL_THE_END)
    leave(work, row, "withdrawn", reason)
    return view_of(work, row)


def leave(work: Work, project: Project, to: str, reason: str | None) -> None:
    """Takes a locked project out, and gives its place to the next on the waiting list."""
    had_place = project.status in stages.PLACED
    stages.enter(work, project, to, reason)
    if had_place:
        places.move_up(work, project.marathon)


# --- what is seen -------------------------------------------------------------------------


def get(work: Work, project: str) -> dict[str, Any]:
    """A project. Raises ``NotFound`` for one that the asker may not know of."""
    row = stages.found(work, project)
    if not is_shown(work, row):
        raise NotFound("project", project)
    return view_of(work, row)


def list_projects(work: Work, marathon: str, page: Page) -> Answer:
    """The projects of a marathon that the asker may know of, in the order they came."""
    marathons.public_view(work, marathon)
    return page.rows(
        work.session,
        select(Project).where(Project.marathon == marathon),
        (Project.created_at, Project.id),
        lambda row: view_of(work, row),
        shown=lambda row: is_shown(work, row),
    )


def is_shown(work: Work, project: Project) -> bool:
    """Whether the asker may know that the project exists."""
    return stages.is_public(project) or stages.belongs(work, project)


def size_of(work: Work, project: Project) -> int:
    """How many people are in the team, its holder included."""
    query = select(func.count()).select_from(Member).where(Member.project == project.id)
    return work.session.scalar(query) or 0


def view_of(work: Work, project: Project) -> dict[str, Any]:
    """A project as far as the asker may know it."""
    view = {name: getattr(project, name) for name in (*OPENLY, "max_size", "open_roles")}
    view["status"] = stages.shown_status(work, project)
    view["size"] = size_of(work, project)
    if stages.belongs(work, project):
        view |= {name: getattr(project, name) for name in CLOSELY}
        view["holder"] = people.view_of(work, project.holder_key)
    if work.actor.has("organiser", project.marathon):
        view |= {"decision": project.decision, "waiting": project.queue}
    return view
