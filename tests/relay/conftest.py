"""Cycles and plays for several instances, and the servers on which they may be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

JOURNEYS = Path(__file__).resolve().parents[1] / "journeys"
CYCLES = Path(__file__).resolve().parents[2] / "deploy" / "cycles"


def two_legs(*operators: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The invented cycle of two legs, each with its operator, and its play."""
    cycle = yaml.safe_load((JOURNEYS / "two-legs.yaml").read_text())
    return shared(cycle, operators), yaml.safe_load((JOURNEYS / "two-legs.play.yaml").read_text())


def vallee_du_lot(*operators: str, ballots: int = 8) -> tuple[dict[str, Any], dict[str, Any]]:
    """The Vallée du Lot's cycle, a leg for each operator, and a play of all of it to the end.

    Dates and host towns that are not public are invented, as in the demonstration.
    """
    cycle = yaml.safe_load((CYCLES / "vallee-du-lot-2023.yaml").read_text())
    play = yaml.safe_load((CYCLES / "vallee-du-lot-2023.play.yaml").read_text())
    for leg in cycle["legs"]:
        for day in ("first_day", "last_day"):
            leg.pop(day, None)
    full = play["legs"][3]
    for number, leg in enumerate(play["legs"]):
        leg.update(until="closed", starts_at=f"+{10 + 50 * number} days 09:00")
        leg.update(jurors=3, coaches=1, ballots=ballots, recusals=0)
        for part in ("teams", "premises", "prizes"):
            leg.setdefault(part, full[part])
        leg["teams"] = leg["teams"][:6]
    return shared(cycle, operators), play


def shared(cycle: dict[str, Any], operators: tuple[str, ...]) -> dict[str, Any]:
    """A cycle file whose legs are operated by these, one after the other."""
    cycle["partners"] = [{"name": name, "title": f"Pays de {name}"} for name in operators]
    for leg, operator in zip(cycle["legs"], operators, strict=True):
        leg["operated_by"] = operator
    return cycle
