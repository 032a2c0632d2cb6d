"""A running instance for journeys in a browser, and the API for what is not their point."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
import yaml

from tests.instance import Instance

CYCLE_FILE = Path(__file__).resolve().parents[1] / "two-legs.yaml"
ORGANISER = "organisatrice@example.org"
LEGS = ("deux-etapes-1", "deux-etapes-2")
HOSTS = ("47179", "47004")
WAIT_S = 20.0


class Town:
    """One embedded instance with its mails in files and a clock that can be moved."""

    def __init__(self, folder: Path) -> None:
        self.instance = Instance(
            folder,
            "embedded://",
            f"sqlite:///{folder}/{{service}}.sqlite",
            MARATHON_DEMO="1",
            MARATHON_SMTP_URL=f"folder:{folder}/mails",
        )
        self.url = self.instance.url
        self.session = requests.Session()

    def open(self) -> None:
        """Starts it, with a cycle of two legs and one organiser of both."""
        self.instance.start("embedded")
        self.instance.wait_ready()
        made = self.instance.marathon("token", "create", "--label", "essai", "--role", "organiser")
        self.session.headers["Authorization"] = f"Bearer {made.strip()}"
        self.post("/cycles", file=yaml.safe_load(CYCLE_FILE.read_text(encoding="utf-8")))
        self.until(lambda: self.state(LEGS[0]) == "announced")
        odile = {"name": "Odile Organisatrice", "email": ORGANISER}
        for leg in LEGS:
            self.post(f"/marathons/{leg}/roles", role="organiser", person=odile)

    # --- asking ---------------------------------------------------------------------------

    def ask(self, method: str, path: str, body: Any = None) -> requests.Response:
        """One request as an organiser."""
        return self.session.request(
            method,
            f"{self.url}/api/v1{path}",
            json=body,
            headers={"Idempotency-Key": uuid.uuid4().hex},
            timeout=20,
        )

    def get(self, path: str) -> Any:
        """What is at a path."""
        found = self.ask("GET", path)
        assert found.status_code == 200, found.text
        return found.json()

    def post(self, path: str, method: str = "POST", **body: Any) -> Any:
        """A command; again where it was too early: services hear each other a moment later."""
        until = time.monotonic() + WAIT_S
        while True:
            found = self.ask(method, path, body)
            if found.ok:
                return found.json()
            early = found.status_code in (404, 409, 503)
            assert early and time.monotonic() < until, f"{path}: {found.text}"
            time.sleep(0.1)

    def until(self, condition: Callable[[], Any], what: str = "it") -> Any:
        """What ``condition`` answers once it is true."""
        return self.instance.wait_for(condition, WAIT_S, what)

    def state(self, marathon: str) -> str:
        """A marathon's state; empty while it is not known."""
        found = self.ask("GET", f"/marathons/{marathon}")
        return str(found.json()["state"]) if found.ok else ""

    def move_clock(self, to: datetime) -> None:
        """Moves the instance's clock forward."""
        self.post("/clock", "PUT", now=to.isoformat())

    def now(self) -> datetime:
        """What the instance's clock shows."""
        return datetime.fromisoformat(self.get("/clock")["now"])

    # --- mails ----------------------------------------------------------------------------

    def code_for(self, email: str, seen: set[str]) -> str:
        """The code in the newest mail to an address that was not there before."""

        def found() -> str:
            match = re.search(r"\b(\d{3})\s?(\d{3})\b", self._newest(email, seen))
            return match[1] + match[2] if match else ""

        return str(self.until(found, f"the mail to {email}"))

    def link_for(self, email: str, seen: set[str], path: str) -> str:
        """The link to a path of this site in the newest mail that was not there before."""

        def found() -> str:
            match = re.search(rf"{re.escape(self.url)}({path}\S*)", self._newest(email, seen))
            return match[1] if match else ""

        return str(self.until(found, f"the mail to {email}"))

    def _newest(self, email: str, seen: set[str]) -> str:
        answer = self.session.get(f"{self.url}/api/v1/mails", params={"to": email}, timeout=20)
        return next((str(mail["text"]) for mail in answer.json() if mail["id"] not in seen), "")

    def mails_to(self, email: str) -> set[str]:
        """The ids of the mails to an address."""
        answer = self.session.get(f"{self.url}/api/v1/mails", params={"to": email}, timeout=20)
        return {mail["id"] for mail in answer.json()}

    # --- what journeys begin with ---------------------------------------------------------

    def mobilise(self, leg: int = 0) -> str:
        """A leg whose mobilisation is under way; its marathon's id."""
        marathon = LEGS[leg]
        starts = self.now() + timedelta(days=20)
        starts = starts.astimezone(UTC).replace(hour=8, minute=0, second=0, microsecond=0)
        if self.state(marathon) == "mobilised":
            return marathon
        self.post(f"/marathons/{marathon}", "PATCH", starts_at=starts.isoformat())
        self.post(f"/marathons/{marathon}/host", "PUT", insee=HOSTS[leg])
        self.post(f"/marathons/{marathon}/host/reveal")
        self.until(lambda: self.state(marathon) == "mobilised", "mobilised")
        return marathon

    def team(self, marathon: str, title: str, upto: str = "confirmed") -> str:
        """A project with an invented holder, brought as far as ``upto``; its id."""
        email = f"{re.sub(r'[^a-z]', '', title.lower())}@example.org"
        made = self.post(
            f"/marathons/{marathon}/projects",
            title=title,
            pitch="Un projet inventé.",
            activity="artisanat",
            holder={"name": f"Porteuse de {title}", "email": email},
        )
        steps = {"submitted": "submission"}
        for status, step in steps.items():
            self.post(f"/projects/{made['id']}/{step}")
            if status == upto:
                return str(made["id"])
        self.post(f"/projects/{made['id']}/decision", decision="accepted")
        self.post(f"/marathons/{marathon}/decisions")
        self.post(f"/projects/{made['id']}/confirmation")
        return str(made["id"])

    def premises(self, marathon: str, title: str, owner: str, capacity: int = 4) -> str:
        """An approved offer; its id."""
        view = self.get(f"/marathons/{marathon}")
        starts = datetime.fromisoformat(view["starts_at"])
        made = self.post(
            f"/marathons/{marathon}/premises",
            title=title,
            owner={"name": "Propriétaire inventé", "email": owner},
            address={"street": "Rue inventée", "postal_code": "47500", "insee": HOSTS[0]},
            surface_m2=60,
            capacity=capacity,
            step_free="yes",
            power=True,
            water=True,
            available=[
                {
                    "from_at": (starts - timedelta(days=1)).isoformat(),
                    "to_at": (starts + timedelta(days=4)).isoformat(),
                }
            ],
        )
        self.post(f"/offers/{made['id']}/decision", approve=True)
        return str(made["id"])

    def place(self, marathon: str, teams: int) -> None:
        """Every one of so many teams gets a place, and it is confirmed."""

        def placed() -> bool:
            asked = self.post(f"/marathons/{marathon}/allocations/proposal")
            return len(asked["allocations"]) == teams

        self.until(placed, "places")
        self.post(f"/marathons/{marathon}/allocations/confirmation")

    def juror(self, marathon: str, email: str, president: bool = False) -> None:
        """Somebody on the jury."""
        self.post(
            f"/marathons/{marathon}/roles",
            role="juror",
            person={"name": email.partition("@")[0].title(), "email": email},
            president=president,
        )
