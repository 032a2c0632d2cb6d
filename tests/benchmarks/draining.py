"""Ballots from the queue to committed rows, beside bare ``unnest`` inserts of the same rows, and
how that grows with what is stored already."""

from __future__ import annotations

import hashlib
import re
import signal
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import create_engine, func, select, text

from services.chassis.config import Settings
from services.chassis.database import array_of
from services.chassis.entrypoints import FULL
from services.chassis.sealed import seal
from services.chassis.streams import Lane
from services.voting import passes
from services.voting.messages_ballots import BALLOTS
from services.voting.tables import BatchRow, PollSecret
from tests.benchmarks import cpu
from tests.benchmarks.figures import Figure
from tests.chaos.finals import PROJECTS, Finals
from tests.instance import Process, free_port

BATCH = 200
AT_ONCE = BATCH * FULL
"""Rows in one transaction: as many as a replica takes at most."""

GROWN = 1.1
"""How much more than its name says a table may hold before it is filled anew."""

TAKEN = re.compile(r"^marathon_messages_taken_total\{.*\} (\S+)$", re.MULTILINE)
FILL = """
INSERT INTO ballots
    (poll, tracker, voter_key, choice, accepted_at, gateway, batch, index_in_batch)
SELECT :poll, md5('stored' || n), encode(sha256(('stored' || n)::bytea), 'hex'), 'wool', now(),
       'stored', n / 200, n % 200
FROM generate_series(1, :size) AS n
"""
ENTER = """
INSERT INTO register (poll, voter_key, ballots)
SELECT :poll, encode(sha256(('stored' || n)::bytea), 'hex'), 1
FROM generate_series(1, :size) AS n
"""


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    batches: int = 1_000
    """Of 200 ballots, that replicas find waiting."""

    stored: tuple[int, ...] = (1_000, 10_000, 100_000, 1_000_000)
    """Ballots that are there already when some more come."""

    portion: int = 5
    """Batches that come then, at once."""

    portions: int = 20


