"""A whole instance in real processes, on which a cycle is played while things are killed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DBAPIError

from tests.chaos.checker import Books, old_copies, unquiet, wrong_counts
from tests.instance import SERVICES, Instance, run_marathon

FILE = Path(__file__).resolve().parents[1] / "journeys" / "two-legs.play.yaml"
MARATHONS = ["deux-etapes-1", "deux-etapes-2"]
PLAY_S = 150


class Season:
    """Four services, a gateway and the mail, each a process that is started again when it dies."""

    def __init__(self, folder: Path, amqp_url: str, database_url: str, crash_at: str = "") -> None:
        self.instance = Instance(
            folder,
            amqp_url,
            database_url,
            MARATHON_DEMO="1",
            MARATHON_SMTP_URL=f"folder:{folder / 'mail'}",
            MARATHON_CRASH_AT=crash_at,
            # Six processes that look five times a second take half a core from what they do.
            MARATHON_TICK_S="0.5",
        )
        self.books = Books(database_url)
        self.instance.prepare()
        make = ("token", "create", "--label", "play", "--role", "organiser")
        self.token = self.instance.marathon(*make, MARATHON_CRASH_AT="").strip()
        self.instance.start(*SERVICES, "gateway", "mail")
        self.instance.wait_ready()

    def play(self, meanwhile: Callable[[], None] = lambda: None) -> dict[str, Any]:
        """Plays the cycle to its end, ``meanwhile`` beside it; the summary."""
        command = ("play", str(FILE), "--url", self.instance.url, "--json")
        env = {**self.instance.env, "MARATHON_TOKEN": self.token}
        with ThreadPoolExecutor(1) as beside:
            other = beside.submit(meanwhile)
            try:
                done = run_marathon(*command, env=env, timeout=PLAY_S)
            except subprocess.TimeoutExpired as late:
                said = (late.stderr or b"").decode(errors="replace")
                raise AssertionError(f"{late}\n{said}\n{self.where_it_stands()}") from late
            assert done.returncode == 0, f"{done.stderr[-2000:]}\n{self.where_it_stands()}"
            other.result()
        return dict(json.loads(done.stdout))

    def where_it_stands(self) -> str:
        """For whoever reads why it did not end: what is under way, what died at a crash point,
        who said what."""
        try:
            under_way = unquiet(self.books)
        except DBAPIError as away:
            under_way = [f"the databases do not answer: {away}"]
        lines = [*under_way, f"died at {sorted(self.died())}", self.instance.log_ends()]
        return "\n".join(lines)

    def must_be_whole(self, played: dict[str, Any]) -> None:
        """Holds everything against the promises: all heard, each effect exactly once."""
        self.instance.wait_for(lambda: not unquiet(self.books), 60, "quiet")
        assert wrong_counts(self.books, MARATHONS) == []
        assert old_copies(self.books) == []
        assert played["state"] == "finished"
        assert [outcome_of(one) for one in played["marathons"]] == [OUTCOME, OUTCOME]

    def died(self) -> set[str]:
        """The places at which a process was killed by its crash point."""
        return {path.name for path in self.instance.crashes.iterdir()}

    def stop(self) -> None:
        """Ends everything."""
        self.instance.stop()
        self.books.close()


OUTCOME = {
    "state": "closed",
    "teams": 4,
    "allocations": 4,
    "ballots_accepted": 12,
    "ballots_counted": 12,
    "edition": 1,
}


def outcome_of(marathon: dict[str, Any]) -> dict[str, Any]:
    """What must be the same however often a process died."""
    names = ("state", "teams", "allocations", "ballots_accepted", "ballots_counted")
    edition = marathon["palmares"] and marathon["palmares"]["number"]
    return {name: marathon[name] for name in names} | {"edition": edition}
