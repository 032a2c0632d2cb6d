"""Cycles: opened from one file, whole or not at all (RULES C5)."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import select

from services.chassis import territory
from services.chassis.errors import Refusal
from services.chassis.paging import Answer, Page
from services.chassis.work import Work
from services.registration import cycle_file, desk, marathons, relay
from services.registration.messages_cycle import Settings
from services.registration.partners import sharing
from services.registration.tables import Cycle, Host, Marathon


def open_cycle(work: Work, file: Any) -> dict[str, Any]:
    """Opens the cycle that a file describes; opening it again changes nothing.

    The legs it announces are announced, and the first gets the baton. Raises
    ``Invalid("cycle_file_invalid")`` with lines and reasons, ``Refusal("cycle_differs")`` when
    a cycle of this name was opened from a file that says something else.
    """
    work.actor.must("organiser", None)
    loaded = cycle_file.load(file)
    work.lock(f"cycle:{loaded['cycle']}")
    known = work.session.get(Cycle, loaded["cycle"])
    if known is None:
        known = _open(work, loaded)
    elif known.digest != cycle_file.digest(loaded):
        raise Refusal(
            "cycle_differs",
            "Ce cycle est déjà ouvert, à partir d’un fichier qui dit autre chose.",
            "Changez les marathons un par un, ou donnez un autre nom au cycle.",
        )
    else:
        return {**_view(work, known), "changed": False, "warnings": _warnings(work, known)}
    return {**_view(work, known), "changed": True, "warnings": _warnings(work, known)}


def _open(work: Work, loaded: dict[str, Any]) -> Cycle:
    cycle = Cycle(
        id=loaded["cycle"],
        title=loaded["title"],
        state="open",
        term=1,
        answer_days=loaded["relay"]["days_to_answer"],
        file=cycle_file.plain(loaded),
        digest=cycle_file.digest(loaded),
        opened_at=work.now,
    )
    work.session.add(cycle)
    work.session.flush()
    legs = [_add_leg(work, cycle, leg) for leg in loaded["legs"]]
    relay.grant_first(work, cycle, legs[0])
    for leg, entry in zip(legs, loaded["legs"], strict=True):
        if entry["announced"]:
            _announce(work, leg)
    return cycle


def _announce(work: Work, leg: Marathon) -> None:
    if sharing.is_elsewhere(work, leg):
        leg.state = "announced"  # its operator's instance says so, and moves it on
    else:
        marathons.enter(work, leg, "announced")


AS_WRITTEN = (
    *("leg", "title", "finale", "theme", "question", "notes", "operated_by", "first_day"),
    *("last_day", "mobilises_at", "starts_at", "ends_at", "least_teams", "most_teams"),
)


def _add_leg(work: Work, cycle: Cycle, entry: dict[str, Any]) -> Marathon:
    marathon = Marathon(
        id=f"{cycle.id}-{entry['leg']}",
        cycle=cycle.id,
        epci_siren=entry["epci"],
        epci_name=cycle_file.epci_name(entry["epci"]),
        state="draft",
        settings=Settings().dump(entry["settings"]),
        **{name: entry[name] for name in AS_WRITTEN},
    )
    work.session.add(marathon)
    work.session.flush()
    if insee := entry["host"]:
        # It stands in the file, so it is public: revealed from the start.
        name = territory.load().named(insee)
        work.session.add(Host(marathon=marathon.id, insee=insee, name=name, revealed_at=work.now))
    return marathon


def _warnings(work: Work, cycle: Cycle) -> list[dict[str, str]]:
    legs = marathons.of_cycle(work, cycle.id)
    return [warning for leg in legs for warning in desk.warnings_of(work, leg)]


def list_cycles(work: Work, page: Page) -> Answer:
    """All cycles, the last opened first."""
    announced = select(Marathon.cycle).where(Marathon.state != "draft")
    legs = Counter(work.session.scalars(announced))
    return page.rows(
        work.session,
        select(Cycle),
        (Cycle.opened_at, Cycle.id),
        lambda cycle: {**_line(cycle), "legs": legs[cycle.id]},
        falling=True,
    )


def get_cycle(work: Work, cycle: str) -> dict[str, Any]:
    """A cycle with the marathons that the asker may know of. Raises ``NotFound("cycle")``."""
    return _view(work, relay.found_cycle(work, cycle))


def _line(cycle: Cycle) -> dict[str, Any]:
    names = ("id", "title", "state", "opened_at", "finished_at")
    return {name: getattr(cycle, name) for name in names}


def _view(work: Work, cycle: Cycle) -> dict[str, Any]:
    legs = marathons.of_cycle(work, cycle.id)
    return {
        **_line(cycle),
        "programme": cycle.file["programme"],
        "partners": cycle.file["partners"],
        "marathons": [
            marathons.view_of(work, leg) for leg in legs if marathons.is_shown(work, leg)
        ],
    }
