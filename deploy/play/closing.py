"""From the end to the closing: the count, the deliberation, the palmarès, the relay."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from deploy.play.api import Problem
from deploy.play.scene import Scene, until

OVER = ("closed", "cancelled")


def end(scene: Scene) -> None:
    """Moves the clock to the end, takes the keys back, and waits for the count."""
    view = scene.view()
    if view["state"] == "running":
        scene.tell("fin des 36 heures, dépouillement")
        scene.move_clock(datetime.fromisoformat(view["ends_at"]))
    until("the marathon has ended", lambda: scene.state() != "running")
    for seat in scene.api.get(f"{scene.path}/allocations"):
        if seat["status"] == "handed_over":
            scene.api.post(f"/allocations/{seat['id']}/return", scene.step("back", seat["id"]))
    until("the poll is counted", lambda: scene.api.find(f"{scene.path}/poll/results"))


def publish(scene: Scene) -> None:
    """Deliberates, awards the prizes, publishes the palmarès."""
    if scene.state() == "ended" and scene.api.find(f"{scene.path}/palmares") is None:
        scene.tell("délibération et palmarès")
        until("the deliberation is open", lambda: _deliberate(scene))
        _award(scene)
        until("the palmarès is published", lambda: _publish(scene))
    until("the marathon is deliberated", lambda: scene.state() in ("deliberated", *OVER))


def _deliberate(scene: Scene) -> Any:
    return scene.api.post(f"{scene.path}/deliberation", scene.step("deliberation"))


def _publish(scene: Scene) -> Any:
    # Its answer may have been lost, and a second edition would need a reason.
    found = scene.api.find(f"{scene.path}/palmares")
    return found or scene.api.post(f"{scene.path}/palmares", scene.step("palmares"))


def _award(scene: Scene) -> None:
    """The jury's prizes by rank; the public's goes by the count alone (RULES Z1)."""
    ranking = scene.api.get(f"{scene.path}/ranking")["ranking"]
    by_rank = sorted((one["final_rank"], one["project"]) for one in ranking if one["final_rank"])
    ranks = {gift.title: gift.rank for gift in scene.leg.prizes if gift.rank}
    for prize in scene.api.get(f"{scene.path}/prizes"):
        rank = ranks.get(prize["title"])
        if rank and rank <= len(by_rank) and not prize["projects"]:
            step = scene.step("award", prize["id"])
            project = by_rank[rank - 1][1]
            scene.api.post(f"/prizes/{prize['id']}/award", step, project=project)


def close(scene: Scene) -> float | None:
    """Closes the marathon; the machine's time at which it was closed, if it was now."""
    if scene.state() in OVER:
        return None
    scene.tell("clôture")
    until("the marathon can be closed", lambda: _close(scene))
    return time.monotonic()


def _close(scene: Scene) -> bool:
    try:
        scene.api.post(f"{scene.path}/moves", scene.step("closing"), to="closed")
    except Problem:
        # Closed by an answer that was lost, or by itself.
        if scene.state() not in OVER:
            raise
    return scene.state() in OVER


def accept(scene: Scene) -> None:
    """Accepts the relay for this leg, once it is offered; the first leg has it from the start."""
    if scene.state() not in ("draft", "announced"):
        return
    relay = until("the relay is offered", lambda: _offer(scene))
    if relay["state"] == "offered":
        scene.tell("le relais est accepté")
        path = f"/relays/{relay['id']}/answer"
        scene.api.post(path, scene.step("relay", relay["id"]), answer="accepted")


def _offer(scene: Scene) -> Any:
    relays = scene.api.get(f"/cycles/{scene.script.cycle}/relays")
    wanted = ("offered", "passed", "received")
    mine = [r for r in relays if r["to_marathon"] == scene.marathon and r["state"] in wanted]
    return mine[-1] if mine else None
