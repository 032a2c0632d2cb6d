"""``/healthz`` (no dependencies), ``/readyz`` (every service answers), ``/metrics``."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from gateway.asking import parts
from services.chassis.errors import Refusal, Unavailable

# A small question to each service that reads its database. "Not found" is an answer.
PROBES: dict[str, tuple[str, dict[str, Any]]] = {
    "registration": ("list_cycles", {}),
    "venues": ("list_premises", {"marathon": "-"}),
    "voting": ("get_poll", {"poll": "-"}),
    "jury": ("get_palmares", {"marathon": "-"}),
}
DEADLINE_S = 2.0


def install(app: Flask) -> None:
    """Adds the three addresses."""
    app.add_url_rule("/healthz", "healthz", lambda: jsonify(status="alive"))
    app.add_url_rule("/readyz", "readyz", _readyz)
    app.add_url_rule("/metrics", "metrics", _metrics)


def _readyz() -> tuple[Response, int]:
    problems = [f"{service}: no answer" for service in PROBES if not _answers(service)]
    return jsonify(problems=problems), 503 if problems else 200


def _answers(service: str) -> bool:
    door, request = PROBES[service]
    try:
        parts().caller.call(service, door, request, deadline_s=DEADLINE_S)
    except Unavailable:
        return False
    except Refusal as refusal:
        return refusal.status < 500
    return True


def _metrics() -> Response:
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)
