"""The two measured wires, ours and bare nameko's: asker, speaker and listener a process each.

``python -m tests.benchmarks.wire events ours|bare AMQP_URL DATABASE_URL`` prints the seconds of
each as a JSON list; ``… calls AMQP_URL OTHER_AMQP_URL DATABASE_URL`` those of ours and of bare
nameko's, taken in turns so that both see the same machine. Processes compare times by the
machine's monotonic clock.
"""

from __future__ import annotations

import warnings

warnings.simplefilter("ignore")
import eventlet  # noqa: E402

eventlet.monkey_patch()

import json  # noqa: E402
import os  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from contextlib import contextmanager, suppress  # noqa: E402
from typing import Any  # noqa: E402

from eventlet.hubs import trampoline  # noqa: E402
from kombu import Connection  # noqa: E402
from nameko.containers import ServiceContainer  # noqa: E402
from nameko.events import EventDispatcher, event_handler  # noqa: E402
from nameko.rpc import rpc  # noqa: E402

from services.chassis.calls import Caller, nameko_config  # noqa: E402
from services.chassis.config import Settings  # noqa: E402
from services.chassis.topology import exchange_of, inbox_queue  # noqa: E402
from tests.chassis.dummies import (  # noqa: E402
    COLLECTOR,
    CollectorService,
    PotterService,
    make_core,
)

CALLS = 800
TURNS = 20
EVENTS = int(os.environ.get("BENCH_EVENTS", "400"))
RATE_PER_S = 100
noted: dict[str, float] = {}
"""When this process committed (a speaker) or had handled (a listener) each event."""


class BareSpeaker:
    """What nameko alone does: a call answered, an event dispatched."""

    name = "potter"
    dispatch = EventDispatcher()

    @rpc
    def count_pots(self, request: Any) -> Any:
        return {"ok": {"count": 1}}

    @rpc
    def make_pot(self, request: Any) -> Any:
        noted[request["id"]] = time.perf_counter()
        self.dispatch("pot_made", request)
        return {"ok": request}


class BareListener:
    """What nameko alone does: an event handled."""

    name = "collector"

    @event_handler("potter", "pot_made")
    def heard(self, payload: Any) -> None:
        noted[payload["id"]] = time.perf_counter()


def play(whose: str, role: str, settings: Settings) -> None:
    """A child: plays one role until its input ends, then prints what was handled when."""
    config = nameko_config(settings)
    if whose == "bare":
        service: Any = {"speaker": BareSpeaker, "listener": BareListener}[role]
    else:
        service = {"speaker": PotterService, "listener": CollectorService}[role]
        core = make_core(service, settings)
        _note_times(core)
        config["cores"] = {service.name: core}
    container = ServiceContainer(service, config)
    container.start()
    print("ready", flush=True)
    trampoline(sys.stdin, read=True)  # not sys.stdin.read(): it would stop all green threads
    print(json.dumps(noted), flush=True)
    container.stop()


def _note_times(core: Any) -> None:
    hear, edit = core.hear, core.edit

    def heard(run: Any, raw: Any) -> None:
        hear(run, raw)
        noted[raw["subject"]] = time.perf_counter()

    def edited(door: str, run: Any, request: Any, *more: Any) -> Any:
        answer = edit(door, run, request, *more)
        noted[request["id"]] = time.perf_counter()
        return answer

    core.hear, core.edit = heard, edited


def measure_calls(callers: dict[str, Caller]) -> dict[str, list[float]]:
    """Seconds of each round trip, by caller; a few of one, then a few of the other."""
    took: dict[str, list[float]] = {whose: [] for whose in callers}
    for turn in range(TURNS):
        for whose, caller in callers.items():
            for _ in range(CALLS // TURNS):
                began = time.perf_counter()
                caller.call("potter", "count_pots", {})
                # The first turns warm up both.
                if turn > 1:
                    took[whose].append(time.perf_counter() - began)
    return took


def calls(ours: Settings, bare: Settings) -> dict[str, list[float]]:
    """Ours and bare nameko's round trips, in one run."""
    apply_topology(ours)
    with playing("ours", ours), playing("bare", bare):
        return measure_calls({"ours": Caller(ours), "bare": Caller(bare)})


def say_events(call: Callable[[str, Any], Any]) -> None:
    """Makes events at the given rate, and waits for the commands' answers."""
    pool = eventlet.GreenPool(20)
    began = time.perf_counter()
    for number in range(EVENTS):
        pool.spawn(call, "make_pot", {"id": f"pot-{number}", "size": 1})
        eventlet.sleep(max(0.0, began + (number + 1) / RATE_PER_S - time.perf_counter()))
    pool.waitall()


@contextmanager
def playing(whose: str, settings: Settings) -> Any:
    """Speaker and listener in processes of their own."""
    command = [sys.executable, "-m", "tests.benchmarks.wire", "play", whose]
    urls = [settings.amqp_url, settings.database_url]
    children = [
        subprocess.Popen(
            [*command, *urls, role], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for role in ("speaker", "listener")
    ]
    try:
        for child in children:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
        yield children
    finally:
        for child in children:
            with suppress(OSError):
                child.communicate(timeout=20)


def finish(child: Any) -> dict[str, float]:
    """Ends a child; answers what it noted."""
    child.stdin.close()
    answer: dict[str, float] = json.loads(child.stdout.readline())
    child.stdin = None
    return answer


def apply_topology(settings: Settings) -> None:
    """Declares the dummies' exchange and queue."""
    with Connection(settings.amqp_url) as connection:
        exchange_of("potter")(connection.channel()).declare()
        inbox_queue("collector", COLLECTOR, settings)(connection.channel()).declare()


def events(whose: str, settings: Settings) -> list[float]:
    """Seconds from each event's commit to its effect's."""
    if whose == "ours":
        apply_topology(settings)
    caller = Caller(settings)
    with playing(whose, settings) as (speaker, listener):
        say_events(lambda door, request: caller.call("potter", door, request))
        eventlet.sleep(2)
        said, handled = finish(speaker), finish(listener)
    return [handled.get(name, float("inf")) - at for name, at in said.items()]


def settings_of(amqp_url: str, database_url: str) -> Settings:
    """The settings of everything that is measured."""
    return Settings(secret=b"x" * 32, amqp_url=amqp_url, database_url=database_url)


def main(what: str, *arguments: str) -> None:
    """Measures, or plays a role for the one that measures."""
    if what == "calls":
        ours, bare, database_url = arguments
        found: Any = calls(settings_of(ours, database_url), settings_of(bare, database_url))
    elif what == "events":
        whose, amqp_url, database_url = arguments
        found = events(whose, settings_of(amqp_url, database_url))
    else:
        whose, amqp_url, database_url, role = arguments
        play(whose, role, settings_of(amqp_url, database_url))
        return
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
