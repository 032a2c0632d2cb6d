"""Whatever is done to a cycle, in whatever order, it keeps its promises (RULES C1, DESIGN §5)."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import func, select

from services.chassis import tables, territory
from services.chassis.errors import Refusal
from services.registration.marathons import MOVES
from services.registration.tables import Grant, Marathon, Move, Relay
from tests.registration.season import FIRST, SECOND, THIRD, Season

LEGS = (FIRST, SECOND, THIRD)
PLAYED = {"mobilised", "running", "ended", "deliberated"}
OVER = {"closed", "cancelled"}
EPCI = territory.load().epci("200068922")
assert EPCI is not None
SECRET = EPCI.communes[4]
legs = st.sampled_from(LEGS)


class CycleMachine(RuleBasedStateMachine):
    """A cycle of three legs, to which anything may be done at any time."""

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.season = Season(f"sqlite:///{self.folder.name}/{{service}}.sqlite")
        self.season.open()

    def teardown(self) -> None:
        if hasattr(self, "season"):
            self.season.troupe.close()
            self.folder.cleanup()

    def attempt(self, door: str, **request: Any) -> None:
        """Asks at a door; a refusal must leave everything as it was."""
        before = self.everything()
        try:
            self.season.call(door, **request)
        except Refusal:
            assert self.everything() == before

    def everything(self) -> list[Any]:
        """All that is stored, row by row."""
        kept = (*(t.__table__ for t in (Marathon, Move, Relay, Grant)), tables.outbox)
        with self.season.registration.session() as session:
            return [list(map(str, session.execute(select(table)))) for table in kept]

    @rule(leg=legs, to=st.sampled_from(["running", "cancelled"]), override=st.booleans())
    def move(self, leg: str, to: str, override: bool) -> None:
        self.attempt("move_marathon", marathon=leg, to=to, override=override, reason="essai")

    @rule()
    def move_on(self) -> None:
        for leg in self.played():
            self.publish(leg)
            self.season.troupe.deliver()
            self.move(leg, MOVES[self.season.state(leg)][0], override=True)

    @rule()
    def play_to_the_end(self) -> None:
        for _ in range(4):
            self.move_on()
        self.season.troupe.deliver()

    def played(self) -> list[str]:
        return [leg for leg in LEGS if self.season.state(leg) in PLAYED]

    @precondition(lambda self: self.season.state(FIRST) in OVER)
    @rule(answer=st.sampled_from(["accepted", "accepted", "refused"]), back=st.integers(1, 3))
    def answer(self, answer: str, back: int) -> None:
        offers = self.season.call("list_relays", cycle="saison")[-back:]
        if offers:
            self.attempt("answer_relay", relay=offers[0]["id"], answer=answer)

    @rule(leg=legs)
    def reassign(self, leg: str) -> None:
        self.attempt("reassign_relay", cycle="saison", to_marathon=leg, reason="essai")

    @rule(reveal=st.booleans())
    def set_the_secret_host(self, reveal: bool) -> None:
        self.attempt("set_host", marathon=SECOND, insee=SECRET.insee)
        if reveal:
            self.reveal()

    def reveal(self) -> None:
        self.attempt("reveal_host", marathon=SECOND)

    @rule(leg=legs)
    def publish(self, leg: str) -> None:
        if self.season.state(leg) in ("ended", "deliberated"):
            self.season.registration.hear(self.season.palmares_letter(leg))

    @rule(leg=legs, days=st.integers(-1, 20))
    def schedule(self, leg: str, days: int) -> None:
        starts_at = self.season.troupe.clock.now() + timedelta(days=days)
        self.attempt("change_marathon", marathon=leg, starts_at=starts_at.isoformat())

    @rule(hours=st.sampled_from([0, 1, 36, 24 * 15]))
    def wait(self, hours: int) -> None:
        self.season.troupe.clock.move_by(timedelta(hours=hours))
        self.season.registration.tick()

    @rule(twice=st.booleans(), backwards=st.booleans())
    def deliver(self, twice: bool, backwards: bool) -> None:
        self.season.troupe.deliver(
            order=(lambda letters: letters[::-1]) if backwards else None, twice=twice
        )

    # --- the promises ---------------------------------------------------------------------

    @invariant()
    def moves_are_legal_and_without_a_gap(self) -> None:
        for leg in LEGS:
            state = "draft"
            for line in self.season.call("get_desk", marathon=leg)["log"]:
                assert line["from"] == state
                assert line["to"] in MOVES[state]
                state = line["to"]
            assert self.season.state(leg) == state

    @invariant()
    def one_marathon_at_a_time_is_played_and_it_has_had_the_baton(self) -> None:
        states = {leg: self.season.state(leg) for leg in LEGS}
        assert len([leg for leg, state in states.items() if state in PLAYED]) <= 1
        with self.season.registration.session() as session:
            holders = set(session.scalars(select(Grant.marathon)))
        assert {leg for leg, state in states.items() if state in PLAYED | {"closed"}} <= holders

    @invariant()
    def the_last_word_said_is_the_state(self) -> None:
        last = {letter["subject"]: letter["data"] for letter in self.season.registration.said()}
        for leg in LEGS:
            shown = self.season.call("get_marathon", marathon=leg)
            said = {key: last[leg][key] for key in shown if key in last[leg]}
            assert said == {key: shown[key] for key in said}
        for offer in self.season.call("list_relays", cycle="saison"):
            assert last[offer["id"]]["state"] == offer["state"]

    @invariant()
    def one_offer_is_open_at_most(self) -> None:
        states = [state for *_, state in self.season.relays()]
        assert states.count("offered") <= 1

    @invariant()
    def a_secret_host_is_in_no_event(self) -> None:
        if not self.season.call("get_marathon", marathon=SECOND)["revealed"]:
            with self.season.registration.session() as session:
                texts = [
                    str(envelope) for envelope in session.scalars(select(tables.outbox.c.envelope))
                ]
            assert not [text for text in texts if SECRET.insee in text or SECRET.name in text]

    @invariant()
    def a_cycle_ends_once(self) -> None:
        with self.season.registration.session() as session:
            query = select(func.count()).where(tables.outbox.c.type == "cycle_finished")
            count = session.scalar(query)
        finished = self.season.call("get_cycle", cycle="saison")["state"] == "finished"
        assert count == (1 if finished else 0)
        if finished:
            assert {self.season.state(leg) for leg in LEGS} <= OVER


TestCycleMachine = CycleMachine.TestCase
TestCycleMachine.settings = settings(
    max_examples=6,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
