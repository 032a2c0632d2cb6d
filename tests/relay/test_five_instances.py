"""The whole Vallée du Lot, each intercommunality with an instance of its own: all goes well, and
then everything goes wrong that can.

Each instance is nearly a real one: its own RabbitMQ node, database user, four databases, four
services and a gateway as processes, set up by the operator's commands. ``marathon play`` plays
through their public APIs.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deploy.play.api import Api
from deploy.play.scene import until
from services.registration.changes import ORDER
from tests import forking
from tests.instance import SERVICES
from tests.proxy import Proxy
from tests.relay.checker import Checker
from tests.relay.conftest import vallee_du_lot
from tests.relay.consortium import Consortium, Member, Partner, make, wait_for
from tests.relay.hostile import Hostile, refused
from tests.servers import Borrowed

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

CYCLE = "vallee-du-lot-2023"
MEMBERS = (
    Member("fumel", "200068930", (1,)),
    Member("confluent", "200068922", (2,)),
    Member("villeneuve", "200023307", (3,)),
    Member("bastides", "200036523", (4,)),
    Member("tolzac", "244701405", (5,)),
)
TEN_MINUTES = 600
SIX_GB_MB = 6 * 1024
NAMES = tuple(one.name for one in MEMBERS)


@pytest.fixture
def five(
    servers: Borrowed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Consortium]:
    """Five instances that know each other and are ready, one leg each."""
    # How long they take and what they need is measured: they are started, as on a server.
    monkeypatch.setattr(forking, "allowed", False)
    made = make(tmp_path, servers.servers, MEMBERS, *vallee_du_lot(*NAMES))
    try:
        made.start()
        yield made
    finally:
        made.stop()


def check_finished(consortium: Consortium) -> None:
    """The cycle is finished everywhere, and everybody tells the same of it."""
    told = []
    for one in consortium:
        cycle = one.api(f"/cycles/{CYCLE}")
        assert cycle["state"] == "finished"
        assert [leg["state"] for leg in cycle["marathons"]] == ["closed"] * 5
        query = "SELECT term, hop, marathon, digest FROM grants ORDER BY term, hop"
        told.append(one.rows(query))
        said = "SELECT count(*) FROM outbox WHERE type = 'cycle_finished'"
        assert one.rows(said)[0][0] <= 1
    assert all(each == told[0] for each in told)
    assert [(term, hop) for term, hop, *_rest in told[0]] == [(1, n) for n in range(1, 6)]


def check_played(checker: Checker) -> None:
    """The checker saw every leg while it ran, and the holder of every hop."""
    running = [leg for leg, states in checker.played.items() if "running" in states]
    assert sorted(running) == [f"{CYCLE}-{number}" for number in range(1, 6)]
    assert set(checker.effective) == {(CYCLE, 1, hop) for hop in range(1, 6)}


def test_five_instances_play_the_whole_cycle(five: Consortium) -> None:
    began = time.monotonic()
    with Checker(list(five)) as checker:
        found = json.loads(five.play())
    seconds = time.monotonic() - began + sum(five.seconds.values())
    memory = sum(one.memory_mb for one in five)
    print(
        f"\nfive instances: {seconds:.0f} s in all {five.seconds}, play {found['seconds']} s,"
        f" {memory:.0f} MB, {checker.looks} looks, from closing to the next mobilisation"
        f" {[one['relay_seconds'] for one in found['marathons']]}"
    )
    assert {one["state"] for one in found["instances"]} == {"finished"}
    check_finished(five)
    checker.must_be_well()
    check_played(checker)
    assert memory < SIX_GB_MB
    assert seconds < TEN_MINUTES


# --- everything that can go wrong ---------------------------------------------------------


class Season:
    """What is done to the instances while the cycle is played, each thing at its moment.

    The play goes through gates of its own. At each trouble's moment they are shut, so that no
    leg is over before the trouble has begun, however fast the play jumps in time.
    """

    def __init__(self, consortium: Consortium) -> None:
        self.all = consortium
        self.gates = {one.name: Proxy(one.url) for one in consortium}
        self.troubles = (
            self.copy_taken,
            self.hostile_partner,
            self.links_cut,
            self.receiver_down,
            self.restored,
            self.broker_killed,
            self.repeated,
        )
        self.done: list[str] = []
        self.found: dict[str, Any] = {}
        self.failed: list[BaseException] = []
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Season:
        self.thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.thread.join(120)
        for gate in self.gates.values():
            gate.close()

    def must_be_done(self) -> None:
        """Fails unless every trouble was made, to its end."""
        assert self.failed == []
        assert self.done == [trouble.__name__ for trouble in self.troubles]
        assert not self.thread.is_alive()

    def _run(self) -> None:
        try:
            for trouble in self.troubles:
                trouble()
                self.done.append(trouble.__name__)
        except BaseException as error:
            self.failed.append(error)
            raise

    def state(self, number: int) -> str:
        """The state of a leg at its operator's."""
        one = self.all[NAMES[number - 1]]
        rows = one.rows("SELECT state FROM marathons WHERE leg = %s", number)
        return str(rows[0][0]) if rows else ORDER[0]

    def reached(self, number: int, *states: str) -> None:
        """Waits until a leg is in one of these states; fails at once if it was not seen there."""

        def is_there() -> bool:
            state = self.state(number)
            missed = ORDER.index(state) > max(ORDER.index(one) for one in states)
            assert not missed, f"leg {number} is {state} already, and was not seen in {states}"
            return state in states

        wait_for(is_there, 600, f"leg {number} in {states}", pause_s=0.02)

    @contextmanager
    def held(self, number: int, *states: str) -> Iterator[None]:
        """Holds the play while a leg is in one of these states, as it must be all the time."""
        self.reached(number, *states)
        self._shut()
        time.sleep(1)  # until what the play had asked for is done
        self._shut()
        try:
            assert self.state(number) in states
            yield
            assert self.state(number) in states
        finally:
            for gate in self.gates.values():
                gate.mend()

    def _shut(self) -> None:
        for gate in self.gates.values():
            gate.cut(lasting=True)

    def copy_taken(self) -> None:
        """A copy of the fourth's databases, while the first leg mobilises."""
        one = self.all["bastides"]
        with self.held(1, "mobilised", "running"):
            one.halt()
            for service in SERVICES:
                self._copy(one, service, "{}_copy", "{}")
            one.resume()

    def hostile_partner(self) -> None:
        """The fifth does to the second all that a partner can."""
        one, victim = self.all["tolzac"], self.all["confluent"]
        hostile = Hostile(one, victim, CYCLE)
        with self.held(1, "mobilised", "running"):
            now = datetime.fromisoformat(victim.api("/clock")["now"]).astimezone(UTC)
            forged = hostile.grant(now, 2, 1, 2)  # the first leg's baton, to whom it is due
            mine = hostile.grant(now, 6, 5, 3)
            assert hostile.send(hostile.signed(forged)) == 1
            assert hostile.send(hostile.changed(forged)) == 1
            assert hostile.send(hostile.signed(mine), hostile.signed(mine)) == 2
            old = hostile.old()
            assert hostile.send(*old) == len(old) > 0
            assert hostile.send(hostile.signed(forged), key="from.fumel") == 0
            assert hostile.send(hostile.too_large(100 * 1024 * 1024)) == 0
            # Some are taken: its way is open, so the two before were refused and not lost.
            taken = hostile.send(*[hostile.changed(forged)] * 5000)
            assert 0 < taken < 5000
            self.found["flood"] = taken

    def links_cut(self) -> None:
        """The second can't be reached while the first closes, for longer than a reconnect."""
        with self.held(1, "running", "ended"):
            self.all.cut("confluent")
        self.reached(1, "closed")
        time.sleep(8)
        assert not self._offered("confluent", 2)
        self.all.mend("confluent")
        mended = time.monotonic()
        wait_for(lambda: self._offered("confluent", 2), 60, "the offer after the cut")
        self.found["after the cut"] = round(time.monotonic() - mended, 1)

    def receiver_down(self) -> None:
        """The third's processes are dead while the second closes."""
        second, third = self.all["confluent"], self.all["villeneuve"]
        with self.held(2, "ended"):
            for process in third.processes.values():
                process.wanted = False
                process.kill()
        # The play waits for the third, whose town it would announce: an organiser closes.
        self.reached(2, "deliberated")
        desk = Api(second.url, second.token, "season")
        moves = f"/marathons/{CYCLE}-2/moves"
        until("the second closes", lambda: desk.post(moves, "closing", to="closed"))
        self.reached(2, "closed")
        time.sleep(5)
        assert all(process.process.poll() is not None for process in third.processes.values())
        assert not self._offered("villeneuve", 3)
        third.resume()

    def restored(self) -> None:
        """The fourth goes back to its copy, weeks old by the clock, with the epochs raised."""
        one = self.all["bastides"]
        with self.held(3, "mobilised", "running"):
            assert len(self._hops(one)) > 1
            one.halt()
            for service in SERVICES:
                self._copy(one, service, "{}", "{}_copy")
                one.marathon("events", "epoch", service, "--reason", "restored a copy", "--yes")
            one.partner("apply")
            assert self._hops(one) == [(1, 1)]
            one.resume()

    def broker_killed(self) -> None:
        """The third's broker loses its power while its leg runs, and the play goes on."""
        third = self.all["villeneuve"]
        assert third.broker
        with self.held(3, "running"):
            third.broker_down(kill=True)
        time.sleep(3)
        assert third.broker.pid() is None
        third.broker.up()

    def repeated(self) -> None:
        """All that the first and third ever said is said again, backwards and twice."""
        with self.held(4, "mobilised", "running"):
            for name in ("fumel", "villeneuve"):
                for victim in ("bastides", "tolzac"):
                    echo = Hostile(self.all[name], self.all[victim], CYCLE)
                    said = echo.old()[::-1]
                    taken = echo.send(*[body for body in said for _ in range(2)])
                    assert taken > 0
                    self.found[f"said again by {name} to {victim}"] = taken

    def _offered(self, name: str, leg: int) -> bool:
        query = "SELECT count(*) FROM relays WHERE to_marathon = %s"
        return bool(self.all[name].rows(query, f"{CYCLE}-{leg}")[0][0])

    def _hops(self, one: Partner) -> list[Any]:
        return one.rows("SELECT term, hop FROM grants ORDER BY term, hop")

    def _copy(self, one: Partner, service: str, new: str, old: str) -> None:
        name = one.database_name(service)
        assert self.all.servers
        self.all.servers.copy(new.format(name), old.format(name))


def test_nothing_is_lost_or_doubled_while_everything_goes_wrong(five: Consortium) -> None:
    with Checker(list(five)) as checker, Season(five) as season:
        found = json.loads(five.play(ways=season.gates))
    print(f"\nwith faults: play {found['seconds']} s, {season.found}, {checker.looks} looks")
    season.must_be_done()
    # The fourth's database is away while it is copied.
    checker.must_be_well(away=["bastides"])
    check_finished(five)
    check_played(checker)
    assert season.found["after the cut"] <= 10
    verdicts = refused(five["confluent"], "tolzac")
    assert {"bad_signature", "not_the_holder", "not_for_us"} <= set(verdicts)
    assert verdicts["bad_signature"] >= 2
    shown = five["confluent"].api("/partners")["refusals"]
    assert {one["verdict"] for one in shown if one["partner"] == "tolzac"} == set(verdicts)
