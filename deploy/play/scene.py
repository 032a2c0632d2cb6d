"""What every step of a leg has at hand: the API, the leg, the clock, and patience."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deploy.play.api import Api, Problem
from deploy.play.cast import Person, person
from deploy.play.script import Leg, Script

DEADLINE_S = 120.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.02, 0.5


class Stuck(Exception):
    """What should have come did not come."""


@dataclass(frozen=True)
class Scene:
    """One leg of a play against one instance; ``tell`` shows what is being done."""

    api: Api
    script: Script
    leg: Leg
    tell: Callable[[str], None]
    scale: float = 1.0
    """How much of the ballots are cast: 1 is all of them."""

    others: tuple[Api, ...] = ()
    """The other instances of the play: their clocks go along."""

    @property
    def marathon(self) -> str:
        """The id of the leg's marathon."""
        return self.script.marathon(self.leg)

    @property
    def path(self) -> str:
        """Its address below the API's root."""
        return f"/marathons/{self.marathon}"

    def step(self, *names: object) -> str:
        """The name of a step of this leg, the same at every run."""
        return "/".join(map(str, (self.marathon, *names)))

    def person(self, *part: object) -> Person:
        """Who plays a part in this leg."""
        return person(self.script.seed, self.leg.leg, *part)

    def view(self) -> dict[str, Any]:
        """The marathon as it is."""
        return dict(self.api.get(self.path))

    def state(self) -> str:
        """The state of the marathon."""
        return str(self.view()["state"])

    def rng_seed(self, *part: object) -> str:
        """A seed of this leg for a part of it."""
        return f"{self.script.seed}/{self.step(*part)}"

    def move_clock(self, to: datetime) -> None:
        """Moves the clocks of all instances forward; behind it already, one stays."""
        for api in (*self.others, self.api):
            self._move_one(api, to)

    def _move_one(self, api: Api, to: datetime) -> None:
        shown = api.find("/clock")
        if shown is None:
            raise Stuck(
                "This instance's clock can't be moved, and the play has other dates than now:"
                " start the instance with MARATHON_CLOCK_FILE."
            )
        if datetime.fromisoformat(shown["now"]) < to:
            self._move(api, to)

    def _move(self, api: Api, to: datetime) -> None:
        try:
            api.put("/clock", self.step("clock", to.isoformat()), now=to.isoformat())
        except Problem as problem:
            # Tried again after an answer that was lost: it has moved already.
            if problem.code != "clock_backwards":
                raise


def until(what: str, ask: Callable[[], Any], deadline_s: float = DEADLINE_S) -> Any:
    """What ``ask`` answers once it is true. Raises :class:`Stuck` when it never is."""
    end, pause = time.monotonic() + deadline_s, FIRST_PAUSE_S
    refused: Problem | None = None
    while True:
        try:
            found = ask()
            if found:
                return found
        except Problem as problem:
            if problem.status not in (404, 409):
                raise
            refused = problem
        if time.monotonic() > end:
            why = f" ({refused})" if refused else ""
            raise Stuck(f"After {deadline_s:.0f} s: {what}{why}")
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE_S)
