"""Voters of a final, in a process of their own: many at once, over connections that stay open.

``python -m tests.chaos.voters PLAN`` casts ballots as the JSON file PLAN says, until the file
``PLAN.stop`` is there or so many were cast, and prints what became of each as a JSON
:class:`Line`; to stderr, the seconds from the first one sent to the last one answered, and of how
much CPU of its own. A voter casts one ballot at a time, and a later one only when the one before
was answered, or was given up.
"""

from __future__ import annotations

import gc
import heapq
import json
import random
import re
import selectors
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import NamedTuple

NO_ANSWER = 0
NOT_CONFIRMED = (NO_ANSWER, 503)
BACK_AFTER_S = 0.05
LOOK_UP_S = 0.1
"""How often it is seen whether they shall stop, and who has waited for too long."""

ON_PAPER = 20
"""Every so manieth ballot is cast with a paper code, while there are some."""

LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


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
    codes: str = ""
    """A file with a paper code a line, each for one voter more."""

    def write(self, path: Path) -> None:
        """Keeps it as a file."""
        path.write_text(json.dumps(asdict(self)))


class Line(NamedTuple):
    """What became of a ballot; ``at`` is when it was sent, by the machine's clock.

    Where there is a pace, ``at`` is when it was to be sent, and ``seconds`` are since then: who
    has to wait until the one before is answered waits as well.
    """

    voter: int
    project: str
    receipt: str | None
    status: int
    seconds: float
    at: float
    port: int


class Ballot(NamedTuple):
    """A ballot as it is sent; a paper code's is sent again until it is answered."""

    voter: int
    project: str
    request: bytes
    on_paper: bool


class Voter:
    """One connection, and the voters who use it one after the other."""

    def __init__(self, plan: Plan, number: int, ballots: Iterator[Ballot]) -> None:
        self.ballots = ballots
        self.turn = number
        self.ports = plan.ports
        self.lines: list[Line] = []
        self.wire: socket.socket | None = None
        self.data = b""
        self.ballot: Ballot | None = None
        """What is under way, or is to be sent again."""
        self.due: float | None = None
        """When it is to be sent, where there is a pace."""
        self.asked_at: float | None = None
        """Since when an answer is waited for, if one is."""
        self.began = self.at = 0.0

    @property
    def port(self) -> int:
        """Of the gateway whose turn it is."""
        return self.ports[self.turn % len(self.ports)]

    def begin(self) -> bytes:
        """What is to be sent now: the next ballot, or the last one again."""
        self.ballot = self.ballot or next(self.ballots)
        self.asked_at = time.perf_counter()
        self.began = self.asked_at if self.due is None else self.due
        self.at = time.time() - (self.asked_at - self.began)
        return self.ballot.request

    def hear(self) -> tuple[int, bytes] | None:
        """Status and body of an answer, once it is here as a whole. Raises ``OSError``."""
        data = self.wire.recv(65536) if self.wire else b""
        if not data:
            raise ConnectionError("the gateway hung up")
        self.data += data
        head, blank, body = self.data.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if not blank or length is None or len(body) < int(length[1]):
            return None
        self.data = b""
        return int(head[9:12]), body

    def note(self, status: int, body: bytes = b"") -> None:
        """Notes what became of the ballot, which is over unless it is to be sent again."""
        assert self.ballot is not None
        receipt = json.loads(body)["receipt"] if status == 202 else None
        seconds = time.perf_counter() - self.began
        ballot, at = self.ballot, self.at
        self.lines.append(
            Line(ballot.voter, ballot.project, receipt, status, seconds, at, self.port)
        )
        self.asked_at = None
        if not (ballot.on_paper and status in NOT_CONFIRMED):
            self.ballot = None


