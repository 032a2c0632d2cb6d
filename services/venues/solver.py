"""Places for all teams at the least cost, or the constraints that can't hold together.

A pure function over plain data, run in a child process: green threads would freeze. The
problem is a transport problem (teams are the sources, premises the sinks), so a minimum-cost
flow is exact. All costs are whole numbers and all lists are ordered by the caller: the same
input gives the same output.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import networkx

Constraint = tuple[str, str | None, str | None]
"""(kind, team, offer): a team's demand has no offer, premises' own constraint no team."""

OF_TEAM = frozenset({"step_free", "water", "power"})

MOVE = 1_000_000
"""Moving one team outweighs all soft wishes of all teams (RULES P3: keep what was)."""

NOBODY = "-"


def solve(problem: dict[str, Any]) -> dict[str, Any]:
    """``{"problem": digest, "possible", "places": {team: offer}, "conflict": [constraint]}``.

    ``problem`` has ``teams`` [id], ``offers`` [{id, seats}], ``barred`` {team: {offer:
    [kind]}}, ``cost`` {team: {offer: int}} and ``present`` {team: offer}. Without a solution
    ``conflict`` is a set of constraints of which none can be left out.
    """
    constraints = _constraints(problem)
    possible = _can_hold(problem, constraints)
    conflict = [] if possible else _irreducible(problem, constraints)
    return {
        "problem": digest(problem),
        "possible": possible,
        "places": _cheapest(problem) if possible else {},
        "conflict": [list(one) for one in conflict],
    }


def digest(problem: dict[str, Any]) -> str:
    """SHA-256 of a problem, by which its answer is told from another's."""
    return hashlib.sha256(json.dumps(problem, sort_keys=True).encode()).hexdigest()


def _cheapest(problem: dict[str, Any]) -> dict[str, str]:
    if not problem["teams"]:
        return {}
    nx = _networkx()
    graph: networkx.DiGraph[Any] = nx.DiGraph()
    for team in problem["teams"]:
        graph.add_node(("team", team), demand=-1)
    graph.add_node("all", demand=len(problem["teams"]))
    for offer in problem["offers"]:
        graph.add_edge(("offer", offer["id"]), "all", capacity=offer["seats"], weight=0)
        for team in problem["teams"]:
            if not problem["barred"][team][offer["id"]]:
                weight = _cost(problem, team, offer["id"])
                graph.add_edge(("team", team), ("offer", offer["id"]), capacity=1, weight=weight)
    _total, flow = nx.network_simplex(graph)
    return {
        team: offer["id"]
        for team in problem["teams"]
        for offer in problem["offers"]
        if flow[("team", team)].get(("offer", offer["id"]))
    }


def _cost(problem: dict[str, Any], team: str, offer: str) -> int:
    present = problem["present"].get(team)
    move = MOVE if present is not None and present != offer else 0
    return move + int(problem["cost"][team][offer])


# --- what can't hold together ---------------------------------------------------------------


def _constraints(problem: dict[str, Any]) -> list[Constraint]:
    """All constraints, those first that one would rather see left out of the explanation."""
    found: dict[Constraint, None] = {("team", team, None): None for team in problem["teams"]}
    found.update({("capacity", None, offer["id"]): None for offer in problem["offers"]})
    for team, offers in problem["barred"].items():
        for offer, kinds in offers.items():
            found.update({_constraint(kind, team, offer): None for kind in kinds})
    return list(found)


def _constraint(kind: str, team: str, offer: str) -> Constraint:
    return (kind, team, None) if kind in OF_TEAM else (kind, None, offer)


def _irreducible(problem: dict[str, Any], constraints: list[Constraint]) -> list[Constraint]:
    """The deletion filter: what can be left out, is; the rest can't hold together."""
    kept = list(constraints)
    for one in constraints:
        without = [other for other in kept if other != one]
        if not _can_hold(problem, without):
            kept = without
    return kept


def _can_hold(problem: dict[str, Any], constraints: Iterable[Constraint]) -> bool:
    """Whether every team that must have a place can have one under these constraints."""
    held = set(constraints)
    teams = [team for team in problem["teams"] if ("team", team, None) in held]
    nx = _networkx()
    graph: networkx.DiGraph[Any] = nx.DiGraph()
    # Both exist even when nobody is to be placed.
    graph.add_nodes_from(("all", NOBODY))
    for offer in problem["offers"]:
        bounded = ("capacity", None, offer["id"]) in held
        seats = offer["seats"] if bounded else len(teams)
        graph.add_edge(("offer", offer["id"]), "all", capacity=seats)
    for team in teams:
        graph.add_edge(NOBODY, ("team", team), capacity=1)
        for offer, kinds in problem["barred"][team].items():
            if not any(_constraint(kind, team, offer) in held for kind in kinds):
                graph.add_edge(("team", team), ("offer", offer), capacity=1)
    return bool(nx.maximum_flow_value(graph, NOBODY, "all") == len(teams))


def _networkx() -> Any:
    # Only in the child: the service itself would keep thirteen megabytes for nothing.
    import networkx

    return networkx
