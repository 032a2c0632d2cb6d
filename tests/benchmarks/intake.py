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
from typing import Any

from tests.benchmarks import draining
from tests.benchmarks.figures import Figure, percentile
from tests.chaos.finals import PROJECTS, Finals
from tests.chaos.voters import Line, Plan
from tests.instance import Process, free_port

CONNECTIONS = 64
WAYS = ("empty", "batches", "insert", "rpc")


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
    with tempfile.TemporaryDirectory() as folder:
        broker, database = bench.broker("intake"), bench.database("intake", ("voting",))
        finals = Finals(Path(folder), broker, database, MARATHON_CLOCK_FILE="")
        try:
            finals.begin(replicas=1, gateways=1)
            return [*_at_the_gateway(finals, sizes), *draining.measure(finals, sizes.queue)]
        finally:
            finals.stop()


def _at_the_gateway(finals: Finals, sizes: Sizes) -> list[Figure]:
    (finals.instance.folder / "passes").write_text("\n".join(finals.make_passes(sizes.voters)))
    found: dict[str, list[tuple[float, float]]] = {}
    for _ in range(sizes.rounds):  # in turn: what else the machine does falls on all of them
        for way in WAYS:
            found.setdefault(way, []).append(_rate(finals, way, sizes))
    rate = {way: statistics.median(each[0] for each in found[way]) for way in found}
    p99 = {way: statistics.median(each[1] for each in found[way]) for way in found}
    half = _p99_at_half(finals, rate["batches"], sizes)
    per_s = {way: f"{rate[way]:.0f}/s, p99 {p99[way]:.0f} ms" for way in rate}
    mine = rate["batches"]
    return [
        Figure("durable ballots, 64 connections", mine, "/s", None, f"p99 {p99['batches']:.0f} ms"),
        Figure("… / an empty POST", mine / rate["empty"], "×", None, per_s["empty"], True, 0.25),
        Figure(
            "… / a call and an insert each", mine / rate["rpc"], "×", None, per_s["rpc"], True, 5
        ),
        Figure("… / an insert each", mine / rate["insert"], "×", None, per_s["insert"], True, 1.3),
        Figure("… p99 / that of an insert each", p99["batches"] / p99["insert"], "×", 1, "", True),
        Figure("durable ballots, p99 at half of that", half, "ms", 100),
    ]


def _rate(finals: Finals, way: str, sizes: Sizes) -> tuple[float, float]:
    """Ballots a second, and the 99th percentile of the time of one, in ms."""
    with _booth(finals, "batches" if way == "empty" else way) as port:
        path = "/api/v1/empty" if way == "empty" else ""
        _cast(finals, port, sizes.warm, path)  # lanes, connections and caches are warm
        most = sizes.ballots // 4 if way == "rpc" else sizes.ballots
        lines, seconds = _cast(finals, port, most, path)
    wrong = [line for line in lines if line.status not in (200, 202)]
    if wrong:
        raise RuntimeError(f"{len(wrong)} of {len(lines)} were not accepted: {wrong[:3]}")
    return len(lines) / seconds, _p99(lines)


def _p99_at_half(finals: Finals, rate: float, sizes: Sizes) -> float:
    with _booth(finals, "batches") as port:
        _cast(finals, port, sizes.warm, "")
        most = max(CONNECTIONS, int(rate / 2 * sizes.seconds_at_half))  # one each, at the least
        lines, _seconds = _cast(finals, port, most, "", rate / 2)
    return _p99(lines)


def _p99(lines: list[Line]) -> float:
    return percentile([line.seconds for line in lines], 0.99) * 1000


def _cast(
    finals: Finals, port: int, most: int, path: str, per_s: float = 0.0
) -> tuple[list[Line], float]:
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
    return lines, float(done.stderr.split()[-1])


@contextmanager
def _booth(finals: Finals, way: str) -> Iterator[int]:
    port = free_port()
    env = {**finals.instance.env, "MARATHON_GATEWAY_PORT": str(port)}
    folder = finals.instance.folder
    ways = ["service", way] if way == "rpc" else [way]
    processes = [
        Process(each, [sys.executable, "-m", "tests.benchmarks.booth", each], env, folder / each)
        for each in ways
    ]
    try:
        finals.instance.wait_for(lambda: finals.answers(port), 60, "a booth")
        yield port
    finally:
        for process in processes:
            process.halt()
