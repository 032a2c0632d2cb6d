"""Callers for the gateway's tests: the four real services without a broker, or a stand-in."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Unpack

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from gateway.app import create_app
from gateway.asking import Parts
from gateway.routes.row import door_of
from services.chassis.actor import Actor, How
from services.chassis.config import Settings
from services.chassis.errors import Refusal, Unavailable
from tests.harness import SECRET, Troupe

Request = dict[str, Any]


class TroupeCaller:
    """Asks the services of a troupe in this process, then carries the events that came of it."""

    def __init__(self, troupe: Troupe, deliver: bool = True) -> None:
        self.troupe = troupe
        self.deliver = deliver
        self.away: set[str] = set()

    def call(
        self,
        service: str,
        door: str,
        request: Request | None = None,
        **how: Unpack[How],
    ) -> Any:
        """As ``services.chassis.calls.Caller.call``."""
        return self.exchange(service, door, request, **how)["ok"]

    def exchange(
        self,
        service: str,
        door: str,
        request: Request | None = None,
        **how: Unpack[How],
    ) -> Request:
        """As ``services.chassis.calls.Caller.exchange``."""
        if service in self.away:
            raise Unavailable(service)
        player = self.troupe.players[service]
        answer = player.exchange(
            door,
            request or {},
            actor=how.get("actor"),
            key=how.get("key"),
            if_match=how.get("if_match"),
        )
        if self.deliver:
            self.troupe.deliver()
        return answer


class StandIn:
    """Answers every door alike and keeps what it was asked: for tests of the gateway alone."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Starts anew."""
        self.answers: dict[str, Any] = {}
        self.people: dict[str, Request] = {}
        self.asked: list[tuple[str, Request, Actor | None, str | None, str]] = []

    def call(
        self,
        service: str,
        door: str,
        request: Request | None = None,
        **how: Unpack[How],
    ) -> Any:
        """As ``services.chassis.calls.Caller.call``; an exception as answer is raised, a list is
        the one page of it."""
        if (service, door) == ("registration", "identify"):
            return self._identify(request or {})
        asker, key, correlation = how.get("actor"), how.get("key"), how.get("correlation", "")
        self.asked.append((f"{service}.{door}", dict(request or {}), asker, key, correlation))
        answer = self.answers.get(f"{service}.{door}", {})
        if isinstance(answer, Exception):
            raise answer
        told = answer(request) if callable(answer) else answer
        if not door_of(f"{service}.{door}").paged or "items" in told:
            return told
        return {"items": told or [], "next": None}

    def exchange(
        self,
        service: str,
        door: str,
        request: Request | None = None,
        **how: Unpack[How],
    ) -> Request:
        """As ``services.chassis.calls.Caller.exchange``, with no tags."""
        return {"ok": self.call(service, door, request, **how)}

    def _identify(self, request: Request) -> Request:
        (secret,) = request.values()
        if secret not in self.people:
            raise Refusal("session_unknown", "Cette session est inconnue.", "", 404)
        return self.people[secret]


class Browser(FlaskClient):
    """A client that says where its commands come from, as every browser does."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """As Flask's own; without one's own word on it, from this site."""
        headers = Headers(kwargs.pop("headers", None))
        if not {"Origin", "Sec-Fetch-Site", "Referer"} & set(headers.keys()):
            headers["Origin"] = "http://localhost"
        return super().open(*args, headers=headers, **kwargs)


def parts_of(app: Flask) -> Parts:
    """What a gateway is made of."""
    found: Parts = app.extensions["gateway"]
    return found


def settings(folder: Path, **more: Any) -> Settings:
    """Settings of a gateway under test."""
    return Settings(instance="test", secret=SECRET, data_dir=folder, **more)


def stand_in_app(folder: Path, caller: StandIn, **more: Any) -> Flask:
    """A gateway over a stand-in."""
    return create_app(settings(folder, **more), caller)


def person(*roles: tuple[str, str | None], key: str | None = "p1", name: str = "P") -> Request:
    """What ``identify`` answers."""
    return {
        "key": key,
        "name": name,
        "kind": "session" if key else "token",
        "roles": [{"role": role, "marathon": marathon} for role, marathon in roles],
    }


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def json_of(answer: TestResponse) -> Any:
    """The JSON of an answer that has one."""
    assert answer.json is not None, answer.data
    return answer.json
