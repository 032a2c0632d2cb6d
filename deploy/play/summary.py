"""What came of a play, read back from the instance: numbers for people and for programs."""

from __future__ import annotations

from typing import Any

from deploy.play.api import Api
from deploy.play.instances import Instances
from deploy.play.script import Script

SEATED = ("confirmed", "handed_over", "returned", "released")
IN = ("confirmed", "checked_in")


def summary(
    instances: Instances, script: Script, relay_seconds: dict[str, float]
) -> dict[str, Any]:
    """The cycle and, by marathon, projects, teams, premises, ballots, winners, palmarès.

    Each marathon is asked about at its operator's instance. ``relay_seconds`` are seconds from a
    marathon's closing to the next one's mobilisation, as far as both were seen in this run.
    """
    cycle = instances.first.get(f"/cycles/{script.cycle}")
    marathons = [
        {
            **_marathon(instances.of(script, view["id"]), view["id"]),
            "relay_seconds": relay_seconds.get(view["id"]),
        }
        for view in cycle["marathons"]
    ]
    found = {"cycle": cycle["id"], "state": cycle["state"], "marathons": marathons}
    if len(instances.by_name) > 1:
        states = instances.states(script)
        found["instances"] = [{"name": name, "state": state} for name, state in states.items()]
    return found


def _marathon(api: Api, marathon: str) -> dict[str, Any]:
    path = f"/marathons/{marathon}"
    view = api.get(path)
    projects = api.get(f"{path}/projects")
    poll = api.find(f"{path}/poll")
    counted = poll is not None and poll["state"] == "counted"
    results = api.find(f"{path}/poll/results") if counted else None
    titles = {one["id"]: one["title"] for one in projects}
    seats = _or_none(api.find(f"{path}/allocations"))
    return {
        "marathon": view["id"],
        "state": view["state"],
        "projects": len(projects),
        "teams": sum(one["status"] in IN for one in projects),
        "premises": len(_or_none(api.find(f"{path}/premises"))),
        "allocations": sum(seat["status"] in SEATED for seat in seats),
        "voters": poll["voters"] if poll else 0,
        "ballots_accepted": results["accepted"] if results else None,
        "ballots_counted": results["counted_ballots"] if results else None,
        "public_winners": [titles.get(p, p) for p in results["winners"]] if results else [],
        "palmares": _palmares(api.find(f"{path}/palmares")),
    }


def _or_none(found: Any) -> list[dict[str, Any]]:
    return list(found or [])


def _palmares(found: Any) -> dict[str, Any] | None:
    if found is None:
        return None
    first = [one["project_title"] for one in found["ranks"] if one["rank"] == 1]
    return {"number": found["number"], "digest": found["digest"], "first": first}
