"""Hours of voting in ten minutes: neither memory nor latency grows while ballots come steadily."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import psutil
import pytest

from tests.benchmarks.figures import percentile
from tests.chaos.conftest import Begin
from tests.chaos.finals import Finals, Voting
from tests.chaos.voters import Line
from tests.instance import Process
from tests.servers import Borrowed

PER_S = 1000
MINUTES = 10
MEMORY_GROWTH = 1.10
LATENCY_GROWTH = 1.5
"""Of the last minutes over the first ones; the first minute warms up, and is not among them."""


@dataclass(frozen=True)
class Minute:
    """What was seen in a minute: megabytes at its end, and milliseconds of the ballots in it."""

    gateway_mb: float
    voting_mb: float
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    ballots: int = 0

    def __str__(self) -> str:
        return (
            f"gateway {self.gateway_mb:.1f} MB, voting {self.voting_mb:.1f} MB, p50"
            f" {self.p50_ms:.1f} ms, p99 {self.p99_ms:.1f} ms, {self.ballots} ballots"
        )


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_intake_is_flat_for_ten_minutes(begin_finals: Begin, servers: Borrowed, vhost: str) -> None:
    minutes = run_steadily(begin_finals(servers, vhost), PER_S, MINUTES, 60.0)
    for number, minute in enumerate(minutes, 1):
        print(f"minute {number}: {minute}", flush=True)
    # All of them came through, at the rate at which they were cast.
    assert min(minute.ballots for minute in minutes[1:-1]) >= PER_S * 60 * 0.98
    warm, last = minutes[1:4], minutes[-3:]
    for name in ("gateway_mb", "voting_mb"):
        assert _middle(last, name) <= _middle(warm, name) * MEMORY_GROWTH, name
    for name in ("p50_ms", "p99_ms"):
        assert _middle(last, name) <= _middle(warm, name) * LATENCY_GROWTH, name


def run_steadily(finals: Finals, per_s: float, minutes: int, minute_s: float) -> list[Minute]:
    """So many ballots a second; what each minute was like. All are counted at the end."""
    finals.begin(replicas=1, gateways=1)
    gateway, replica = finals.gateway(0), finals.instance.processes["voting#0"]
    most = int(per_s * minutes * minute_s)
    with finals.voting(most, connections=32, voters=50_000, per_s=per_s) as voting:
        began, seen = time.time(), []
        for number in range(1, minutes + 1):
            _sleep_until(began + number * minute_s, voting)
            seen.append((_memory(gateway), _memory(replica)))
    assert {line.status for line in voting.lines} == {202}
    finals.close()
    finals.wait_closed()
    finals.count()
    assert finals.faults(voting.lines) == []
    first = min(line.at for line in voting.lines)
    # By when it was answered: who can't keep up shows in the minutes as well as in the latency.
    minute_of = [int((line.at + line.seconds - first) / minute_s) for line in voting.lines]
    return [
        _minute(memory, [line for line, m in zip(voting.lines, minute_of, strict=True) if m == n])
        for n, memory in enumerate(seen)
    ]


def _sleep_until(instant: float, voting: Voting) -> None:
    while time.time() < instant and voting.going_on:
        time.sleep(0.2)


def _memory(process: Process) -> float:
    return float(psutil.Process(process.process.pid).memory_info().rss / 1e6)


def _minute(memory: tuple[float, float], lines: list[Line]) -> Minute:
    times = [line.seconds * 1000 for line in lines]
    if not times:
        return Minute(*memory)
    return Minute(*memory, percentile(times, 0.5), percentile(times, 0.99), len(times))


def _middle(minutes: list[Minute], name: str) -> float:
    return float(statistics.median(getattr(minute, name) for minute in minutes))
