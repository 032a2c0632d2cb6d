"""Ballots a second at the gateway, beside other ways to keep them; from queue to rows see
``draining.py``.

Each way is the whole gateway with one thing changed (``booth.py``), asked by the same voters over
the same connections, one way after the other; servers, gateway, replica and voters share the
machine.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from services.chassis.config import Settings
from tests.benchmarks import cpu, draining
from tests.benchmarks.figures import Figure, percentile
from tests.chaos.finals import PROJECTS, Finals
from tests.chaos.voters import Line, Plan
from tests.instance import Process, free_port

CONNECTIONS = 64


class Way(NamedTuple):
    """A way to keep a ballot (``booth.py``), and how many of them it keeps at once."""

    name: str
    workers: int = 0
    """As many as the settings have it, if 0."""


EMPTY, BATCHES = Way("empty"), Way("batches")
INSERTS = (Way("insert"), Way("insert", CONNECTIONS))
CALLS = (Way("rpc"), Way("rpc", CONNECTIONS))
"""Of each baseline the better one counts."""

WAYS = (EMPTY, BATCHES, *INSERTS, *CALLS)


class Run(NamedTuple):
    """What was seen while ballots were cast; processes by how much of a core they took."""

    per_s: float
    p99_ms: float
    voters: float
    gateway: float


@dataclass(frozen=True)
class Sizes:
    """How much is measured; a test that all works takes less."""

    ballots: int = 8_000
    """For each way, in each round; a quarter for the slowest."""

    warm: int = 1_000
    rounds: int = 3
    voters: int = 5_000
    seconds_at_half: float = 5.0
    queue: draining.Sizes = field(default_factory=draining.Sizes)


def measure(bench: Any, sizes: Sizes | None = None) -> list[Figure]:
    """The gateway's side, then the replica's."""
    sizes = sizes or Sizes()
    assert bench.servers.postgres is not None, "the benchmark starts its own servers"
    server = bench.servers.postgres.pid()
    with tempfile.TemporaryDirectory() as folder:
        broker, database = bench.broker("intake"), bench.database("intake", ("voting",))
        finals = Finals(Path(folder), broker, database, MARATHON_CLOCK_FILE="")
        try:
            finals.begin(replicas=1, gateways=1)
            return [*_at_the_gateway(finals, sizes), *draining.measure(finals, server, sizes.queue)]
        finally:
            finals.stop()


def _at_the_gateway(finals: Finals, sizes: Sizes) -> list[Figure]:
    (finals.instance.folder / "passes").write_text("\n".join(finals.make_passes(sizes.voters)))
    found: dict[Way, list[Run]] = {way: [] for way in WAYS}
    for _ in range(sizes.rounds):  # in turn: what else the machine does falls on all of them
        for way in WAYS:
            found[way].append(_run(finals, way, sizes))
    middle = {way: Run(*map(statistics.median, zip(*found[way], strict=True))) for way in WAYS}
    half = _p99_at_half(finals, middle[BATCHES].per_s, sizes)
    return [
        *_rates(middle),
        Figure("durable ballots, p99 at half of that", half, "ms", 100),
        _client(middle[EMPTY]),
    ]


def _rates(found: dict[Way, Run]) -> list[Figure]:
    mine, empty = found[BATCHES], found[EMPTY]
    insert, call = (max(found[way].per_s for way in ways) for ways in (INSERTS, CALLS))
    waited = min(found[way].p99_ms for way in INSERTS)
    return [
        Figure("durable ballots, 64 connections", mine.per_s, "/s", None,
               f"p99 {mine.p99_ms:.0f} ms"),
        Figure("… / an empty POST", mine.per_s / empty.per_s, "×", None, _said(found, EMPTY),
               True, 0.25, 0.4),
        Figure("… / a call and an insert each", mine.per_s / call, "×", None,
               _said(found, *CALLS), True, 5),
        Figure("… / an insert each", mine.per_s / insert, "×", None, _said(found, *INSERTS),
               True, 1.3, 1.6),
        Figure("… p99 / that of an insert each", mine.p99_ms / waited, "×", 1,
               f"{mine.p99_ms:.0f} and {waited:.0f} ms", True),
    ]  # fmt: skip


def _said(found: dict[Way, Run], *ways: Way) -> str:
    """What was seen of these ways, and of each how many ballots it keeps at once."""
    return "; ".join(
        f"{found[way].per_s:.0f}/s, p99 {found[way].p99_ms:.0f} ms"
        + (f" ({way.workers or Settings().workers} at once)" if len(ways) > 1 else "")
        for way in ways
    )


def _client(empty: Run) -> Figure:
    """That it is the gateway that can do no more, and not those who measure it."""
    beside = f"the gateway {empty.gateway * 100:.0f} %"
    return Figure("voters' CPU at an empty POST", empty.voters * 100, "% of a core", None, beside)


def _run(finals: Finals, way: Way, sizes: Sizes) -> Run:
    path = "/api/v1/empty" if way is EMPTY else ""
    with _booth(finals, way) as (port, gateway):
        _cast(finals, port, sizes.warm, path)  # lanes, connections and caches are warm
        used = cpu.of_process(gateway)
        most = sizes.ballots // 4 if way in CALLS else sizes.ballots
        lines, seconds, voters = _cast(finals, port, most, path)
        used = cpu.of_process(gateway) - used
    wrong = [line for line in lines if line.status not in (200, 202)]
    if wrong:
        raise RuntimeError(f"{len(wrong)} of {len(lines)} were not accepted: {wrong[:3]}")
    return Run(len(lines) / seconds, _p99(lines), voters / seconds, used / seconds)


def _p99_at_half(finals: Finals, rate: float, sizes: Sizes) -> float:
    with _booth(finals, BATCHES) as (port, _gateway):
        _cast(finals, port, sizes.warm, "")
        most = max(CONNECTIONS, int(rate / 2 * sizes.seconds_at_half))  # one each, at the least
        lines, _seconds, _voters = _cast(finals, port, most, "", rate / 2)
    return _p99(lines)


def _p99(lines: list[Line]) -> float:
    return percentile([line.seconds for line in lines], 0.99) * 1000


def _cast(
    finals: Finals, port: int, most: int, path: str, per_s: float = 0.0
) -> tuple[list[Line], float, float]:
    """What became of each, the seconds from the first sent to the last answered, and of how much
    CPU of those who cast them."""
    folder = finals.instance.folder
    plan = Plan(
        [port], finals.poll_id, list(PROJECTS), str(folder / "passes"), most, CONNECTIONS, 0, path,
        per_s,
    )  # fmt: skip
    plan.write(folder / "plan")
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos.voters", str(folder / "plan")],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    lines = [Line(*json.loads(line)) for line in done.stdout.splitlines()]
    seconds, voters = map(float, done.stderr.split()[-2:])
    return lines, seconds, voters


@contextmanager
def _booth(finals: Finals, way: Way) -> Iterator[tuple[int, int]]:
    """A gateway with this way to keep ballots: its port and its pid."""
    port = free_port()
    env = {**finals.instance.env, "MARATHON_GATEWAY_PORT": str(port)}
    if way.workers:
        env["MARATHON_WORKERS"] = str(way.workers)
    folder = finals.instance.folder
    name = BATCHES.name if way is EMPTY else way.name
    processes = [
        Process(each, [sys.executable, "-m", "tests.benchmarks.booth", each], env, folder / each)
        for each in (["service", name] if way in CALLS else [name])
    ]
    try:
        finals.instance.wait_for(lambda: finals.answers(port), 60, "a booth")
        yield port, processes[-1].process.pid
    finally:
        for process in processes:
            process.halt()
