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
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from services.chassis.errors import Refusal
from services.registration.partners import chain, told
from tests.registration.partners.hostile import Hostile, altered
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
        self.passed = data.draw(st.integers(0, 1))
        folder = Path(self.folder.name)
        self.partners = scene(folder, self.operators, NAMES[0], self.passed)
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

    @precondition(lambda self: self.mute is None)
    @rule(act=st.booleans())
    def go_on(self, act: bool) -> None:
        """For once nothing goes wrong, and everybody does what is theirs to do."""
        if act:
            self._everybody()
        self.partners.quiet()

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
            if self.is_finished():
                break
            if not self._everybody():
                self._step_in()
        assert self.is_finished(), self.where()
        for instance in self.partners:
            assert instance.player.failed() == []
        if self.calm:
            states = [
                self.partners.operator(leg).state(leg) for leg in range(1, len(self.operators) + 1)
            ]
            assert states == ["closed"] * len(self.operators), self.where()

    def honest(self) -> list[Instance]:
        """Those for whom the promises are made."""
        return list(self.partners)

    def is_finished(self) -> bool:
        return all(instance.is_finished() for instance in self.honest())

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


class HostileMachine(RelayMachine):
    """The same with one partner that signs what it likes; its own instance goes on beside it.

    What must hold, holds among the others. The joint body is trusted: its word raises terms.
    """

    casts: tuple[tuple[str, ...], ...] = (NAMES[:3], NAMES)

    @initialize(data=st.data())
    def open(self, data: st.DataObject) -> None:
        super().open(data)
        self.calm = False
        # Whoever has the baton now can do most harm; but the joint body is trusted.
        others = [self.operators[max(1, self.passed)], *self.operators[1:]]
        self.hostile = Hostile(self.partners, data.draw(st.sampled_from(others)))
        self.victim = self.hostile.name  # one fault at a time: none of the others is restored

    def honest(self) -> list[Instance]:
        return [one for one in self.partners if one.name != self.hostile.name]

    def look(self) -> None:
        self.ledger.look((one.name, one.path) for one in self.honest())

    def place(self) -> tuple[int, int]:
        """The place after the latest grant, as the hostile instance knows it."""
        term, hop, *_rest = self.hostile.instance.grants()[-1]
        return term, hop + 1

    def strike(self, document: dict[str, Any], via: str | None = None) -> None:
        """Sends a package to whom it is for, on the hostile partner's channel."""
        recipient = document["to"]
        if recipient == self.hostile.name:
            return
        receipt = self.partners[recipient].receive(document, via or self.hostile.name)
        if receipt.verdict not in ("accepted", "repeated", "early"):
            seen = self.partners[recipient].refusals()
            assert (self.hostile.name, receipt.verdict) in seen, (receipt, seen)
        self.collect()

    @rule(data=st.data(), early=st.booleans())
    def pass_it(self, data: st.DataObject, early: bool) -> None:
        """It grants to whom it likes: twice, without having closed, or what it never had."""
        to_leg = data.draw(st.integers(1, len(self.operators)))
        changes: dict[str, Any] = {"leg": None} if early else {}
        if self.operators[to_leg - 1] != self.hostile.name:
            self.strike(self.hostile.grant(to_leg, self.place(), **changes))

    @rule(data=st.data())
    def forge(self, data: st.DataObject) -> None:
        """It grants another one's baton, or raises the term, in whoever's name."""
        legs = st.integers(1, len(self.operators))
        from_leg, to_leg = data.draw(legs), data.draw(legs)
        sender = data.draw(st.sampled_from(self.names))
        reason = data.draw(st.sampled_from([None, "Ville prête"]))
        term, hop = self.place()
        at = (term + 7, hop) if reason else (term, data.draw(st.integers(2, hop)))
        document = self.hostile.grant(to_leg, at, from_leg=from_leg, sender=sender, reason=reason)
        self.strike(document)

    @precondition(lambda self: self.partners.sent)
    @rule(data=st.data(), change=st.booleans())
    def replay(self, data: st.DataObject, change: bool) -> None:
        """It sends again what it has seen, as it was or with a byte changed."""
        parcel = data.draw(st.sampled_from(self.partners.sent[-60:]))
        self.strike(altered(parcel.document) if change else parcel.document)

    @rule(data=st.data())
    def lie(self, data: st.DataObject) -> None:
        """It tells everybody who asks that it knows nothing, or of grants that never were."""
        to = data.draw(st.sampled_from([one.name for one in self.honest()]))
        chain = []
        if data.draw(st.booleans()):
            place = self.place()
            chain = [self.hostile.grant(leg, place) for leg in (1, len(self.operators))]
        self.strike(self.hostile.notice(to, chain=chain, answers=self.partners[to].core.run))

    @rule(data=st.data())
    def flood(self, data: st.DataObject) -> None:
        """It offers what it has not, many times."""
        to_leg = data.draw(st.integers(1, len(self.operators)))
        for _ in range(3):
            self.strike(self.hostile.offer(to_leg, self.place()))


