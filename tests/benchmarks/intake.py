"""Ballots a second: at the gateway beside other ways to keep them, and from queue to rows.

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
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import create_engine, select, text

from services.chassis.config import Settings
from services.chassis.sealed import seal
from services.chassis.streams import Lane
from services.voting import passes
from services.voting.messages_ballots import BALLOTS
from services.voting.tables import PollSecret
from tests.benchmarks.figures import Figure, percentile
from tests.chaos.finals import PROJECTS, Finals
from tests.chaos.voters import Plan
from tests.instance import Process, free_port

CONNECTIONS = 64
BALLOTS_A_WAY = 24_000
ROUNDS = 3
VOTERS = 5_000
QUEUED = 1_000
"""Batches of 200 that a replica finds waiting."""

REAL_CLOCK = {"MARATHON_CLOCK_FILE": ""}


def measure(bench: Any) -> list[Figure]:
    """The gateway's side, then the replica's."""
    with tempfile.TemporaryDirectory() as folder:
        broker, database = bench.broker("intake"), bench.database("intake", ("voting",))
        finals = Finals(Path(folder), broker, database, **REAL_CLOCK)
        try:
            finals.begin(replicas=1, gateways=1)
            return [*_at_the_gateway(finals), *_at_voting(finals)]
        finally:
            finals.stop()


# --- at the gateway -----------------------------------------------------------------------


def _at_the_gateway(finals: Finals) -> list[Figure]:
    (finals.instance.folder / "passes").write_text("\n".join(finals.make_passes(VOTERS)))
    found: dict[str, list[tuple[float, float]]] = {}
    for _ in range(ROUNDS):  # in turn: what else the machine does falls on all of them
        for way in ("empty", "batches", "insert", "rpc"):
            found.setdefault(way, []).append(_rate(finals, way))
    rate = {way: statistics.median(each[0] for each in found[way]) for way in found}
    p99 = {way: statistics.median(each[1] for each in found[way]) for way in found}
    half = _p99_at_half(finals, rate["batches"])
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


def _rate(finals: Finals, way: str) -> tuple[float, float]:
    """Ballots a second, and the 99th percentile of the time of one, in ms."""
    with _booth(finals, "batches" if way == "empty" else way) as port:
        path = "/api/v1/empty" if way == "empty" else ""
        _cast(finals, port, 2_000, path)  # lanes, connections and caches are warm
        lines, seconds = _cast(finals, port, BALLOTS_A_WAY, path)
    wrong = [line for line in lines if line[3] not in (200, 202)]
    if wrong:
        raise RuntimeError(f"{len(wrong)} of {len(lines)} were not accepted: {wrong[:3]}")
    return len(lines) / seconds, percentile([line[4] for line in lines], 0.99) * 1000


def _p99_at_half(finals: Finals, rate: float) -> float:
    with _booth(finals, "batches") as port:
        _cast(finals, port, 2_000, "")
        lines, _seconds = _cast(finals, port, int(rate / 2 * 5), "", rate / 2)
    return percentile([line[4] for line in lines], 0.99) * 1000


def _cast(
    finals: Finals, port: int, most: int, path: str, per_s: float = 0.0
) -> tuple[list[Any], float]:
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
    return [json.loads(line) for line in done.stdout.splitlines()], float(done.stderr.split()[-1])


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


# --- from the queue to rows ---------------------------------------------------------------


def _at_voting(finals: Finals) -> list[Figure]:
    finals.instance.processes["voting#0"].halt()
    columns = _columns()
    bare = _bare(finals, columns)
    one, cpu_of_one = _drained(finals, columns, 1)
    _two, cpu_of_two = _drained(finals, columns, 2)
    return [
        Figure("voting replica, queue to rows", one, "/s", None, "target 15,000", False, 15_000),
        Figure("… / bare unnest", one / bare, "×", None, f"{bare:.0f}/s", True, 0.25),
        Figure("CPU a ballot, two replicas / one", cpu_of_two / cpu_of_one, "×", 1.25,
               f"{cpu_of_one * 1e6:.0f} µs", True),
    ]  # fmt: skip


def _columns() -> list[list[str]]:
    """The columns of so many ballots, but for their trackers and voters, which must be new."""
    size = QUEUED * 200
    return [
        [PROJECTS[n % 3] for n in range(size)],
        ["2026-06-20T12:00:00.123456+00:00"] * size,
        ["example.org"] * size,
        [f"{n % 500:032x}" for n in range(size)],
    ]


def _bare(finals: Finals, columns: list[list[str]]) -> float:
    """Rows a second with nothing but ``unnest``, into a table of the same shape."""
    engine = create_engine(finals.engine.url)
    name = f"bare_{time.monotonic_ns()}"
    statement = text(
        f"INSERT INTO {name} (poll, tracker, voter_key, choice, accepted_at, domain, network,"
        " gateway, batch, index_in_batch) SELECT 'poll', *, 'lane', 1, 1 FROM unnest("
        "CAST(:a AS text[]), CAST(:b AS text[]), CAST(:c AS text[]),"
        " CAST(:d AS timestamptz[]), CAST(:e AS text[]), CAST(:f AS text[]))"
        " ON CONFLICT DO NOTHING"
    )
    with engine.begin() as connection:
        connection.execute(text(f"CREATE TABLE {name} (LIKE ballots INCLUDING ALL)"))
    trackers, voters = _new("bare")
    began = time.perf_counter()
    for start in range(0, len(trackers), 500):
        part = [each[start : start + 500] for each in (trackers, voters, *columns)]
        with engine.begin() as connection:
            connection.execute(statement, dict(zip("abcdef", part, strict=True)))
    rate = len(trackers) / (time.perf_counter() - began)
    engine.dispose()
    return rate


def _new(name: str) -> tuple[list[str], list[str]]:
    size = QUEUED * 200
    return (
        [f"{name}{n:028x}"[-32:] for n in range(size)],
        [f"{n * 2654435761 % 2**256:064x}" for n in range(size)],
    )


def _drained(finals: Finals, columns: list[list[str]], replicas: int) -> tuple[float, float]:
    """Rows a second and seconds of CPU a row, of replicas that find a full queue."""
    before = _stored(finals)
    _fill(finals, columns, f"r{replicas}")
    names = [f"voting#drain{replicas}{n}" for n in range(replicas)]
    finals.instance.start(*names)
    finals.instance.wait_for(lambda: _stored(finals) > before, 60, "the first rows")
    processes = [psutil.Process(finals.instance.processes[name].process.pid) for name in names]
    done, began, used = _stored(finals), time.perf_counter(), _cpu(processes)
    while (now := _stored(finals)) < before + QUEUED * 200:
        time.sleep(0.02)
        if time.perf_counter() - began > 120:
            raise TimeoutError(f"{now - before} rows after two minutes")
    seconds, cpu = time.perf_counter() - began, _cpu(processes) - used
    for name in names:
        finals.instance.processes[name].halt()
    rows = before + QUEUED * 200 - done
    return rows / seconds, cpu / rows


def _fill(finals: Finals, columns: list[list[str]], name: str) -> None:
    with finals.engine.connect() as connection:
        secret = str(connection.scalar(select(PollSecret.secret)))
    trackers, voters = _new(name)
    lane = Lane(BALLOTS, f"bench{time.monotonic_ns()}", Settings(amqp_url=finals.settings.amqp_url))
    lane.open()
    names = ("trackers", "voters", "choices", "accepted", "domains", "networks")
    for number in range(QUEUED):
        part = slice(number * 200, number * 200 + 200)
        ballots = dict(zip(names, (c[part] for c in (trackers, voters, *columns)), strict=True))
        sealed = seal(passes.batch_key(secret), f"{lane.name}/{number + 1}", ballots)
        named = {"poll": finals.poll_id, "lane": lane.name, "number": number + 1}
        lane.send(number + 1, {**named, "sealed": sealed})
    lane.close()


def _stored(finals: Finals) -> int:
    with finals.engine.connect() as connection:
        # An estimate would do for a page; here the last row counts.
        return int(connection.exec_driver_sql("SELECT count(*) FROM ballots").scalar_one())


def _cpu(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)
