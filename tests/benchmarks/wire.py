"""The two measured wires, ours and bare nameko's: asker, speaker and listener a process each.

``python -m tests.benchmarks.wire calls|events ours|bare AMQP_URL DATABASE_URL`` prints the
seconds of each as a JSON list. Processes compare times by the machine's monotonic clock.
"""

from __future__ import annotations

import warnings

warnings.simplefilter("ignore")
import eventlet  # noqa: E402

eventlet.monkey_patch()

import json  # noqa: E402
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

CALLS = 400
EVENTS = 400
RATE_PER_S = 100
handled: dict[str, float] = {}


class BareSpeaker:
    """What nameko alone does: a call answered, an event dispatched."""

    name = "potter"
    dispatch = EventDispatcher()

    @rpc
    def count_pots(self, request: Any) -> Any:
        return {"ok": {"count": 1}}

    @rpc
    def make_pot(self, request: Any) -> Any:
        self.dispatch("pot_made", request)
        return {"ok": request}


class BareListener:
    """What nameko alone does: an event handled."""

    name = "collector"

    @event_handler("potter", "pot_made")
    def heard(self, payload: Any) -> None:
        handled[payload["id"]] = time.perf_counter()


def play(whose: str, role: str, settings: Settings) -> None:
    """A child: plays one role until its input ends, then prints what was handled when."""
    config = nameko_config(settings)
    if whose == "bare":
        service: Any = {"speaker": BareSpeaker, "listener": BareListener}[role]
    else:
        service = {"speaker": PotterService, "listener": CollectorService}[role]
        core = make_core(service, settings)
        _note_commits(core)
        config["cores"] = {service.name: core}
    container = ServiceContainer(service, config)
    container.start()
    print("ready", flush=True)
    trampoline(sys.stdin, read=True)  # not sys.stdin.read(): it would stop all green threads
    print(json.dumps(handled), flush=True)
    container.stop()


def _note_commits(core: Any) -> None:
    hear = core.hear

    def noted(run: Any, raw: Any) -> None:
        hear(run, raw)
        handled[raw["subject"]] = time.perf_counter()

    core.hear = noted


def measure_calls(call: Callable[[str, Any], Any]) -> list[float]:
    """Seconds of each round trip, one after the other."""
    for _ in range(20):
        call("count_pots", {})
    took = []
    for _ in range(CALLS):
        began = time.perf_counter()
        call("count_pots", {})
        took.append(time.perf_counter() - began)
    return took


def say_events(call: Callable[[str, Any], Any]) -> dict[str, float]:
    """Makes events at the given rate; answers when each command had its answer."""
    said: dict[str, float] = {}
    pool = eventlet.GreenPool(20)

    def say(name: str) -> None:
        call("make_pot", {"id": name, "size": 1})
        said[name] = time.perf_counter()

    began = time.perf_counter()
    for number in range(EVENTS):
        pool.spawn(say, f"pot-{number}")
        eventlet.sleep(max(0.0, began + (number + 1) / RATE_PER_S - time.perf_counter()))
    pool.waitall()
    return said


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
        yield children[1]
    finally:
        for child in children:
            with suppress(OSError):
                child.communicate(timeout=20)


def finish(listener: Any) -> dict[str, float]:
    """Ends the listener; answers what it handled when."""
    listener.stdin.close()
    answer: dict[str, float] = json.loads(listener.stdout.readline())
    listener.stdin = None
    return answer


def apply_topology(settings: Settings) -> None:
    """Declares the dummies' exchange and queue."""
    with Connection(settings.amqp_url) as connection:
        exchange_of("potter")(connection.channel()).declare()
        inbox_queue("collector", COLLECTOR, settings)(connection.channel()).declare()


def main(what: str, whose: str, amqp_url: str, database_url: str, role: str = "") -> None:
    """Measures, or plays a role for the one that measures."""
    settings = Settings(secret=b"x" * 32, amqp_url=amqp_url, database_url=database_url)
    if what == "play":
        return play(whose, role, settings)
    if whose == "ours":
        apply_topology(settings)
    caller = Caller(settings)
    with playing(whose, settings) as listener:

        def call(door: str, request: Any) -> Any:
            return caller.call("potter", door, request)

        if what == "calls":
            print(json.dumps(measure_calls(call)))
            return None
        said = say_events(call)
        eventlet.sleep(2)
        times = finish(listener)
    # Handled before the answer had arrived counts as nothing, not as less than nothing.
    print(json.dumps([max(0.0, times.get(name, float("inf")) - at) for name, at in said.items()]))
    return None


if __name__ == "__main__":
    if sys.argv[1] == "play":
        _play, its, broker, database, part = sys.argv[1:]
        main("play", its, broker, database, part)
    else:
        main(*sys.argv[1:])
