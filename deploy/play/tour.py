"""A whole play: leg after leg, as far as each goes, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import yaml

from deploy.play import closing, mobilising, running
from deploy.play.api import Api, Problem
from deploy.play.instances import Instances
from deploy.play.scene import Scene, Stuck, until
from deploy.play.script import STAGES, Leg, Script
from deploy.play.summary import summary

SIZES = {"small": 0.2, "full": 1.0}
LEAD = timedelta(days=45)
"""How long before the first start a season begins."""

PARTS = {"announced": 0.0, "mobilised": 0.4, "voting": 0.7, "closed": 1.0}
SOME_JURORS = 2
"""How many have handed in their cards while the vote is open."""

Tell = Callable[[str, float], None]
"""Shows what is being done, and how much of the play is: from 0 to 1."""


class Tour:
    """Plays a script against an instance, or each leg against its operator's."""

    def __init__(
        self,
        instances: Api | Instances,
        script: Script,
        tell: Tell,
        until_stage: str = "closed",
        size: str = "full",
    ) -> None:
        self.instances = Instances.alone(instances) if isinstance(instances, Api) else instances
        self.instances.check(script)
        self.script = script
        self.tell = tell
        self.scale = SIZES[size]
        self.legs = _reachable([_at_most(leg, until_stage) for leg in script.legs])
        self.relay_seconds: dict[str, float] = {}
        self._closed_at: dict[str, float] = {}

    def play(self, now: datetime | None = None) -> dict[str, Any]:
        """Plays all legs; the summary. Raises ``Problem``, ``Away``, ``Stuck``."""
        began = time.monotonic()
        self._open(now or datetime.now(UTC))
        for number, leg in enumerate(self.legs):
            self._play_leg(number, leg)
        self._finish(datetime.now(UTC))
        found = summary(self.instances, self.script, self.relay_seconds)
        return {**found, "seconds": round(time.monotonic() - began, 1)}

    # --- the season -----------------------------------------------------------------------

    def _open(self, now: datetime) -> None:
        self.tell("ouverture du cycle", 0.0)
        first = min((leg.starts_at for leg in self.legs if leg.starts_at), default=now)
        for api in self.instances:
            if api.find(f"/cycles/{self.script.cycle}") is None:
                self._start_clock(api, first - LEAD)
        # The parsed file, not its text: a body is small and its errors then name a path.
        file = _plain(yaml.safe_load(self.script.cycle_file))
        for api in self.instances:
            api.post("/cycles", "cycle", file=file)

    def _start_clock(self, api: Api, at: datetime) -> None:
        """Shows the season's beginning on an instance that has seen nothing yet."""
        if api.find("/clock") is None:
            return
        if api.get("/cycles"):
            return
        try:
            api.put("/clock", f"clock/{at.isoformat()}", now=at.isoformat())
        except Problem as problem:
            # Set already, by a play that was stopped here or by an answer that was lost.
            if problem.code != "clock_backwards":
                raise

    def _play_leg(self, number: int, leg: Leg) -> None:
        scene = self._scene(number, leg)
        if STAGES.index(leg.until) == 0:
            mobilising.announce(scene, reveal=False)
            return
        mobilising.announce(scene, reveal=True)
        if leg.until != "mobilised":
            mobilising.must_be_to_come(scene)
        if number > 0:
            closing.accept(scene)
        self._wait_for_relay(number, scene)
        mobilising.mobilise(scene)
        if leg.until == "mobilised":
            return
        running.start(scene)
        running.vote(scene)
        if leg.until == "voting":
            running.score(scene, min(SOME_JURORS, leg.jurors))
            return
        running.score(scene)
        closing.end(scene)
        closing.publish(scene)
        self._announce_next(number)
        closed_at = closing.close(scene)
        if closed_at is not None:
            self._closed_at[scene.marathon] = closed_at

    def _announce_next(self, number: int) -> None:
        """The next host town is known before this one closes: the relay needs it."""
        if number + 1 < len(self.legs):
            leg = self.legs[number + 1]
            mobilising.announce(self._scene(number + 1, leg), reveal=leg.until != "announced")

    def _wait_for_relay(self, number: int, scene: Scene) -> None:
        before = self.script.marathon(self.legs[number - 1]) if number else ""
        until("the marathon is mobilised", lambda: scene.state() not in ("draft", "announced"))
        if before in self._closed_at:
            took = time.monotonic() - self._closed_at[before]
            self.relay_seconds[before] = round(took, 2)

    def _finish(self, now: datetime) -> None:
        """Shows the present again, where the play ends in the present."""
        if all(leg.until == "closed" for leg in self.legs) and self._is_whole():
            until("the cycle is finished", self._is_finished)
        elif self.instances.first.find("/clock") is not None:
            leg = self.legs[-1]
            self._scene(len(self.legs) - 1, leg).move_clock(now)

    def _is_whole(self) -> bool:
        marathons = self.instances.first.get(f"/cycles/{self.script.cycle}")["marathons"]
        return len(marathons) == len(self.legs)

    def _is_finished(self) -> bool:
        return set(self.instances.states(self.script).values()) == {"finished"}

    def _scene(self, number: int, leg: Leg) -> Scene:
        done = (number + PARTS["announced"]) / len(self.legs)

        def tell(text: str) -> None:
            self.tell(f"marathon {leg.leg} : {text}", done)

        api = self.instances.of(self.script, self.script.marathon(leg))
        return Scene(api, self.script, leg, tell, self.scale, self.instances.others(api))


def _at_most(leg: Leg, stage: str) -> Leg:
    return replace(leg, until=min(leg.until, stage, key=STAGES.index))


def _reachable(legs: list[Leg]) -> list[Leg]:
    """The legs, those behind one that stays open only announced: the relay is not there yet."""
    still_open = next((n for n, leg in enumerate(legs) if leg.until != "closed"), len(legs))
    return legs[: still_open + 1] + [_at_most(leg, STAGES[0]) for leg in legs[still_open + 1 :]]


def _plain(value: Any) -> Any:
    """YAML's dates as JSON has them."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.isoformat() if hasattr(value, "isoformat") else value


__all__ = ["SIZES", "Stuck", "Tour"]