class Crowd:
    """All voters, in one thread: they share the machine with what they try."""

    def __init__(self, plan: Plan, stop: Path) -> None:
        self.plan = plan
        self.stop = stop
        self.stopped = False
        self.selector = selectors.DefaultSelector()
        self.voters = _voters(plan)
        self.most = plan.most // plan.connections
        self.due: list[tuple[float, int]] = []
        """Who sends when, soonest first."""

    def vote(self) -> None:
        """Casts all."""
        self.first = looked = time.perf_counter()
        for number in range(len(self.voters)):
            self._go_on(number)
        while self.due or any(voter.asked_at is not None for voter in self.voters):
            self._send_due()
            for key, _events in self.selector.select(self._pause()):
                self._hear(key.data)
            if time.perf_counter() > looked + LOOK_UP_S:
                looked = time.perf_counter()
                self._look_up(looked)
        for voter in self.voters:
            self._hang_up(voter)

    def _go_on(self, number: int, pause_s: float = 0.0) -> None:
        """Lets a voter's connection send again, unless it has sent all."""
        voter, ready = self.voters[number], time.perf_counter() + pause_s
        if self.stopped or (len(voter.lines) >= self.most and voter.ballot is None):
            return
        if self.plan.per_s:
            each = self.plan.connections / self.plan.per_s
            voter.due = self.first + (len(voter.lines) + number / self.plan.connections) * each
            ready = max(ready, voter.due)
        heapq.heappush(self.due, (ready, number))

    def _send_due(self) -> None:
        while self.due and self.due[0][0] <= time.perf_counter():
            _ready, number = heapq.heappop(self.due)
            if not self.stopped:
                self._send(number)

    def _send(self, number: int) -> None:
        voter = self.voters[number]
        request = voter.begin()
        try:
            if voter.wire is None:
                place = ("127.0.0.1", voter.port)
                voter.wire = socket.create_connection(place, timeout=self.plan.patience_s)
                self.selector.register(voter.wire, selectors.EVENT_READ, number)
            voter.wire.sendall(request)
        except OSError:
            self._fail(number)

    def _hear(self, number: int) -> None:
        voter = self.voters[number]
        try:
            answer = voter.hear()
        except OSError:
            return self._fail(number)
        if answer is None:
            return None
        voter.note(*answer)
        return self._go_on(number, 0.0 if answer[0] in (200, 202) else BACK_AFTER_S)

    def _fail(self, number: int) -> None:
        """Goes to the next gateway; what is under way got no answer."""
        voter = self.voters[number]
        self._hang_up(voter)
        if voter.asked_at is not None:
            voter.note(NO_ANSWER)
            voter.turn += 1
            self._go_on(number, BACK_AFTER_S)

    def _hang_up(self, voter: Voter) -> None:
        if voter.wire is not None:
            self.selector.unregister(voter.wire)
            voter.wire.close()
        voter.wire, voter.data = None, b""

    def _pause(self) -> float:
        until = self.due[0][0] - time.perf_counter() if self.due else LOOK_UP_S
        return max(0.0, min(LOOK_UP_S, until))

    def _look_up(self, now: float) -> None:
        self.stopped = self.stopped or self.stop.exists()
        for number, voter in enumerate(self.voters):
            if voter.asked_at is not None and now > voter.asked_at + self.plan.patience_s:
                self._fail(number)


def _voters(plan: Plan) -> list[Voter]:
    passes = list(enumerate(Path(plan.passes).read_text().splitlines()))
    printed = Path(plan.codes).read_text().splitlines() if plan.codes else []
    codes = list(enumerate(printed, len(passes)))
    shares = [slice(number, None, plan.connections) for number in range(plan.connections)]
    return [
        Voter(plan, number, _ballots(plan, number, passes[share], codes[share]))
        for number, share in enumerate(shares)
    ]


def _ballots(
    plan: Plan, number: int, passes: list[tuple[int, str]], codes: list[tuple[int, str]]
) -> Iterator[Ballot]:
    """What the voters of one connection cast, without an end."""
    chance = random.Random(f"{plan.seed}:{number}")
    path = plan.path or f"/api/v1/polls/{plan.poll}/ballots"
    for turn in count(1):
        project = chance.choice(plan.projects)
        if codes and (turn + number) % ON_PAPER == 0:  # not all of them at once
            voter, code = codes.pop()
            body, key = {"code": code, "project": project}, f"paper-{voter}"
            yield Ballot(voter, project, _request(path, body, key), True)
            continue
        voter, given = chance.choice(passes)
        body = {} if plan.path else {"pass": given, "project": project}
        yield Ballot(voter, project, _request(path, body), False)


def _request(path: str, body: dict[str, str], key: str = "") -> bytes:
    sent = json.dumps(body)
    more = f"Idempotency-Key: {key}\r\n" if key else ""
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"{more}Content-Length: {len(sent)}\r\n\r\n{sent}"
    ).encode()


def main() -> None:
    path = Path(sys.argv[1])
    crowd = Crowd(Plan(**json.loads(path.read_text())), path.with_suffix(".stop"))
    gc.disable()  # it would find nothing: what there is, is kept
    began, used = time.perf_counter(), time.process_time()
    crowd.vote()
    took, cpu = time.perf_counter() - began, time.process_time() - used
    # One voter's lines in the order in which they were cast.
    for voter in crowd.voters:
        for line in voter.lines:
            print(json.dumps(line))
    print(f"{took:.3f} {cpu:.3f}", file=sys.stderr)


if __name__ == "__main__":
    main()
