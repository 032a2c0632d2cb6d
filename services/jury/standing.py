"""Who scores whom: jurors, projects and recusals, from the copies and our own tables.

Nothing here is stored but recusals: what the newest copies say is what holds, in whatever
order they came. Once the marathon is closed, the last edition's record holds instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from services.chassis.tables import copies
from services.chassis.work import Work
from services.jury import conflicts
from services.jury.conflicts import Conflict, Juror
from services.jury.messages_events import RolePart
from services.jury.tables import Edition, Panel, Recusal, Scorecard

STANDING = frozenset({"confirmed", "checked_in"})


@dataclass(frozen=True)
class Standing:
    """The jurors on the panel, and who of them (and of the erased) may score each project."""

    jurors: tuple[str, ...]
    eligible: dict[str, tuple[str, ...]]

    @property
    def counts(self) -> dict[str, int]:
        """How many may score each project."""
        return {project: len(keys) for project, keys in self.eligible.items()}


def of(work: Work, panel: Panel) -> Standing:
    """Who scores whom in a panel."""
    if panel.status == "dissolved":
        return Standing((), {})
    if panel.status == "sealed":
        edition = last_edition(work, panel)
        if edition is not None:
            return _recorded(edition.record)
    jurors = tuple(sorted(juror_keys(work, panel.marathon)))
    recused = _recused(work, panel)
    kept = _kept_cards(work, panel, set(jurors))
    eligible = {
        project["id"]: tuple(
            sorted(
                key
                for key in {*jurors, *kept.get(project["id"], ())}
                if (key, project["id"]) not in recused
            )
        )
        for project in projects(work, panel.marathon)
    }
    return Standing(jurors, eligible)


def last_edition(work: Work, panel: Panel) -> Edition | None:
    """The newest published edition, if any."""
    query = select(Edition).where(Edition.panel == panel.id).order_by(Edition.number.desc())
    return work.session.scalars(query.limit(1)).first()


def juror_roles(work: Work, marathon: str) -> list[dict[str, Any]]:
    """Every role of juror in a marathon, granted or revoked: its own and those for all."""
    roles = (*work.copies("role", marathon), *_roles_for_all(work))
    return [role for role in roles if role["role"] == "juror"]


def juror_keys(work: Work, marathon: str) -> set[str]:
    """The person keys of the marathon's jurors."""
    roles = juror_roles(work, marathon)
    return {role["person_key"] for role in roles if role["status"] == "granted"}


def presidents(work: Work, marathon: str) -> frozenset[str]:
    """The person keys of whoever presides over the panel."""
    roles = juror_roles(work, marathon)
    return frozenset(role["person_key"] for role in roles if role["president"])


def projects(work: Work, marathon: str) -> list[dict[str, Any]]:
    """The projects that the jury scores, by id: those that stand, and started if known."""
    state = work.copy("marathon", marathon)
    started = {entry["id"] for entry in state["projects"]} if state and state["projects"] else None
    return [
        project
        for project in work.copies("project", marathon)
        if project["status"] in STANDING and (started is None or project["id"] in started)
    ]


def are_complete(work: Work, marathon: str) -> bool:
    """Whether all that the marathon's state says of its projects has been heard.

    A withdrawal may still be under way; a palmarès published before it comes would be wrong.
    """
    state = work.copy("marathon", marathon)
    if state is None or not state["projects"]:
        return True
    epoch, _version = _heard(work, "marathon", marathon)[marathon]
    heard = _heard(work, "project", marathon)
    return all(
        # Versions of different epochs can't be compared: registration was restored in between.
        entry["id"] in heard
        and (heard[entry["id"]][0] != epoch or heard[entry["id"]][1] >= entry["version"])
        for entry in state["projects"]
    )


def open_recusals(work: Work, panel: Panel) -> list[Recusal]:
    """The recusals that hold, in an order that depends on no clock."""
    query = select(Recusal).where(Recusal.panel == panel.id, Recusal.ended_at.is_(None))
    return list(
        work.session.scalars(query.order_by(Recusal.project, Recusal.juror_key, Recusal.cause))
    )


def sync_recusals(work: Work, panel: Panel) -> None:
    """Makes the recusals that were found those that the copies now require (RULES J4)."""
    wanted = _conflicts(work, panel.marathon)
    present = {
        Conflict(row.juror_key, row.project, row.cause): row
        for row in open_recusals(work, panel)
        if row.cause != "declared"
    }
    for conflict in present.keys() - wanted:
        present[conflict].ended_at = work.now
    for conflict in sorted(wanted - present.keys()):
        reason = conflicts.REASONS[conflict.cause]
        add_recusal(work, panel, conflict, reason, by=None)
    work.session.flush()


def add_recusal(
    work: Work, panel: Panel, conflict: Conflict, reason: str, by: str | None
) -> Recusal:
    """A new recusal."""
    row = Recusal(
        id=work.new_id(),
        panel=panel.id,
        juror_key=conflict.juror,
        project=conflict.project,
        cause=conflict.cause,
        reason=reason,
        by_key=by,
        since=work.now,
    )
    work.session.add(row)
    return row


def _roles_for_all(work: Work) -> list[dict[str, Any]]:
    query = select(copies.c.state).where(copies.c.kind == "role", copies.c.marathon.is_(None))
    return [RolePart().load(state) for state in work.session.scalars(query)]


def _heard(work: Work, kind: str, marathon: str) -> dict[str, tuple[int, int]]:
    query = select(copies.c.subject, copies.c.epoch, copies.c.version).where(
        copies.c.kind == kind, copies.c.marathon == marathon
    )
    return {row.subject: (row.epoch, row.version) for row in work.session.execute(query)}


def _conflicts(work: Work, marathon: str) -> set[Conflict]:
    # Also of jurors whose role was revoked: an erased juror's cards stay, so must a recusal.
    sirens: dict[str, set[str]] = {}
    for role in juror_roles(work, marathon):
        own = sirens.setdefault(role["person_key"], set())
        own.update({role["siren"]} if role["siren"] else ())
    return conflicts.found(
        [Juror(key, frozenset(own)) for key, own in sirens.items()],
        work.copies("project", marathon),
        work.copies("allocation", marathon),
    )


def _recused(work: Work, panel: Panel) -> set[tuple[str, str]]:
    return {(row.juror_key, row.project) for row in open_recusals(work, panel)}


def _kept_cards(work: Work, panel: Panel, jurors: Iterable[str]) -> dict[str, set[str]]:
    """By project, the erased persons whose cards stay: their erasure changes no result (D2)."""
    query = select(Scorecard.project, Scorecard.juror_key).where(Scorecard.panel == panel.id)
    others = query.where(Scorecard.juror_key.not_in(list(jurors))).distinct()
    kept: dict[str, set[str]] = {}
    for project, key in work.session.execute(others):
        if work.copy("person", key) is not None:
            kept.setdefault(project, set()).add(key)
    return kept


def _recorded(record: dict[str, Any]) -> Standing:
    eligible = {project: tuple(keys) for project, keys in sorted(record["eligible"].items())}
    return Standing(tuple(record["jurors"]), eligible)
