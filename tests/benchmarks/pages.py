"""Pages and API: latency by route, and public pages from memory beside a bare Flask page.

The one who asks runs in a process of its own, over connections that stay open; the bare page has
the same bytes and the same server (eventlet's), so the ratio is what our gateway adds.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from services.chassis.config import SERVICES
from tests.benchmarks.figures import Figure, percentile
from tests.instance import Instance, Process, free_port

CYCLE = Path(__file__).resolve().parents[1] / "journeys" / "two-legs.play.yaml"
DJANGO_PER_S = 59.0
"""Pages a second of a conference site of this kind on Django, two workers (measured before the
start, on another day: a peer to beat by three, not a baseline of this run)."""

CONNECTIONS = 8
SECONDS = 6.0
SAMPLES = 60
ROUNDS = 3


def measure(bench: Any) -> list[Figure]:
    """Both ways to run an instance, then memory against a bare page."""
    with tempfile.TemporaryDirectory() as folder:
        files = f"sqlite:///{folder}/{{service}}.sqlite"
        with played(_instance(folder, "embedded://", files), "embedded") as instance:
            figures = [*by_route(instance, "embedded"), *from_memory(instance)]
    with tempfile.TemporaryDirectory() as folder:
        broker, database = bench.broker("pages"), bench.database("pages", SERVICES)
        with played(_instance(folder, broker, database), *SERVICES, "gateway", "mail") as instance:
            figures += by_route(instance, "on servers")
    return figures


def _instance(folder: str, broker: str, database: str) -> Instance:
    # The play's jurors sign in by mail, which it reads here.
    mails = {"MARATHON_DEMO": "1", "MARATHON_SMTP_URL": f"folder:{folder}/mails"}
    return Instance(Path(folder), broker, database, **mails)


@contextmanager
def played(instance: Instance, *parts: str) -> Iterator[Instance]:
    """A running instance in which two marathons were played."""
    if "embedded" not in parts:
        instance.prepare()
    instance.start(*parts)
    try:
        instance.wait_ready()
        token = ["token", "create", "--label", "bench", "--role", "organiser"]
        secret = instance.marathon(*token).strip()
        instance.marathon("play", str(CYCLE), "--url", instance.url, "--token", secret)
        instance.env["BENCH_TOKEN"] = secret
        yield instance
    finally:
        instance.stop()


# --- latency ------------------------------------------------------------------------------


def by_route(instance: Instance, where: str) -> list[Figure]:
    """The time of single requests, one after the other; public pages past their memory's age
    are what a service is asked for, so they are asked for as somebody who is signed in."""
    session = {"Authorization": f"Bearer {instance.env['BENCH_TOKEN']}"}
    marathon = _json(instance, "/api/v1/cycles/deux-etapes")["marathons"][0]["id"]
    project = _json(instance, f"/api/v1/marathons/{marathon}/projects")[0]["id"]
    routes = {
        "page: home": "/",
        "page: a marathon": f"/marathons/{marathon}",
        "page: a project": f"/projets/{project}",
        "page: results": f"/marathons/{marathon}/resultats",
        "page: the desk": f"/bureau/marathons/{marathon}",
        "API: a marathon": f"/api/v1/marathons/{marathon}",
        "API: projects": f"/api/v1/marathons/{marathon}/projects",
        "API: who I am": "/api/v1/me",
    }
    return [
        Figure(f"{name}, {where}, p50", percentile(times, 0.5), "ms", None, _worst(times))
        for name, path in routes.items()
        for times in [_times(instance.port, path, session)]
    ]


def _worst(times: list[float]) -> str:
    return f"p95 {percentile(times, 0.95):.1f} ms"


def _times(port: int, path: str, headers: dict[str, str]) -> list[float]:
    with Line(port, path, headers) as line:
        line.ask()
        return [_timed(line) * 1000 for _ in range(SAMPLES)]


def _timed(line: Line) -> float:
    began = time.perf_counter()
    line.ask()
    return time.perf_counter() - began


# --- from memory --------------------------------------------------------------------------


def from_memory(instance: Instance) -> list[Figure]:
    """Public pages a second, taken in turns with the bare page; the weight of a first view."""
    home = {"Accept-Encoding": "gzip"}
    weight = first_view(instance, "/")
    with bare(instance) as port:
        turns = [(_rate(instance.port, "/", home), _rate(port, "/", home)) for _ in range(ROUNDS)]
    ours, plain = (sorted(rates)[ROUNDS // 2] for rates in zip(*turns, strict=True))
    shares = sorted(mine / theirs for mine, theirs in turns)
    signed = _rate(instance.port, "/", {"Authorization": f"Bearer {instance.env['BENCH_TOKEN']}"})
    django = f"Django peer {DJANGO_PER_S:g}/s with two workers"
    return [
        Figure("public page from memory", ours, "/s", None, f"bare Flask page {plain:.0f}/s"),
        Figure(
            "public page from memory, ours / bare Flask", shares[ROUNDS // 2], "×",
            is_ratio=True, at_least=0.5,
        ),
        Figure("page made anew for each request", signed, "/s", None, django),
        Figure("public page, ours / Django peer", ours / DJANGO_PER_S, "×", at_least=3),
        Figure("first view of the home page on the wire", weight / 1000, "kB", 100),
    ]  # fmt: skip


def first_view(instance: Instance, path: str) -> int:
    """Bytes of a page and all that it needs, heads included, as a browser gets them."""
    page = _fetch(instance.port, path)
    found = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.decode("utf-8", "replace"))
    return sum(_weight(instance.port, each) for each in (path, *dict.fromkeys(found)))


def _weight(port: int, path: str) -> int:
    with Line(port, path, {"Accept-Encoding": "gzip"}) as line:
        return len(line.ask())


def _fetch(port: int, path: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        found: bytes = answer.read()
        return found


def _json(instance: Instance, path: str) -> Any:
    return json.loads(_fetch(instance.port, path))


@contextmanager
def bare(instance: Instance) -> Iterator[int]:
    """A Flask app of one page with the same bytes as our home page, on the same server."""
    port = free_port()
    with Line(instance.port, "/", {"Accept-Encoding": "gzip"}) as line:
        _head, _blank, body = line.ask().partition(b"\r\n\r\n")
    page = instance.folder / "bare"
    page.write_bytes(body)
    command = [sys.executable, "-m", "tests.benchmarks.bare_page", str(port), str(page)]
    process = Process("bare", command, instance.env, instance.folder / "bare.log")
    try:
        _wait_for(port)
        yield port
    finally:
        process.halt()


def _wait_for(port: int) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("the bare page did not start")


# --- who asks -----------------------------------------------------------------------------


class Line:
    """A connection that stays open, and one request that is sent over it again and again."""

    def __init__(self, port: int, path: str, headers: dict[str, str]) -> None:
        lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.request = ("\r\n".join(lines) + "\r\n\r\n").encode()
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)

    def ask(self) -> bytes:
        """The whole answer, as :meth:`read`."""
        self.socket.sendall(self.request)
        return self.read()

    def read(self) -> bytes:
        """The whole answer to what was sent. Raises ``ValueError`` for anything but 200."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _blank, body = data.partition(b"\r\n\r\n")
        if b" 200 " not in head[:16]:
            raise ValueError(head[:200].decode("latin-1"))
        found = re.search(rb"(?i)content-length: (\d+)", head)
        length = int(found[1]) if found else 0
        while len(body) < length:
            body += self._more()
        return head + b"\r\n\r\n" + body

    def _more(self) -> bytes:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the server hung up")
        return data

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_error: object) -> None:
        self.socket.close()


def _rate(port: int, path: str, headers: dict[str, str]) -> float:
    """Answers a second over :data:`CONNECTIONS` connections, asked by a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.pages", str(port), path, json.dumps(headers)],
        stdout=subprocess.PIPE,
        text=True,
        timeout=SECONDS + 60,
        check=True,
    )
    return float(done.stdout)


def ask_all(port: int, path: str, headers: dict[str, str]) -> float:
    """Sends on all lines, then reads from all, for :data:`SECONDS`; the answers a second."""
    lines = [Line(port, path, headers) for _ in range(CONNECTIONS)]
    for line in lines:
        line.ask()  # the memory is warm, as on the evening of a vote
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        for line in lines:
            line.socket.sendall(line.request)
        for line in lines:
            line.read()
            count += 1
    return count / (time.perf_counter() - began)


if __name__ == "__main__":
    sys.stdout.write(str(ask_all(int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]))))