PLAYING = ("mobilised", "running", "ended", "deliberated")
QUIET: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "print_blob": True,
}


class Few(RelayMachine):
    """Two and three partners, one of them with two legs."""

    casts = CASTS[:3]


class FewHostile(HostileMachine):
    """Three partners, one of them hostile."""

    casts = CASTS[1:2]


class TestRelayMachine(Few.TestCase):  # type: ignore[valid-type,misc]
    """The ordinary run: some examples, the same each time."""

    settings = settings(max_examples=5, stateful_step_count=20, derandomize=True, **QUIET)


class TestHostileMachine(FewHostile.TestCase):  # type: ignore[valid-type,misc]
    """The ordinary run: some examples, the same each time."""

    settings = settings(max_examples=3, stateful_step_count=20, derandomize=True, **QUIET)


@pytest.mark.long
class TestRelayMachineLong(RelayMachine.TestCase):  # type: ignore[valid-type,misc]
    """Two to five partners, many examples."""

    settings = settings(max_examples=150, stateful_step_count=40, **QUIET)


@pytest.mark.long
class TestHostileMachineLong(HostileMachine.TestCase):  # type: ignore[valid-type,misc]
    """Three and five partners, many examples."""

    settings = settings(max_examples=80, stateful_step_count=30, **QUIET)


# --- the checks can fail ------------------------------------------------------------------


def test_the_check_sees_a_restored_holder_that_was_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the rule that a start waits to be told, a baton that moved on mobilises again."""
    partners = scene(tmp_path / "all", NAMES[:3])
    ledger = Ledger()
    confluent = partners[NAMES[1]]
    partners[NAMES[0]].close(1)
    partners.quiet()
    confluent.call("answer_relay", relay=confluent.relay(), answer="accepted")
    while not confluent.holds(2):
        partners.collect()
        partners.deliver(partners.on_the_way.pop(0))
    confluent.back_up(tmp_path / "old")
    partners.quiet()
    partners.pass_on(2)
    ledger.look((one.name, one.path) for one in partners)
    confluent.restore(tmp_path / "old")
    confluent.tick()
    assert confluent.state(2) == "announced"
    ledger.look((one.name, one.path) for one in partners)
    monkeypatch.setattr(told, "is_told", lambda work, cycle: True)
    confluent.tick()
    assert confluent.state(2) == "mobilised"
    with pytest.raises(AssertionError, match="the baton was passed on"):
        ledger.look((one.name, one.path) for one in partners)
    partners.finish()


@pytest.mark.long
def test_the_machine_finds_out_that_witnesses_do_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same machine, with the rule taken away that most partners must hold a grant.

    ``test_hostile.py`` has the shortest way to it.
    """
    monkeypatch.setattr(chain, "needed", lambda cycle, grant: 0)
    many = settings(max_examples=100, stateful_step_count=25, phases=[Phase.generate], **QUIET)
    with pytest.raises(AssertionError, match="two grants of term"):
        run_state_machine_as_test(FewHostile, settings=many)