class Replica(NamedTuple):
    """A replica of voting, and where it tells how many batches it has taken."""

    process: Process
    port: int

    @property
    def pid(self) -> int:
        """Its process's."""
        return int(self.process.process.pid)

    def taken(self) -> float:
        """How many batches it has taken."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as page:
            found = TAKEN.search(page.read().decode())
        return float(found[1]) if found else 0.0


class Drained(NamedTuple):
    """Rows a second, and microseconds of CPU a row: the replicas' own and PostgreSQL's."""

    per_s: float
    own_us: float
    server_us: float


def measure(finals: Finals, server: int, sizes: Sizes) -> list[Figure]:
    """One replica beside bare inserts, then two; then one with more and more that is stored.

    ``server`` is PostgreSQL's pid.
    """
    finals.instance.processes["voting#0"].halt()
    columns = _columns(sizes.batches)
    bare = _bare(finals, columns)
    one = _drained(finals, server, columns, 1)
    two = _drained(finals, server, columns, 2)
    ratio = two.own_us / one.own_us
    beside = f"{one.own_us:.0f} µs; PostgreSQL {one.server_us:.0f} and {two.server_us:.0f} µs"
    return [
        Figure("voting replica, queue to rows", one.per_s, "/s", target=15_000),
        Figure("… / bare unnest", one.per_s / bare, "×", None, f"{bare:.0f}/s", True, 0.25),
        Figure("two replicas, queue to rows", two.per_s, "/s", None, f"one {one.per_s:.0f}/s"),
        Figure("CPU a ballot, two replicas / one", ratio, "×", 1.25, beside, True),
        *_growth(finals, server, sizes),
    ]


def _growth(finals: Finals, server: int, sizes: Sizes) -> list[Figure]:
    with _replicas(finals, 1) as (replica,):
        found = {stored: _cost(finals, server, replica, stored, sizes) for stored in sizes.stored}
    rows = sizes.portion * BATCH
    return [
        Figure(
            f"CPU a ballot, {rows:,} onto {stored:,} stored",
            own + servers,
            "µs",
            None,
            f"voting {own:.0f} µs, PostgreSQL {servers:.0f} µs",
        )
        for stored, (own, servers) in found.items()
    ]


def _cost(
    finals: Finals, server: int, replica: Replica, stored: int, sizes: Sizes
) -> tuple[float, float]:
    """Microseconds of a replica's and of PostgreSQL's CPU a ballot, with so many stored."""
    columns, there, own, servers = _columns(sizes.portion), 0, 0.0, 0.0
    for turn in range(sizes.portions + 1):
        if not stored <= there <= stored * GROWN:
            _fill_table(finals, stored)
            there = stored
        with _standing_still(replica):
            lane = _queue(finals, columns)
            before, servers_before = cpu.of_process(replica.pid), cpu.of_server(server)
        _wait_for(finals, lane, sizes.portion)
        there += len(columns[0])
        if turn:  # the first one warms up
            own += cpu.of_process(replica.pid) - before
            servers += cpu.of_server(server) - servers_before
    rows = sizes.portions * len(columns[0])
    return own / rows * 1e6, servers / rows * 1e6


def _fill_table(finals: Finals, size: int) -> None:
    """Stores so many and nothing else, and does at once what PostgreSQL would do for them later."""
    with finals.engine.begin() as connection:
        connection.execute(text("TRUNCATE ballots, register, batches"))
        for statement in (FILL, ENTER):
            connection.execute(text(statement), {"poll": finals.poll_id, "size": size})
    with finals.engine.connect() as connection:
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        for statement in ("VACUUM (ANALYZE) ballots, register", "CHECKPOINT"):
            connection.execute(text(statement))


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
        # A column is one text, as in voting itself: as a list it would take twice as long.
        part = [array_of(each[start : start + AT_ONCE]) for each in (trackers, voters, *columns)]
        with engine.begin() as connection:
            connection.execute(statement, dict(zip("abcdef", part, strict=True)))
    rate = len(trackers) / (time.perf_counter() - began)
    engine.dispose()
    return rate


def _new(name: str, size: int) -> tuple[list[str], list[str]]:
    """Trackers and voters, of the length that they have and in no order."""
    digests = [hashlib.sha256(f"{name}{n}".encode()).hexdigest() for n in range(size)]
    return [digest[:32] for digest in digests], digests


def _drained(finals: Finals, server: int, columns: list[list[str]], number: int) -> Drained:
    """What replicas do that find a full queue, once each of them has taken some of it.

    Raises ``RuntimeError`` where one did nothing.
    """
    batches = len(columns[0]) // BATCH
    _fill_table(finals, 0)
    with _replicas(finals, number) as replicas:
        with _standing_still(*replicas):
            lane = _queue(finals, columns)
        finals.instance.wait_for(lambda: all(each.taken() for each in replicas), 60, "batches")
        first = [each.taken() for each in replicas]
        done, began = _come(finals, lane), time.perf_counter()
        used, servers = _used(replicas), cpu.of_server(server)
        _wait_for(finals, lane, batches)
        seconds = time.perf_counter() - began
        used, servers = _used(replicas) - used, cpu.of_server(server) - servers
        # They count a moment after they have committed.
        finals.instance.wait_for(lambda: sum(r.taken() for r in replicas) >= batches, 60, "counts")
        if not all(each.taken() > before for each, before in zip(replicas, first, strict=True)):
            raise RuntimeError(f"of {number} replicas one did nothing in {seconds:.1f} s")
    rows = (batches - done) * BATCH
    return Drained(rows / seconds, used / rows * 1e6, servers / rows * 1e6)


@contextmanager
def _replicas(finals: Finals, number: int) -> Iterator[list[Replica]]:
    """Replicas that take messages; nobody else does."""
    names, found = [f"voting#drain{n}" for n in range(number)], []
    for name in names:
        port = free_port()
        finals.instance.start(name, MARATHON_HEALTH_PORT=str(port), MARATHON_TICK_S="1")
        found.append(Replica(finals.instance.processes[name], port))
    for name in names:
        finals.wait_started(name)
    try:
        yield found
    finally:
        for replica in found:
            replica.process.halt()


@contextmanager
def _standing_still(*replicas: Replica) -> Iterator[None]:
    """While batches gather; then all of them begin at once."""
    for replica in replicas:
        replica.process.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for replica in replicas:
            replica.process.process.send_signal(signal.SIGCONT)


def _wait_for(finals: Finals, lane: str, batches: int) -> None:
    until = time.monotonic() + 120
    while (now := _come(finals, lane)) < batches:
        time.sleep(0.02)
        if time.monotonic() > until:
            raise TimeoutError(f"{now} of {batches} batches after two minutes")


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


def _used(replicas: list[Replica]) -> float:
    return sum(cpu.of_process(replica.pid) for replica in replicas)
