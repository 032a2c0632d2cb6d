"""The relay between two instances: from a marathon's closing to the next organiser's desk.

Two whole instances with a RabbitMQ node each, set up by the operator's commands. A hundred
cycles of two legs are opened on both, ten at a time, and each first leg is brought as far as its
palmarès, without teams. Then its organiser closes it, and the second's desk is asked until it
shows the offer. The time begins before the closing is asked for, so it has the closing in it.
"""

from __future__ import annotations

import copy
import tempfile
import time
from pathlib import Path
from typing import Any

import requests

from deploy import local
from tests.benchmarks.figures import Figure, percentile
from tests.relay.conftest import two_legs
from tests.relay.consortium import Consortium, Member, Partner, make

OFFERS = 100
TOGETHER = 10
HOST = "47106"
EARLY = (404, 409, 503)
SOON_S = 30.0
LOOK_S = 0.02
OUTAGE_S = 12.0
MEMBERS = (Member("fumel", "200068930", (1,)), Member("confluent", "200068922", (2,)))
WORST_S, AFTER_OUTAGE_S = 2.0, 10.0


class Desk:
    """An organiser's program at one instance."""

    def __init__(self, partner: Partner) -> None:
        self.url = f"{partner.url}/api/v1"
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Bearer {partner.token}"

    def ask(self, method: str, path: str, **body: Any) -> Any:
        """What the instance answers."""
        answer = self.session.request(method, f"{self.url}{path}", json=body or None, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def open(self, cycle: dict[str, Any], number: int) -> str:
        """Opens a cycle of its own number; its id."""
        file = copy.deepcopy(cycle)
        file["cycle"] = f"{file['cycle']}-{number}"
        self.ask("POST", "/cycles", file=file)
        return str(file["cycle"])

    def prepare(self, cycle: str) -> None:
        """Brings the first leg to where only its closing is missing."""
        leg = f"/marathons/{cycle}-1"
        self.ask("PUT", f"{leg}/host", insee=HOST)
        self.ask("POST", f"{leg}/host/reveal")
        for to in ("running", "ended"):
            self.soon("POST", f"{leg}/moves", to=to, override=True, reason="Mesure.")
        self.soon("POST", f"{leg}/palmares")
        until = time.monotonic() + SOON_S
        while self.ask("GET", leg)["state"] != "deliberated":
            if time.monotonic() > until:
                raise TimeoutError(f"{leg} is not deliberated")
            time.sleep(LOOK_S)

    def soon(self, method: str, path: str, **body: Any) -> Any:
        """What the instance answers once its services have heard of each other."""
        until = time.monotonic() + SOON_S
        while True:
            try:
                return self.ask(method, path, **body)
            except requests.HTTPError as error:
                if error.response.status_code not in EARLY or time.monotonic() > until:
                    raise
                time.sleep(LOOK_S)

    def close(self, cycle: str) -> float:
        """Closes the first leg; when that was begun."""
        began = time.perf_counter()
        self.ask("POST", f"/marathons/{cycle}-1/moves", to="closed")
        return began

    def sees_offer(self, cycle: str) -> bool:
        """Whether the second leg's desk shows an offer."""
        relays = self.ask("GET", f"/cycles/{cycle}/relays")
        return any(one["to_marathon"] == f"{cycle}-2" for one in relays)


def measure() -> list[Figure]:
    """The worst and the usual of :data:`OFFERS` offers, and one after an outage."""
    with tempfile.TemporaryDirectory() as folder:
        cycle, play = two_legs("fumel", "confluent")
        root = Path(folder)
        servers = local.up(root / "servers", environ={})
        consortium = make(root, servers, MEMBERS, cycle, play)
        try:
            consortium.start()
            return _measured(consortium, cycle)
        finally:
            consortium.stop()
            local.down(root / "servers", wipe=True)


def _measured(consortium: Consortium, cycle: dict[str, Any]) -> list[Figure]:
    giver, taker = Desk(consortium["fumel"]), Desk(consortium["confluent"])
    seconds: list[float] = []
    for first in range(0, OFFERS, TOGETHER):
        cycles = _opened(giver, taker, cycle, range(first, first + TOGETHER))
        seconds += [_one(giver, taker, each) for each in cycles]
    [last] = _opened(giver, taker, cycle, range(OFFERS, OFFERS + 1))
    after = _after_outage(consortium, giver, taker, last)
    many = f"{OFFERS} offers between two instances by RabbitMQ"
    return [
        Figure("relay, a closing to the next desk, worst", max(seconds), "s", WORST_S, many),
        Figure("relay, a closing to the next desk, p50", percentile(seconds, 0.5), "s", None, many),
        Figure(
            "relay, a link's return to the next desk",
            after,
            "s",
            AFTER_OUTAGE_S,
            f"after {OUTAGE_S:g} s without a link",
        ),
    ]


def _opened(giver: Desk, taker: Desk, cycle: dict[str, Any], numbers: range) -> list[str]:
    """Cycles that are open on both sides, where only the first leg's closing is missing."""
    opened = [giver.open(cycle, number) for number in numbers]
    for number in numbers:
        taker.open(cycle, number)
    _until_told(giver, opened)
    for each in opened:
        giver.prepare(each)
    return opened


def _until_told(desk: Desk, cycles: list[str]) -> None:
    """Nobody hands a baton on before the partners told what they know."""
    until = time.monotonic() + 120
    for cycle in cycles:
        while not desk.ask("GET", f"/cycles/{cycle}/relay")["told"]:
            if time.monotonic() > until:
                raise TimeoutError(f"{cycle}: the partners did not tell")
            time.sleep(0.1)


def _one(giver: Desk, taker: Desk, cycle: str) -> float:
    return _seen(taker, cycle, giver.close(cycle))


def _seen(taker: Desk, cycle: str, began: float) -> float:
    while not taker.sees_offer(cycle):
        if time.perf_counter() - began > 60:
            return float("inf")
        time.sleep(LOOK_S)
    return time.perf_counter() - began


def _after_outage(consortium: Consortium, giver: Desk, taker: Desk, cycle: str) -> float:
    consortium.cut("confluent")
    giver.close(cycle)
    time.sleep(OUTAGE_S)
    consortium.mend()
    return _seen(taker, cycle, time.perf_counter())
