"""``/healthz``, ``/readyz`` and ``/metrics`` of a service's process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import eventlet
import eventlet.wsgi
from kombu import Connection
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.chassis.core import Core
from services.chassis.schema_version import is_at_head

StartResponse = Callable[[str, list[tuple[str, str]]], Any]


def serve(cores: list[Core], port: int) -> None:
    """Answers on ``port`` from a green thread, for as long as the process lives."""
    listener = eventlet.listen(("0.0.0.0", port))  # noqa: S104  # probes come from outside
    eventlet.spawn(eventlet.wsgi.server, listener, application(cores), log_output=False)


def application(cores: list[Core]) -> Callable[[dict[str, Any], StartResponse], Iterable[bytes]]:
    """The three pages as a WSGI application."""

    def answer(environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/healthz":
            return _reply(start, 200, {"status": "alive"})
        if path == "/readyz":
            problems = readiness(cores)
            return _reply(start, 503 if problems else 200, {"problems": problems})
        if path == "/metrics":
            start("200 OK", [("Content-Type", CONTENT_TYPE_LATEST)])
            return [generate_latest()]
        return _reply(start, 404, {"status": "not found"})

    return answer


def readiness(cores: list[Core]) -> list[str]:
    """What keeps these services from working: an empty list when they can."""
    problems = []
    for core in cores:
        try:
            if not is_at_head(core.name, core.database):
                problems.append(f"{core.name}: migrations missing, run 'marathon migrate'")
        except Exception as error:
            problems.append(f"{core.name}: database away ({type(error).__name__})")
    return problems + (_broker_problems(cores[0]) if cores else [])


def _broker_problems(core: Core) -> list[str]:
    try:
        with Connection(core.settings.amqp_url, connect_timeout=2) as connection:
            connection.ensure_connection(max_retries=1, timeout=3)
    except Exception as error:
        return [f"broker away ({type(error).__name__})"]
    return []


def _reply(start: StartResponse, status: int, body: dict[str, Any]) -> Iterable[bytes]:
    phrase = {200: "OK", 404: "Not Found", 503: "Service Unavailable"}[status]
    start(f"{status} {phrase}", [("Content-Type", "application/json")])
    return [json.dumps(body).encode()]
