"""Ballots from the queue to committed rows, beside bare ``unnest`` inserts of the same rows, and
how that grows with what is stored already."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass

import psutil
from sqlalchemy import create_engine, func, select, text

from services.chassis.config import Settings
from services.chassis.entrypoints import BatchConsumer
from services.chassis.sealed import seal
from services.chassis.streams import Lane
from services.voting import passes
from services.voting.messages_ballots import BALLOTS
from services.voting.tables import BatchRow, PollSecret
from tests.benchmarks.figures import Figure
from tests.chaos.finals import PROJECTS, Finals

BATCH = 200
AT_ONCE = BATCH * BatchConsumer.prefetch_count
"""Rows in one transaction: as many as a replica takes at most."""

FILL = """
INSERT INTO ballots
    (poll, tracker, voter_key, choice, accepted_at, gateway, batch, index_in_batch)
SELECT :poll, md5('stored' || n), encode(sha256(('stored' || n)::bytea), 'hex'), 'wool', now(),
       'stored', n / 200, n % 200
FROM generate_series(:first, :last) AS n
"""
ENTER = """
INSERT INTO register (poll, voter_key, ballots)
SELECT :poll, encode(sha256(('stored' || n)::bytea), 'hex'), 1
FROM generate_series(:first, :last) AS n
"""


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    batches: int = 1_000
    """Of 200 ballots, that a replica finds waiting."""

    stored: tuple[int, ...] = (1_000, 100_000, 1_000_000)
    """Ballots that are there already when some more come."""

    more: int = 400
    """Batches that come then: some lots, for the first is not timed."""


def measure(finals: Finals, sizes: Sizes) -> list[Figure]:
    """One replica beside bare inserts, then two; then one with more and more that is stored."""
    finals.instance.processes["voting#0"].halt()
    _empty_table(finals)
    columns = _columns(sizes.batches)
    bare = _bare(finals, columns)
    one, cpu_of_one = _drained(finals, columns, 1)
    _two, cpu_of_two = _drained(finals, columns, 2)
    return [
        Figure("voting replica, queue to rows", one, "/s", None, "target 15,000", False, 15_000),
        Figure("… / bare unnest", one / bare, "×", None, f"{bare:.0f}/s", True, 0.25),
        Figure("CPU a ballot, two replicas / one", cpu_of_two / cpu_of_one, "×", 1.25,
               f"{cpu_of_one * 1e6:.0f} µs", True),
        *_growth(finals, sizes),
    ]  # fmt: skip


def _growth(finals: Finals, sizes: Sizes) -> list[Figure]:
    _empty_table(finals)
    columns, figures, there = _columns(sizes.more), [], 0
    for stored in sizes.stored:
        _fill_table(finals, there + 1, stored)
        rate, cpu = _drained(finals, columns, 1)
        figures.append(
            Figure(f"… with {stored:,} ballots stored", cpu * 1e6, "µs", None, f"{rate:.0f}/s")
        )
        there = stored
    return figures


def _empty_table(finals: Finals) -> None:
    with finals.engine.begin() as connection:
        connection.execute(text("TRUNCATE ballots, register, batches"))


def _fill_table(finals: Finals, first: int, last: int) -> None:
    given = {"poll": finals.poll_id, "first": first, "last": last}
    with finals.engine.begin() as connection:
        for statement in (FILL, ENTER):
            connection.execute(text(statement), given)
    with finals.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))


def _columns(batches: int) -> list[list[str]]:
    """The columns of so many ballots, but for their trackers and voters, which must be new."""
    size = batches * BATCH
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
    trackers, voters = _new("bare", len(columns[0]))
    began = time.perf_counter()
    for start in range(0, len(trackers), AT_ONCE):
        part = [each[start : start + AT_ONCE] for each in (trackers, voters, *columns)]
        with engine.begin() as connection:
            connection.execute(statement, dict(zip("abcdef", part, strict=True)))
    rate = len(trackers) / (time.perf_counter() - began)
    engine.dispose()
    return rate


def _new(name: str, size: int) -> tuple[list[str], list[str]]:
    """Trackers and voters, of the length that they have and in no order."""
    digests = [hashlib.sha256(f"{name}{n}".encode()).hexdigest() for n in range(size)]
    return [digest[:32] for digest in digests], digests


def _drained(finals: Finals, columns: list[list[str]], replicas: int) -> tuple[float, float]:
    """Rows a second and seconds of CPU a row, of replicas that find a full queue."""
    lane, batches = _queue(finals, columns), len(columns[0]) // BATCH
    names = [f"voting#drain{n}" for n in range(replicas)]
    finals.instance.start(*names)
    finals.instance.wait_for(lambda: _come(finals, lane) > 0, 60, "the first rows")
    processes = [psutil.Process(finals.instance.processes[name].process.pid) for name in names]
    done, began, used = _come(finals, lane), time.perf_counter(), _cpu(processes)
    while (now := _come(finals, lane)) < batches:
        time.sleep(0.02)
        if time.perf_counter() - began > 120:
            raise TimeoutError(f"{now} of {batches} batches after two minutes")
    seconds, cpu = time.perf_counter() - began, _cpu(processes) - used
    for name in names:
        finals.instance.processes[name].halt()
    rows = (batches - done) * BATCH
    return rows / seconds, cpu / rows


def _come(finals: Finals, lane: str) -> int:
    with finals.engine.connect() as connection:
        query = select(func.count()).select_from(BatchRow).where(BatchRow.lane == lane)
        return int(connection.execute(query.where(BatchRow.number > 0)).scalar_one())


def _queue(finals: Finals, columns: list[list[str]]) -> str:
    """Sends batches as a gateway does; answers by which lane."""
    with finals.engine.connect() as connection:
        secret = str(connection.scalar(select(PollSecret.secret)))
    name = f"bench{time.monotonic_ns()}"
    trackers, voters = _new(name, len(columns[0]))
    lane = Lane(BALLOTS, name, Settings(amqp_url=finals.settings.amqp_url))
    lane.open()
    names = ("trackers", "voters", "choices", "accepted", "domains", "networks")
    for number in range(len(trackers) // BATCH):
        part = slice(number * BATCH, number * BATCH + BATCH)
        ballots = dict(zip(names, (c[part] for c in (trackers, voters, *columns)), strict=True))
        sealed = seal(passes.batch_key(secret), f"{lane.name}/{number + 1}", ballots)
        named = {"poll": finals.poll_id, "lane": lane.name, "number": number + 1}
        lane.send(number + 1, {**named, "sealed": sealed})
    lane.close()
    return lane.name


def _cpu(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)
