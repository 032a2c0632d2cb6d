"""Voters of a final, in a process of their own: many at once, over connections that stay open.

``python -m tests.chaos.voters PLAN`` casts ballots as the JSON file PLAN says, until the file
``PLAN.stop`` is there or so many were cast, and prints what became of each as a JSON
:class:`Line`. A voter casts one ballot at a time, and a later one only when the one before was
answered, or was given up.
"""

from __future__ import annotations

import json
import random
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

NO_ANSWER = 0
BACK_AFTER_S = 0.05


@dataclass(frozen=True)
class Plan:
    """What to cast: ``passes`` is a file with a pass a line, ``ports`` are the gateways'."""

    ports: list[int]
    poll: str
    projects: list[str]
    passes: str
    most: int
    connections: int
    seed: int = 0
    path: str = ""
    """Where to send instead, an empty object: for a baseline."""
    per_s: float = 0.0
    """How many in a second, all together; as many as can be if it is 0."""
    patience_s: float = 30.0

    def write(self, path: Path) -> None:
        """Keeps it as a file."""
        path.write_text(json.dumps(asdict(self)))


class Line(NamedTuple):
    """What became of a ballot; ``at`` is when it was sent, by the machine's clock."""

    voter: int
    project: str
    receipt: str | None
    status: int
    seconds: float
    at: float
    port: int


class Voter(threading.Thread):
    """One connection, and the voters who use it one after the other."""

    def __init__(self, plan: Plan, number: int, passes: list[tuple[int, str]], stop: Path) -> None:
        super().__init__(daemon=True)
        self.plan = plan
        self.number = number
        self.passes = passes
        self.stop = stop
        self.random = random.Random(f"{plan.seed}:{number}")
        self.lines: list[Line] = []
        self.wire: socket.socket | None = None
        self.turn = number

    def run(self) -> None:
        most, first = self.plan.most // self.plan.connections, time.perf_counter()
        while len(self.lines) < most and (len(self.lines) % 20 or not self.stop.exists()):
            voter, given = self.random.choice(self.passes)
            project = self.random.choice(self.plan.projects)
            self._wait_for_turn(first)
            port, at, began = self._port, time.time(), time.perf_counter()
            status, answer = self._post(project, given)
            seconds = time.perf_counter() - began
            receipt = answer.get("receipt") if status == 202 else None
            self.lines.append(Line(voter, project, receipt, status, seconds, at, port))
            if status not in (202, 200):
                time.sleep(BACK_AFTER_S)
        if self.wire:
            self.wire.close()

    def _wait_for_turn(self, first: float) -> None:
        if self.plan.per_s:
            each = self.plan.connections / self.plan.per_s
            due = first + (len(self.lines) + self.number / self.plan.connections) * each
            time.sleep(max(0.0, due - time.perf_counter()))

    @property
    def _port(self) -> int:
        return self.plan.ports[self.turn % len(self.plan.ports)]

    def _post(self, project: str, given: str) -> tuple[int, dict[str, Any]]:
        body = b"{}" if self.plan.path else json.dumps({"pass": given, "project": project}).encode()
        path = self.plan.path or f"/api/v1/polls/{self.plan.poll}/ballots"
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        try:
            if self.wire is None:
                place = ("127.0.0.1", self._port)
                self.wire = socket.create_connection(place, timeout=self.plan.patience_s)
            self.wire.sendall(head.encode() + body)
            return self._read(self.wire)
        except OSError:
            if self.wire:
                self.wire.close()
            self.wire = None
            self.turn += 1
            return NO_ANSWER, {}

    def _read(self, wire: socket.socket) -> tuple[int, dict[str, Any]]:
        data = b""
        while b"\r\n\r\n" not in data:
            data += _more(wire)
        head, _blank, body = data.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        while len(body) < length:
            body += _more(wire)
        return int(head[9:12]), json.loads(body) if length else {}


def _more(wire: socket.socket) -> bytes:
    data = wire.recv(65536)
    if not data:
        raise ConnectionError("the gateway hung up")
    return data


def vote(plan: Plan, stop: Path) -> Iterator[Line]:
    """Casts all, and tells what became of each; one voter's lines in the order they were cast."""
    passes = list(enumerate(Path(plan.passes).read_text().splitlines()))
    shares = [passes[number :: plan.connections] for number in range(plan.connections)]
    voters = [Voter(plan, number, share, stop) for number, share in enumerate(shares)]
    for voter in voters:
        voter.start()
    for voter in voters:
        voter.join()
        yield from voter.lines


def main() -> None:
    path = Path(sys.argv[1])
    plan = Plan(**json.loads(path.read_text()))
    began = time.perf_counter()
    for line in vote(plan, path.with_suffix(".stop")):
        print(json.dumps(line))
    print(f"{time.perf_counter() - began:.3f}", file=sys.stderr)


if __name__ == "__main__":
    main()
