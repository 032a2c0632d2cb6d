"""``make bench``: ours against a baseline of the same run, and absolute figures for the record.

Writes ``docs/benchmarks.json`` and ``docs/benchmarks.md``. Only ratios can fail a run: absolute
figures belong to the machine.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from sqlalchemy import NullPool, create_engine, text

from deploy import local
from services.chassis.config import SERVICES
from tests.benchmarks import counting, intake, pages, relay
from tests.benchmarks.figures import Figure, percentile
from tests.instance import MARATHON, Instance, free_port

ROOT = Path(__file__).resolve().parent.parent.parent
IDLE_S = 10
DURABLE = ("fsync", "full_page_writes", "synchronous_commit")
SETTINGS_READ_S = 5
"""PostgreSQL takes a changed setting a moment later."""

console = Console(stderr=True)


class Bench:
    """The servers that a run uses, and a name that no other run has."""

    def __init__(self) -> None:
        # Tests in this folder let PostgreSQL answer before the disk has it, and it stays so.
        self.servers = local.up(ROOT / ".local", fast=False)
        self.name = f"bench{os.getpid()}"
        self.databases: list[str] = []

    def broker(self, name: str) -> str:
        """The address of an empty virtual host."""
        assert self.servers.rabbitmq is not None, "the benchmark starts its own servers"
        self.servers.add_vhosts([f"{self.name}{name}"])
        return str(self.servers.rabbitmq.url(f"{self.name}{name}"))

    def database(self, name: str, services: tuple[str, ...]) -> str:
        """The address of empty databases, with ``{service}`` in it."""
        for service in services:
            self.databases.append(f"{self.name}{name}_{service}")
            self.servers.create_database(self.databases[-1])
        return self.servers.database_url.replace("{service}", f"{self.name}{name}_{{service}}")

    def close(self) -> None:
        """Takes away what was made."""
        for name in self.databases:
            self.servers.drop_database(name)


def must_wait_for_the_disk(database_url: str) -> None:
    """Raises ``RuntimeError`` for a PostgreSQL that says "committed" before the disk has it."""
    engine = create_engine(database_url.replace("{service}", "postgres"), poolclass=NullPool)
    until = time.monotonic() + SETTINGS_READ_S
    while True:
        with engine.connect() as connection:
            said = {name: connection.scalar(text(f"SHOW {name}")) for name in DURABLE}
        if set(said.values()) == {"on"}:
            return
        if time.monotonic() > until:
            raise RuntimeError(f"PostgreSQL does not wait for the disk: {said}. Tests beside this?")
        time.sleep(0.1)


def on_the_wire(what: str, *arguments: str) -> Any:
    """The seconds that ``wire.py`` measured."""
    console.print(f"measuring {what} …")
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.wire", what, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        timeout=300,
        check=True,
        cwd=ROOT,
    )
    return json.loads(done.stdout.splitlines()[-1])


def calls(bench: Bench) -> list[Figure]:
    """The round trip of a call that reads a row, beside one of bare nameko that reads nothing."""
    url = bench.database("calls", ("potter", "collector"))
    found = on_the_wire("calls", bench.broker("ours"), bench.broker("bare"), url)
    ours, bare = (statistics.median(found[whose]) * 1000 for whose in ("ours", "bare"))
    return [
        Figure("call, round trip, p50", ours, "ms", baseline=f"bare nameko RPC {bare:.2f} ms"),
        Figure("call, ours / bare nameko", ours / bare, "×", 2.0, is_ratio=True),
    ]


def events(bench: Bench) -> list[Figure]:
    """From a command's commit (bare: its dispatch) to its event's effect, committed as well."""
    ours, bare = (_events_of(bench, whose) for whose in ("ours", "bare"))
    beside = f"bare nameko {percentile(bare, 0.5):.2f} / {percentile(bare, 0.99):.2f} ms"
    lost = sum(1 for value in ours if value == float("inf"))
    return [
        Figure("event at 100/s, commit to handled, p50", percentile(ours, 0.5), "ms", None, beside),
        Figure("event at 100/s, commit to handled, p99", percentile(ours, 0.99), "ms", 250, beside),
        Figure("events lost", lost, "", 0, is_ratio=True),
    ]


def _events_of(bench: Bench, whose: str) -> list[float]:
    url = bench.database(f"events{whose}", ("potter", "collector"))
    found = on_the_wire("events", whose, bench.broker(f"events{whose}"), url)
    return [seconds * 1000 for seconds in found]


def embedded() -> list[Figure]:
    """A whole instance in one process: start, memory, idle CPU."""
    console.print("measuring the embedded instance …")
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        env = {
            **os.environ,
            "MARATHON_DATA_DIR": folder,
            "MARATHON_GATEWAY_PORT": str(port),
            "MARATHON_AMQP_URL": "embedded://",
            "MARATHON_DATABASE_URL": f"sqlite:///{folder}/{{service}}.sqlite",
        }
        began = time.perf_counter()
        with subprocess.Popen([*MARATHON, "run", "embedded"], env=env, cwd=ROOT) as process:
            try:
                ready = _seconds_to_ready(began, port)
                memory, idle = _at_rest(process.pid)
            finally:
                process.terminate()
    return [
        Figure("embedded instance, start to ready", ready, "s", 5),
        Figure("embedded instance, memory", memory, "MB", 160),
        Figure("embedded instance, idle CPU", idle, "%", 5),
    ]


def services(bench: Bench) -> list[Figure]:
    """Memory and idle CPU of each process on RabbitMQ and PostgreSQL."""
    console.print("measuring the services on RabbitMQ and PostgreSQL …")
    with tempfile.TemporaryDirectory() as folder:
        instance = Instance(Path(folder), bench.broker("all"), bench.database("all", SERVICES))
        instance.prepare()
        instance.start()
        try:
            instance.wait_ready()
            figures = []
            for name, process in instance.processes.items():
                memory, idle = _at_rest(process.process.pid)
                figures += [
                    Figure(f"{name}, memory", memory, "MB", 80),
                    Figure(f"{name}, idle CPU", idle, "%", 5),
                ]
            return figures
        finally:
            instance.stop()


def page_figures(bench: Bench) -> list[Figure]:
    """Latency by route, and pages a second beside a bare one."""
    console.print("measuring pages and API …")
    return pages.measure(bench)


def intake_figures(bench: Bench) -> list[Figure]:
    """Ballots a second, at the gateway and from the queue to rows."""
    console.print("measuring the intake of ballots …")
    return intake.measure(bench)


def count_figures(bench: Bench) -> list[Figure]:
    """Counting, from a thousand to a million ballots."""
    console.print("measuring the count …")
    return counting.measure(bench)


def relay_figures() -> list[Figure]:
    """From a marathon's end to the next organiser's desk, at another instance."""
    console.print("measuring the relay between two instances …")
    return relay.measure()


def _seconds_to_ready(began: float, port: int) -> float:
    import urllib.request

    until = began + 60
    while time.perf_counter() < until:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).close()
            return time.perf_counter() - began
        except OSError:
            time.sleep(0.05)
    raise TimeoutError("the embedded instance was not ready after 60 s")


def _at_rest(pid: int) -> tuple[float, float]:
    """Resident memory in MB and CPU in per cent of one core, over :data:`IDLE_S` seconds."""
    process = psutil.Process(pid)
    process.cpu_percent()
    time.sleep(IDLE_S)
    return process.memory_info().rss / 1e6, process.cpu_percent()


def table(figures: list[Figure]) -> str:
    """The figures as Markdown."""
    rows = [
        f"| {f.what} | {f.value:.2f} {f.unit} | {f.bound} "
        f"| {('yes' if f.fine else '**no**') if f.bound else ''} | {f.hoped} | {f.baseline} |"
        for f in figures
    ]
    head = "| what | figure | bound | within | target | beside it |\n|---|---|---|---|---|---|\n"
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    return (
        "# Benchmarks\n\nWritten by `make bench`, everything in one run on one machine "
        f"({machine}). Ratios travel; absolute figures belong to the machine and are shown "
        f"against their targets.\n\n{head}" + "\n".join(rows) + "\n\nTen minutes at 1,000"
        " ballots a second, with memory and latency of each: `make test-long`"
        " (`tests/chaos/test_finals_steady.py`).\n"
    )


PARTS: dict[str, Callable[[Bench], list[Figure]]] = {
    "calls": calls,
    "events": events,
    "embedded": lambda _bench: embedded(),
    "services": services,
    "pages": page_figures,
    "intake": intake_figures,
    "count": count_figures,
    "relay": lambda _bench: relay_figures(),
}


def main(wanted: Sequence[str]) -> int:
    """Measures all and writes it, or measures some of the parts and only shows them.

    1 when a ratio is out of its bound, or a part came to no end: the others are written.
    """
    bench, figures, failed = Bench(), [], False
    try:
        for name in wanted or PARTS:
            try:
                must_wait_for_the_disk(bench.servers.database_url)
                found = PARTS[name](bench)
                must_wait_for_the_disk(bench.servers.database_url)
                figures += found
            except Exception:
                traceback.print_exc()
                failed = True
            else:
                console.print(table(figures), soft_wrap=True)
    finally:
        bench.close()
    if not wanted:
        record: list[dict[str, Any]] = [asdict(figure) for figure in figures]
        (ROOT / "docs" / "benchmarks.json").write_text(json.dumps(record, indent=1) + "\n")
        (ROOT / "docs" / "benchmarks.md").write_text(table(figures))
    sys.stdout.write(table(figures))
    return 1 if failed or any(f.is_ratio and not f.fine for f in figures) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
