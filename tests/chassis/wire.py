"""Scenes on a real wire, each run in a process of its own by ``test_wire.py``.

eventlet must patch a process before anything else is imported, and pytest's own process must
not be patched; so a scene is a child process that prints what it saw as JSON. As imports take
longer than most scenes, they are done once, by a process that does nothing else but fork for
each scene that it is told of on its standard input.
"""

from __future__ import annotations

import warnings

warnings.simplefilter("ignore")
import eventlet  # noqa: E402

eventlet.monkey_patch()

import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
import traceback  # noqa: E402
from collections.abc import Callable  # noqa: E402
from contextlib import contextmanager  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from kombu import Connection  # noqa: E402
from nameko.containers import ServiceContainer  # noqa: E402
from nameko.utils.concurrency import SpawningProxy  # noqa: E402
from sqlalchemy import select  # noqa: E402

from services.chassis import logs, parked, publishing, recovery  # noqa: E402
from services.chassis.calls import Caller, nameko_config  # noqa: E402
from services.chassis.config import Settings  # noqa: E402
from services.chassis.errors import Refusal  # noqa: E402
from services.chassis.topology import exchange_of, inbox_queue  # noqa: E402
from tests.chassis.dummies import (  # noqa: E402
    CollectorService,
    PotterService,
    make_core,
    pots,
    shelf,
)


class Stage:
    """The two dummies on one broker."""

    def __init__(self, amqp_url: str, database_url: str) -> None:
        self.settings = Settings(
            secret=b"x" * 32,
            amqp_url=amqp_url,
            database_url=database_url,
            retry_delays_s=(0.05, 0.05),
            retry_poll_s=0.05,
            outbox_poll_s=0.05,
            confirm_timeout_s=2.0,
            crash_at=os.environ.get("MARATHON_CRASH_AT", ""),
            crash_marker=Path(os.environ.get("MARATHON_CRASH_MARKER", ".")),
        )
        self.cores = {
            s.name: make_core(s, self.settings) for s in (PotterService, CollectorService)
        }
        self.caller = Caller(self.settings)

    def apply_topology(self) -> None:
        with Connection(self.settings.amqp_url) as connection:
            for core in self.cores.values():
                exchange_of(core.name)(connection.channel()).declare()
                queue = inbox_queue(core.name, core.messages, self.settings)
                queue(connection.channel()).declare()

    @contextmanager
    def playing(self, *services: Any) -> Any:
        config = {**nameko_config(self.settings), "cores": self.cores}
        containers = [ServiceContainer(service, config) for service in services]
        SpawningProxy(containers).start()
        yield
        SpawningProxy(containers).stop()

    def make(self, number: int, size: int = 1) -> Any:
        return self.caller.call("potter", "make_pot", {"id": f"pot-{number}", "size": size})

    def shelf(self) -> dict[str, int]:
        with self.cores["collector"].database.transaction() as session:
            return {row.id: row.times for row in session.execute(select(shelf))}

    def failed(self, status: str | None = None) -> list[dict[str, Any]]:
        return parked.list_failed(self.cores["collector"].database, status)

    def unsent(self) -> int:
        with self.cores["potter"].database.transaction() as session:
            return publishing.waiting(session)


def until(condition: Callable[[], Any], seconds: float = 15) -> Any:
    """Waits until a condition is true, and answers it; false if it never is."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        eventlet.sleep(0.02)
    return False


def each_event_has_one_effect(stage: Stage) -> dict[str, Any]:
    stage.apply_topology()
    with stage.playing(PotterService, CollectorService):
        for number in range(20):
            stage.make(number)
        until(lambda: len(stage.shelf()) == 20)
        publish_again(stage)
        stage.make(20)
        until(lambda: len(stage.shelf()) == 21)
    return {"times": sorted(stage.shelf().values()), "unsent": stage.unsent()}


def publish_again(stage: Stage) -> None:
    """What a crash between the broker's confirmation and the mark would do."""
    from sqlalchemy import update

    from services.chassis.tables import outbox

    with stage.cores["potter"].database.transaction() as session:
        session.execute(update(outbox).values(published_at=None))


def a_poison_event_is_parked_and_replayed(stage: Stage) -> dict[str, Any]:
    stage.apply_topology()
    with stage.playing(PotterService, CollectorService):
        stage.make(1, size=-1)
        stage.make(2)
        behind = bool(until(lambda: "pot-2" in stage.shelf()))
        rows = until(lambda: stage.failed("parked"))
        CollectorService.mended = True
        replayed = parked.replay(stage.cores["collector"].database, rows[0]["event_id"])
        until(lambda: "pot-1" in stage.shelf())
    return {
        "behind": behind,
        "error": rows[0]["error"],
        "attempts": rows[0]["attempts"],
        "replayed": replayed,
        "shelf": stage.shelf(),
        "left": len(stage.failed()),
    }


