"""Pages of a cycle: where it stands, its past towns, the present one, those to come."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template

from gateway.asking import ask, parts
from gateway.memory import public
from gateway.site import countdown, laurels, relay_way, territory_map, words
from gateway.site.gaps import part
from gateway.site.operators import elsewhere

ON_STAGE = ("mobilised", "running", "ended", "deliberated")
OVER = ("closed", "cancelled")


def add_to(site: Blueprint) -> None:
    """Adds these pages."""
    site.add_url_rule("/", "home", public(home))
    site.add_url_rule("/cycles/<cycle>", "cycle", public(cycle))


def home() -> str:
    """The cycle that is under way, else the latest one."""
    cycles = ask("registration.list_cycles")
    if not cycles:
        return render_template("empty.html")
    shown = present_cycle(cycles)
    return _page(shown["id"], [other for other in cycles if other["id"] != shown["id"]])


def cycle(cycle: str) -> str:
    """One cycle."""
    return _page(cycle, [])


def present_cycle(cycles: list[dict[str, Any]]) -> dict[str, Any]:
    """The newest cycle that is open, else the newest of all."""
    return max(cycles, key=lambda line: (line["state"] == "open", line["opened_at"], line["id"]))


def present_marathon(marathons: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The marathon on stage: the latest one under way, else the next to come."""
    on_stage = [marathon for marathon in marathons if marathon["state"] in ON_STAGE]
    if on_stage:
        return on_stage[-1]
    return next((marathon for marathon in marathons if marathon["state"] not in OVER), None)


def _page(cycle: str, others: list[dict[str, Any]]) -> str:
    found = ask("registration.get_cycle", {"cycle": cycle})
    present = present_marathon(found["marathons"])
    now = parts().clock.now()
    # Of what another instance operates nothing is asked here, for nobody here knows of it.
    here = present if present and not elsewhere(present) else None
    poll = part("voting.get_poll", {"marathon": here["id"]}) if here else None
    present_id = present["id"] if present else None
    return render_template(
        "cycle.html",
        cycle=found,
        intro=(found.get("programme") or {}).get("description"),
        present=present,
        poll=poll,
        others=others,
        map=territory_map.of_cycle(found["marathons"], present_id),
        way=relay_way.of_cycle(found["marathons"], present_id),
        laurels={each["id"]: laurels.of_marathon(each) for each in found["marathons"]},
        turn=countdown.of_marathon(present, now) if present else None,
        vote_end=countdown.of_poll(poll, now),
        now=now.isoformat(),
        phases=words.phases,
        days=words.days,
    )
