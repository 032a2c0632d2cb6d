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
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

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
def five(servers: Borrowed, tmp_path: Path) -> Iterator[Consortium]:
    """Five instances that know each other and are ready, one leg each."""
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
    assert len(checker.effective) == 5
    assert memory < SIX_GB_MB
    assert seconds < TEN_MINUTES


# --- everything that can go wrong ---------------------------------------------------------


class Season:
    """What is done to the instances while the cycle is played, each thing at its moment."""

    def __init__(self, consortium: Consortium) -> None:
        self.all = consortium
        self.done: dict[str, Any] = {}
        self.failed: list[BaseException] = []
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            for trouble in (
                self.copy_taken,
                self.hostile_partner,
                self.links_cut,
                self.receiver_down,
                self.broker_killed,
                self.restored,
                self.repeated,
            ):
                trouble()
        except BaseException as error:
            self.failed.append(error)
            raise

    def leg(self, number: int, *states: str) -> None:
        """Waits until a leg is in one of these states at its operator's."""
        one = self.all[NAMES[number - 1]]
        query = "SELECT state FROM marathons WHERE leg = %s"
        wait_for(
            lambda: _quietly(lambda: one.rows(query, number)[0][0] in states),
            900,
            f"leg {number} in {states}",
        )

    def copy_taken(self) -> None:
        """A copy of the fourth's databases, while the first leg mobilises."""
        self.leg(1, "mobilised", "running")
        one = self.all["bastides"]
        one.halt()
        for service in ("registration", "venues", "voting", "jury"):
            self._copy(one, service, "{}_copy", "{}")
        one.resume()

    def hostile_partner(self) -> None:
        """The fifth does to the second all that a partner can."""
        one, victim = self.all["tolzac"], self.all["confluent"]
        hostile = Hostile(one, victim, CYCLE)
        now = datetime.fromisoformat(victim.get("/api/v1/clock")["now"]).astimezone(UTC)
        forged = hostile.grant(now, 2, 1, 5)
        mine = hostile.grant(now, 6, 5, 3)
        assert hostile.send(hostile.signed(forged)) == 1
        assert hostile.send(hostile.changed(forged)) == 1
        assert hostile.send(hostile.signed(mine), hostile.signed(mine)) == 2
        old = hostile.old()
        assert hostile.send(*old) == len(old)
        assert hostile.send(hostile.signed(forged), key="from.fumel") == 0
        assert hostile.send(hostile.too_large(100 * 1024 * 1024)) == 0
        self.done["flood"] = hostile.send(*[hostile.changed(forged)] * 5000)
        self.done["hostile"] = True

    def links_cut(self) -> None:
        """The second can't be reached while the first closes, for longer than a reconnect."""
        self.leg(1, "deliberated")
        self.all.cut("confluent")
        self.leg(1, "closed")
        time.sleep(8)
        assert not self._offered("confluent", 2)
        self.all.mend("confluent")
        mended = time.monotonic()
        wait_for(lambda: self._offered("confluent", 2), 60, "the offer after the cut")
        self.done["after the cut"] = round(time.monotonic() - mended, 1)

    def receiver_down(self) -> None:
        """The third's processes are dead while the second closes."""
        third = self.all["villeneuve"]
        self.leg(2, "deliberated")
        revealed = "SELECT count(*) FROM hosts WHERE revealed_at IS NOT NULL"
        wait_for(lambda: third.rows(revealed)[0][0], 120, "the third's town")
        for process in third.processes.values():
            process.wanted = False
            process.process.kill()
        self.leg(2, "closed")
        time.sleep(5)
        third.resume()
        self.leg(3, "mobilised", "running")

    def broker_killed(self) -> None:
        """The third's broker loses its power."""
        third = self.all["villeneuve"]
        self.leg(3, "running")
        third.broker_down(kill=True)
        time.sleep(3)
        assert third.broker
        third.broker.up()

    def restored(self) -> None:
        """The fourth goes back to its copy, weeks old by the clock, with the epochs raised."""
        self.leg(3, "running", "ended")
        one = self.all["bastides"]
        one.halt()
        for service in ("registration", "venues", "voting", "jury"):
            self._copy(one, service, "{}", "{}_copy")
            one.marathon("events", "epoch", service, "--reason", "restored a copy", "--yes")
        one.partner("apply")
        one.resume()
        self.done["restored"] = True

    def repeated(self) -> None:
        """All that the first and third ever said is said again, backwards and twice."""
        self.leg(4, "mobilised", "running")
        for name in ("fumel", "villeneuve"):
            for victim in ("bastides", "tolzac"):
                echo = Hostile(self.all[name], self.all[victim], CYCLE)
                said = echo.old()[::-1]
                echo.send(*[body for body in said for _ in range(2)])
        self.done["repeated"] = True

    def _offered(self, name: str, leg: int) -> bool:
        query = "SELECT count(*) FROM relays WHERE to_marathon = %s"
        return bool(self.all[name].rows(query, f"{CYCLE}-{leg}")[0][0])

    def _copy(self, one: Partner, service: str, new: str, old: str) -> None:
        name = one.database_name(service)
        assert self.all.servers
        self.all.servers.copy(new.format(name), old.format(name))


def _quietly(ask: Any) -> Any:
    """What it answers; nothing while a database is away."""
    try:
        return ask()
    except Exception:
        return None


def test_nothing_is_lost_or_doubled_while_everything_goes_wrong(five: Consortium) -> None:
    season = Season(five)
    with Checker(list(five)) as checker:
        season.thread.start()
        found = json.loads(five.play())
        season.thread.join(120)
    assert season.failed == []
    print(f"\nwith faults: play {found['seconds']} s, {season.done}, {checker.looks} looks")
    checker.must_be_well()
    check_finished(five)
    assert season.done["after the cut"] <= 10
    verdicts = refused(five["confluent"], "tolzac")
    assert {"bad_signature", "not_the_holder"} <= set(verdicts)
    assert verdicts["bad_signature"] >= 2
    assert season.done["flood"] < 5000
    shown = five["confluent"].api("/partners")["refusals"]
    assert {one["verdict"] for one in shown if one["partner"] == "tolzac"} == set(verdicts)