def not_even_json_is_parked(stage: Stage) -> dict[str, Any]:
    stage.apply_topology()
    with stage.playing(PotterService, CollectorService):
        with Connection(stage.settings.amqp_url) as connection:
            producer = connection.Producer(exchange=exchange_of("potter"))
            for body in ({"not": "an envelope"}, ["a list"]):
                producer.publish(body, routing_key="pot_made", serializer="json")
            for key, content_type in ((".", "application/json"), (".", "application/x-nothing")):
                producer.publish(
                    b"\xff" + key.encode(),
                    routing_key="pot_made",
                    content_type=content_type,
                    content_encoding="utf-8",
                )
            connection.Producer().publish(b"{", "rpc-potter", content_type="application/json")
        stage.make(1)
        until(lambda: len(stage.failed("parked")) == 3)
        until(lambda: "pot-1" in stage.shelf())
    return {"parked": len(stage.failed("parked")), "shelf": stage.shelf()}


def an_event_waits_for_its_listeners_first_start(stage: Stage) -> dict[str, Any]:
    stage.apply_topology()
    with stage.playing(PotterService):
        stage.make(1)
        until(lambda: stage.unsent() == 0)
    with stage.playing(CollectorService):
        until(lambda: stage.shelf())
    return {"shelf": stage.shelf()}


def a_late_command_is_not_run(stage: Stage) -> dict[str, Any]:
    stage.apply_topology()
    with stage.playing(PotterService):
        stage.make(1)
    try:
        stage.caller.call("potter", "make_pot", {"id": "late", "size": 1}, deadline_s=0.3)
        refused = ""
    except Refusal as refusal:
        refused = refusal.code
    eventlet.sleep(0.1)
    with stage.playing(PotterService):
        stage.make(2)
        count = stage.caller.call("potter", "count_pots")
    return {"refused": refused, "pots": count["count"]}


def a_refusal_and_a_wrong_request_travel(stage: Stage) -> dict[str, Any]:
    stage.apply_topology()
    codes = []
    with stage.playing(PotterService):
        for request in ({"id": "a", "size": 13}, {"id": "b", "size": "big"}, {"id": "c"}):
            try:
                stage.caller.call("potter", "make_pot", request)
            except Refusal as refusal:
                codes.append([refusal.code, refusal.status])
        count = stage.caller.call("potter", "count_pots")["count"]
        # Its computation begins with a Python of its own, on a machine that may be busy.
        pot = {"id": "d", "size": 4}
        measured = stage.caller.call("potter", "measure_pot", pot, deadline_s=30)["count"]
    return {"codes": codes, "pots": count, "unsent": stage.unsent(), "measured": measured}


def an_event_that_no_queue_takes_is_kept(stage: Stage) -> dict[str, Any]:
    stage.apply_topology()
    with stage.playing(PotterService, CollectorService):
        stage.caller.call("potter", "sell_pot", {"id": "pot-1", "size": 1})
        stage.make(2)
        until(lambda: "pot-2" in stage.shelf())
        until(lambda: stage.unsent() == 1)
    return {"unsent": stage.unsent(), "shelf": stage.shelf()}


def dies_at_a_crash_point(stage: Stage) -> dict[str, Any]:
    stage.apply_topology()
    with stage.playing(PotterService, CollectorService):
        for number in range(3):
            stage.make(number)
        until(lambda: len(stage.shelf()) == 3)
        until(lambda: False, 5)  # the kill comes first: whoever gets here was not killed
    return {}


def goes_on_after_the_crash(stage: Stage) -> dict[str, Any]:
    if stage.settings.embedded:
        recovery.publish_lost_again(stage.cores)
    with stage.playing(PotterService, CollectorService):
        with stage.cores["potter"].database.transaction() as session:
            made = sorted(session.scalars(select(pots.c.id)))
        until(lambda: sorted(stage.shelf()) == made and stage.unsent() == 0)
    return {"made": made, "shelf": stage.shelf(), "unsent": stage.unsent()}


SCENES = {
    scene.__name__: scene
    for scene in (
        each_event_has_one_effect,
        a_poison_event_is_parked_and_replayed,
        not_even_json_is_parked,
        an_event_waits_for_its_listeners_first_start,
        a_late_command_is_not_run,
        a_refusal_and_a_wrong_request_travel,
        an_event_that_no_queue_takes_is_kept,
        dies_at_a_crash_point,
        goes_on_after_the_crash,
    )
}


def play(scene: str, amqp_url: str, database_url: str, env: dict[str, str], folder: str) -> None:
    """Plays a scene in this process and leaves what it saw, or why it failed, in a folder."""
    os.environ |= env
    out = Path(folder)
    with (out / "stderr").open("w") as errors:
        os.dup2(errors.fileno(), 2)
    try:
        found = SCENES[scene](Stage(amqp_url, database_url))
        (out / "stdout").write_text(json.dumps(found))
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def serve() -> None:
    """Forks for each line; answers with the status that the scene's process ended with."""
    for line in sys.stdin:
        pid = fork()
        if not pid:
            play(**json.loads(line))
        print(os.waitstatus_to_exitcode(waitpid(pid, 0)[1]), flush=True)


# As they were: this process itself waits, and has no green threads.
fork, waitpid = (getattr(eventlet.patcher.original("os"), name) for name in ("fork", "waitpid"))

if __name__ == "__main__":
    logs.set_up("WARNING")
    serve()
