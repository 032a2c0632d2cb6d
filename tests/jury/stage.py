"""A stage for the jury alone: what the other services would say, and cards handed in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select

from services.chassis.actor import Actor
from services.chassis.errors import Refusal
from services.jury.tables import Base, Panel
from tests.harness import ORGANISER, START, Player
from tests.letters import EVENT_OF_STATE, MARATHON, Letters, project_event

NOBODY = Actor()
JURORS = ("anne", "bruno", "chloe", "didier")
PROJECTS = ("bakery", "garden", "wool")

__all__ = ["JURORS", "MARATHON", "NOBODY", "ORGANISER", "PROJECTS", "START", "Stage", "juror"]

GRID = [{"id": "overall", "label": "Impression d’ensemble"}]


def juror(key: str) -> Actor:
    """Someone who signed in and is a juror of the marathon."""
    return Actor(key, key.capitalize(), frozenset({("juror", MARATHON)}))


class Stage(Letters):
    """The jury on its own, hearing what it is told."""

    def __init__(self, storage: str, seed: int = 0) -> None:
        super().__init__("jury", storage, seed)

    @property
    def jury(self) -> Player:
        return self.troupe.jury

    # --- what the others say ----------------------------------------------------------------

    def marathon_letter(self, state: str, **changes: Any) -> dict[str, Any]:
        """The marathon in a new state; what is not given stays as it was."""
        first = {"id": MARATHON, "projects": None}
        data = self.state_of(MARATHON, first, {"state": state, **changes})
        return self.letter("registration", EVENT_OF_STATE[state], "marathon", MARATHON, data)

    def project_letter(self, project: str, status: str, **changes: Any) -> dict[str, Any]:
        """A project in a new status; its team is ``<project>-holder`` and ``<project>-member``."""
        first = {
            "id": project,
            "marathon": MARATHON,
            "title": project.capitalize(),
            "team_number": 1,
            "holder_key": f"{project}-holder",
            "member_keys": [f"{project}-member"],
            "siren": None,
        }
        data = self.state_of(project, first, {"status": status, **changes})
        return self.letter("registration", project_event(status), "project", project, data)

    def role_letter(self, key: str, status: str = "granted", **changes: Any) -> dict[str, Any]:
        """The role of juror of a person."""
        subject = f"role-{key}"
        first = {
            "id": subject,
            "person_key": key,
            "role": "juror",
            "marathon": MARATHON,
            "display_name": key.capitalize(),
            "organisation": "Mairie",
            "siren": None,
            "president": False,
        }
        data = self.state_of(subject, first, {"status": status, **changes})
        return self.letter("registration", f"role_{status}", "role", subject, data)

    def allocation_letter(self, project: str, status: str, **owner: Any) -> dict[str, Any]:
        """Where a team is placed, and whose it is."""
        subject = f"allocation-{project}"
        first = {"marathon": MARATHON, "project": project, "owner_key": "owner"}
        data = self.state_of(subject, first, {"status": status, **owner})
        event_type = "premises_released" if status == "cancelled" else "premises_allocated"
        return self.letter("venues", event_type, "allocation", subject, data)

    def poll_letter(self, state: str, **changes: Any) -> dict[str, Any]:
        """The poll in a new state."""
        first = {"marathon": MARATHON, "rule": "shared", "tally": None}
        data = self.state_of("poll", first, {"state": state, **changes})
        event_type = {"void": "poll_closed", "open": "poll_opened"}.get(state, f"poll_{state}")
        return self.letter("voting", event_type, "poll", "poll", data)

    def mobilised(self, jurors: Iterable[str] = JURORS, projects: Iterable[str] = PROJECTS) -> str:
        """A marathon with a draft panel, jurors and projects; answers the panel's id."""
        self.hear(self.marathon_letter("mobilised"))
        self.hear(*(self.role_letter(key) for key in jurors))
        self.hear(*(self.project_letter(project, "confirmed") for project in projects))
        return str(self.panel().id)

    def running(
        self, jurors: Iterable[str] = JURORS, projects: Iterable[str] = PROJECTS, **grid: Any
    ) -> str:
        """A marathon under way with a convened panel and a grid of one criterion."""
        panel = self.mobilised(jurors, projects)
        self.call("set_grid", marathon=MARATHON, **{"criteria": GRID, **grid})
        self.call("convene_panel", marathon=MARATHON)
        started = [{"id": project, "version": self.versions[project]} for project in projects]
        self.hear(self.marathon_letter("running", projects=started))
        return panel

    def ended(self, cards: Mapping[str, Mapping[str, float]], **grid: Any) -> str:
        """A marathon that has ended, with cards: ``{juror: {project: overall}}``."""
        projects = sorted({project for theirs in cards.values() for project in theirs})
        panel = self.running(cards, projects, **grid)
        self.score_all(cards)
        self.hear(self.marathon_letter("ended"))
        return panel

    def score_all(self, cards: Mapping[str, Mapping[str, float]]) -> None:
        """Hands in cards: ``{juror: {project: overall}}``."""
        for key, theirs in cards.items():
            for project, value in theirs.items():
                self.score(key, project, overall=value)

    def score(self, key: str, project: str, **values: float) -> dict[str, Any]:
        """Hands in a juror's card."""
        return dict(
            self.call(
                "submit_scorecard", juror(key), marathon=MARATHON, project=project, values=values
            )
        )

    def counted(self, *winners: str, rule: str = "shared", **counted: int) -> None:
        """The poll is counted."""
        tally = {"winners": list(winners), "counted": counted, "record_digest": "r" * 64}
        self.hear(self.poll_letter("counted", rule=rule, tally=tally))

    def call(self, door: str, actor: Actor = ORGANISER, **request: Any) -> Any:
        """Asks the jury at a door."""
        return self.jury.call(door, request, actor=actor)

    def refused(self, door: str, actor: Actor = ORGANISER, **request: Any) -> str:
        """The code of a refusal that must come, and must store and say nothing."""
        before = self.rows(), len(self.jury.said())
        try:
            self.call(door, actor, **request)
        except Refusal as refusal:
            assert (self.rows(), len(self.jury.said())) == before
            return refusal.code
        raise AssertionError(f"{door} was not refused")

    def ranks(self) -> dict[str, tuple[int | None, bool]]:
        """The ranks by the cards alone."""
        lines = self.call("get_ranking", marathon=MARATHON)["ranking"]
        return {line["project"]: (line["rank"], line["shared"]) for line in lines}

    def final_ranks(self) -> dict[str, tuple[int | None, bool]]:
        """The ranks after the deliberation."""
        lines = self.call("get_ranking", marathon=MARATHON)["ranking"]
        return {line["project"]: (line["final_rank"], line["final_shared"]) for line in lines}

    def panel(self) -> Panel:
        """The panel's row."""
        with self.jury.session() as session:
            return session.scalars(select(Panel)).one()

    def rows(self) -> dict[str, list[Any]]:
        """All that is in the jury's tables, row by row."""
        with self.jury.session() as session:
            return {
                name: sorted(map(repr, session.execute(select(table)).all()))
                for name, table in Base.metadata.tables.items()
            }

    def last(self, event_type: str) -> dict[str, Any]:
        """The state in the last event of a type, without its order."""
        data = super().last(event_type)
        return {name: value for name, value in data.items() if name not in ("epoch", "version")}
