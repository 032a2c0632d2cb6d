"""Model check: whatever network, processes, copies and people do, the baton is one (DESIGN §5).

The instances are real, each with its database; the machine is the network and everybody's hand.
After every step the ledger looks at all databases; at the end, with all links whole and
everybody answering, the relay reaches the finale and everybody knows that the cycle is over.
"""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.chassis.errors import Refusal
from tests.registration.partners.scenes import MEMORY, scene
from tests.registration.partners.stage import CYCLE, NAMES, Instance, Parcel
from tests.registration.partners.world import Ledger

MOST_ON_THE_WAY = 40

CASTS: tuple[tuple[str, ...], ...] = (
    NAMES[:2],
    NAMES[:3],
    (NAMES[0], NAMES[1], NAMES[1], NAMES[2]),
    NAMES,
)


class RelayMachine(RuleBasedStateMachine):
    """Several instances, a network, processes that end, and people."""

    casts = CASTS

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY)
        self.calm = True
        """Whether everybody said yes to everything and nothing was restored or reassigned."""

    @initialize(data=st.data())
    def open(self, data: st.DataObject) -> None:
        self.operators = data.draw(st.sampled_from(self.casts))
        self.partners = scene(Path(self.folder.name), self.operators, NAMES[0])
        self.names = list(self.partners.instances)
        # One instance is ever restored: two at once can forget what both had seen.
        self.victim = data.draw(st.sampled_from(self.names))
        self.backup: Path | None = None
        self.mute: str | None = None
        self.ledger = Ledger()

    def teardown(self) -> None:
        try:
            if hasattr(self, "ledger"):
                self.heal()
        finally:
            if hasattr(self, "partners"):
                self.partners.finish()
            self.folder.cleanup()

    # --- the network ----------------------------------------------------------------------

    @property
    def on_the_way(self) -> list[Parcel]:
        return self.partners.on_the_way

    def collect(self) -> None:
        self.partners.collect()
        self.partners.on_the_way = [
            parcel
            for parcel in self.on_the_way[-MOST_ON_THE_WAY:]
            if self.mute not in (parcel.sender, parcel.recipient)
        ]

    def pick(self, data: st.DataObject) -> int:
        return data.draw(st.integers(0, len(self.on_the_way) - 1))

    @precondition(lambda self: self.on_the_way)
    @rule(data=st.data(), again=st.booleans())
    def deliver(self, data: st.DataObject, again: bool) -> None:
        """One package arrives, whichever; it may come again."""
        index = self.pick(data)
        parcel = self.on_the_way[index] if again else self.on_the_way.pop(index)
        self.partners.deliver(parcel)
        self.collect()

    @precondition(lambda self: self.on_the_way)
    @rule(turn=st.booleans())
    def deliver_all(self, turn: bool) -> None:
        """All that is on its way arrives, as it was sent or the other way round."""
        parcels, self.partners.on_the_way = self.on_the_way, []
        for parcel in reversed(parcels) if turn else parcels:
            self.partners.deliver(parcel)
        self.collect()

    @precondition(lambda self: self.on_the_way)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        """A package is lost."""
        self.on_the_way.pop(self.pick(data))

    @rule(data=st.data())
    def silence(self, data: st.DataObject) -> None:
        """A partner is cut off, another one again within reach."""
        self.mute = data.draw(st.sampled_from([None, *self.names]))

    # --- processes ------------------------------------------------------------------------

    def draw(self, data: st.DataObject) -> Instance:
        return self.partners[data.draw(st.sampled_from(self.names))]

    @rule(data=st.data())
    def tick(self, data: st.DataObject) -> None:
        """An instance lets fall due what is due."""
        self.draw(data).tick()
        self.collect()

    @rule(by=st.sampled_from([timedelta(seconds=3), timedelta(minutes=11), timedelta(days=8)]))
    def move(self, by: timedelta) -> None:
        """Time passes."""
        if by > timedelta(days=1):
            self.calm = False  # an offer may expire
        self.partners.move(by)

    @rule(data=st.data(), after=st.integers(0, 60))
    def crash(self, data: st.DataObject, after: int) -> None:
        """A process ends in the middle of what it does, and another starts."""
        instance = self.draw(data)
        mine = [one for one in self.on_the_way if one.recipient == instance.name]
        with instance.crashing(after):
            if mine:
                self.partners.deliver(mine[0])
            else:
                instance.tick()
        instance.troupe.deliver()

    @rule(data=st.data())
    def restart(self, data: st.DataObject) -> None:
        """A process ends and another starts."""
        self.draw(data).restart()

    @rule()
    def back_up(self) -> None:
        """The victim's database is copied."""
        self.backup = Path(self.folder.name) / "backup"
        self.partners[self.victim].back_up(self.backup)

    @precondition(lambda self: self.backup is not None)
    @rule()
    def restore(self) -> None:
        """The victim is restored from its copy."""
        assert self.backup is not None
        self.calm = False
        self.partners[self.victim].restore(self.backup)

    # --- people ---------------------------------------------------------------------------

    def attempt(self, instance: Instance, door: str, **request: Any) -> bool:
        try:
            instance.call(door, **request)
        except Refusal:
            return False
        return True

    @rule(data=st.data(), answer=st.sampled_from(["accepted"] * 4 + ["refused"]))
    def answer(self, data: st.DataObject, answer: str) -> None:
        """An organiser answers the offers on the desk."""
        self.calm = self.calm and answer == "accepted"
        self._answer(self.draw(data), answer)
        self.collect()

    def _answer(self, instance: Instance, answer: str) -> bool:
        answered = [
            self.attempt(instance, "answer_relay", relay=relay, answer=answer)
            for relay in instance.relay_ids("offered")
        ]
        return any(answered)

    @rule(data=st.data())
    def play(self, data: st.DataObject) -> None:
        """A mobilised leg is played to its end."""
        self._play(self.draw(data))
        self.collect()

    def _play(self, instance: Instance) -> bool:
        played = [leg for leg in self._legs(instance) if instance.state(leg) in PLAYING]
        for leg in played:
            instance.close(leg)
        return bool(played)

    def _legs(self, instance: Instance) -> list[int]:
        return [
            number for number, operator in enumerate(self.operators, 1) if operator == instance.name
        ]

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """A leg is cancelled."""
        self.calm = False
        leg = data.draw(st.integers(1, len(self.operators)))
        operator = self.partners.operator(leg)
        marathon = f"{CYCLE}-{leg}"
        self.attempt(operator, "move_marathon", marathon=marathon, to="cancelled", reason="Crue")
        operator.troupe.deliver()
        self.collect()

    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        """An organiser takes an offer back."""
        self.calm = False
        instance = self.draw(data)
        for relay in instance.relay_ids("offered", "accepted"):
            self.attempt(instance, "withdraw_relay", relay=relay)
        self.collect()

    @rule(data=st.data())
    def offer(self, data: st.DataObject) -> None:
        """An organiser offers the baton to a host of choice."""
        self.calm = False
        leg = data.draw(st.integers(1, len(self.operators)))
        instance = self.draw(data)
        self.attempt(instance, "offer_relay", cycle=CYCLE, to_marathon=f"{CYCLE}-{leg}")
        self.collect()

    @rule(data=st.data(), even_unheard=st.booleans())
    def reassign(self, data: st.DataObject, even_unheard: bool) -> None:
        """The joint body gives the baton to another."""
        self.calm = False
        leg = data.draw(st.integers(1, len(self.operators)))
        self._reassign(leg, even_unheard)
        self.collect()

    def _reassign(self, leg: int, even_unheard: bool = False) -> bool:
        request = {"cycle": CYCLE, "to_marathon": f"{CYCLE}-{leg}", "reason": "Ville prête"}
        more = {**request, "even_unheard": even_unheard}
        return self.attempt(self.partners[NAMES[0]], "reassign_relay", **more)

    # --- what must hold -------------------------------------------------------------------

    @invariant()
    def holds(self) -> None:
        if hasattr(self, "ledger"):
            self.look()

    def look(self) -> None:
        self.ledger.look((one.name, one.path) for one in self.partners)

    def heal(self) -> None:
        """All links are whole and everybody answers: the relay reaches the finale."""
        self.mute = None
        self.partners.on_the_way = []
        # After this, whatever was lost is sent again.
        self.partners.move(timedelta(hours=2))
        for _ in range(8 * len(self.operators) + 8):
            self.partners.move(timedelta(seconds=3))
            self.partners.quiet()
            self.look()
            if all(instance.is_finished() for instance in self.partners):
                break
            if not self._everybody():
                self._step_in()
        assert all(instance.is_finished() for instance in self.partners), self.where()
        for instance in self.partners:
            assert instance.player.failed() == []
        if self.calm:
            states = [
                self.partners.operator(leg).state(leg) for leg in range(1, len(self.operators) + 1)
            ]
            assert states == ["closed"] * len(self.operators), self.where()

    def _everybody(self) -> bool:
        """Everybody does what is theirs to do; whether there was anything."""
        acted = [self._answer(one, "accepted") or self._play(one) for one in self.partners]
        return any(acted)

    def _step_in(self) -> None:
        """Nothing moves: the holder's organiser, the joint body, or the end of a leg."""
        self.calm = False
        waiting = [
            leg
            for leg in range(1, len(self.operators) + 1)
            if self.partners.operator(leg).state(leg) == "announced"
        ]
        for leg in waiting:
            request = {"cycle": CYCLE, "to_marathon": f"{CYCLE}-{leg}"}
            offered = [self.attempt(one, "offer_relay", **request) for one in self.partners]
            if any(offered):
                return
        if not any(self._reassign(leg) for leg in waiting):
            for leg in waiting:
                self.partners.operator(leg).cancel(leg)

    def where(self) -> str:
        """What is where, for a failure."""
        return "\n".join(
            f"{one.name}: {[one.state(leg) for leg in range(1, len(self.operators) + 1)]} "
            f"{one.grants()} {one.relays()}"
            for one in self.partners
        )


PLAYING = ("mobilised", "running", "ended", "deliberated")
QUIET: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "print_blob": True,
}


class TestRelayMachine(RelayMachine.TestCase):  # type: ignore[valid-type,misc]
    """The ordinary run: some examples, the same each time."""

    settings = settings(max_examples=12, stateful_step_count=25, derandomize=True, **QUIET)


@pytest.mark.long
class TestRelayMachineLong(RelayMachine.TestCase):  # type: ignore[valid-type,misc]
    """Many examples."""

    settings = settings(max_examples=400, stateful_step_count=50, **QUIET)
