"""Counting a poll of up to a million ballots with 10 % re-votes, beside a bare GROUP BY.

``python -m tests.benchmarks.counting AMQP_URL DATABASE_URL POLL`` counts one poll in a process
of its own, and prints seconds and the memory that it took at most: "count" is reading, settling
and summing up, "box" writing the shuffled box, "whole" both and their commit.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from sqlalchemy import insert, text

from services.chassis import migrations
from services.chassis.config import Settings
from services.chassis.runner import make_core
from services.chassis.work import Work
from services.voting import closing
from services.voting.count import outcome_of, recount_sorted, settle
from services.voting.tables import Poll
from tests.benchmarks.figures import Figure

SIZES = (1_000, 10_000, 100_000, 1_000_000)
PROJECTS = 9
AGAIN = 0.1
CHANGED = (200_000, 50_000)
"""An evening on which people change their minds: three of four ballots are left out."""

FILL = """
INSERT INTO ballots
    (poll, tracker, voter_key, choice, accepted_at, gateway, batch, index_in_batch)
SELECT :poll, md5(:poll || n), encode(sha256((n % :voters)::text::bytea), 'hex'),
       'project-' || n * 7 % :projects, now() + n * interval '1 ms', 'g', n / 200, n % 200
FROM generate_series(1, :size) AS n
"""
BARE = "SELECT choice, count(*) AS ballots FROM ballots WHERE poll = :poll GROUP BY choice"


def measure(bench: Any) -> list[Figure]:
    """Each size, then a poll in which most ballots are replaced."""
    url = bench.database("count", ("voting",))
    settings = Settings(secret=b"x" * 32, database_url=url)
    migrations.upgrade("voting", settings)
    figures = [f for size in SIZES for f in _measured(settings, size, int(size * (1 - AGAIN)))]
    return [*figures, *_measured(settings, *CHANGED)]


def _measured(settings: Settings, size: int, voters: int) -> list[Figure]:
    bare = f"GROUP BY {_fill(settings, size, voters):.3f} s"
    found = _counted(settings.database_url, size, voters)
    what = f"of {size:,} ballots of {voters:,} voters"
    # The bounds are of the largest poll.
    seconds, memory = (5, 200) if size == max(SIZES) else (None, None)
    return [
        Figure(f"count {what}", found["count"], "s", seconds, bare),
        Figure(f"count and writing the shuffled box, whole closing transaction, {what}",
               found["whole"], "s", None, f"the box {found['box']:.2f} s"),
        Figure(f"count {what}, memory", found["memory"], "MB", memory),
    ]  # fmt: skip


def _fill(settings: Settings, size: int, voters: int) -> float:
    """Makes a poll of this size; the seconds of a bare GROUP BY over it."""
    core = make_core("voting", settings)
    poll = f"poll-{size}"
    row = {
        "id": poll,
        "marathon": poll,
        "state": "closed",
        "rule": "shared",
        "who_may_vote": "everyone",
        "elsewhere_may_vote": True,
        "projects": [{"id": f"project-{n}", "version": 1} for n in range(PROJECTS)],
    }
    with core.database.transaction() as session:
        session.execute(insert(Poll), [row])
        session.execute(text("SET LOCAL statement_timeout = 0"))
        given = {"poll": poll, "voters": voters, "projects": PROJECTS}
        session.execute(text(FILL), {**given, "size": size})
    with core.database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE ballots"))
    with core.database.transaction() as session:
        began = time.perf_counter()
        rows = session.execute(text(BARE), {"poll": poll}).all()
        seconds = time.perf_counter() - began
    core.database.engine.dispose()
    assert sum(row.ballots for row in rows) == size
    return seconds


def _counted(url: str, size: int, voters: int) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.counting", url, f"poll-{size}"],
        stdout=subprocess.PIPE,
        text=True,
        timeout=300,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    assert found["accepted"] == size
    assert found["counted"] == voters
    return found


def count_one(url: str, poll_id: str) -> dict[str, float]:
    """Counts as voting does when a poll is closed."""
    core = make_core("voting", Settings(secret=b"x" * 32, database_url=url))

    def run(work: Work) -> dict[str, float]:
        poll = work.session.get_one(Poll, poll_id)
        began = time.perf_counter()
        standing = {entry["id"] for entry in poll.projects}
        settled = settle(closing.ballots_of(work, poll, set()), standing)
        known = time.perf_counter()
        closing.fill_box(work, poll, settled.left_out)
        filled = time.perf_counter()
        outcome = outcome_of(settled, recount_sorted(closing.box_of(work, poll)), "shared")
        return {
            "accepted": outcome.accepted,
            "counted": outcome.counted_ballots,
            "count": known - began + time.perf_counter() - filled,
            "memory": _most_memory(),
            "box": filled - known,
        }

    began = time.perf_counter()
    found = dict(core.within(run))
    return {**found, "whole": time.perf_counter() - began}


def _most_memory() -> float:
    """What this program took at most, in MB. Not ``getrusage``'s: that begins with what the
    process had that started it."""
    said = Path("/proc/self/status").read_text()
    return int(said.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


if __name__ == "__main__":
    print(json.dumps(count_one(*sys.argv[1:])))
