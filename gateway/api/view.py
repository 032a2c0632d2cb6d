"""The one view behind every address of the API: admit, read, ask, answer."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

from flask import Response, request

from gateway import own
from gateway.access import admit
from gateway.asking import ask, parts, visitor
from gateway.inbound import idempotency_key, read_request
from gateway.routes import Route
from services.chassis.errors import Forbidden


def view_of(route: Route) -> Callable[..., Response]:
    """The view function of a row."""

    def view(**path: str) -> Response:
        # Before anything is read: who may not enter learns nothing from our parser either.
        admit(route.who, visitor(), path)
        wanted = read_request(route.takes, path, _filled(route))
        return _respond(_answer(route, _with_visitor(route, wanted)), route.status)

    view.__name__ = route.endpoint
    return view


def _answer(route: Route, wanted: dict[str, Any]) -> Any:
    if route.service == "gateway":
        return own.answer(route.name, wanted)
    return ask(route.door, wanted, None if route.reads else idempotency_key())


def _filled(route: Route) -> dict[str, str]:
    """The fields of the request that the gateway fills in."""
    makers: dict[str, Callable[[], str]] = {"ip": client_ip, "session": _session}
    return {name: makers[name]() for name in route.filled}


def _with_visitor(route: Route, wanted: dict[str, Any]) -> dict[str, Any]:
    """Adds a stable name for this visitor where the door has an order for each (RULES V6)."""
    if "visitor" not in route.takes or wanted.get("visitor"):
        return wanted
    return {**wanted, "visitor": visitor_name()}


def client_ip() -> str:
    """The client's address, from the configured number of trusted proxies (RULES S3)."""
    return request.remote_addr or ""


def visitor_name() -> str:
    """A name for this visitor, the same at the next request and nothing to know them by."""
    credential = visitor().credential
    seen = credential.digest if credential else f"{client_ip()} {request.user_agent.string}"
    return hmac.new(parts().settings.secret, seen.encode(), hashlib.sha256).hexdigest()[:32]


def _session() -> str:
    credential = visitor().credential
    if credential is None or credential.kind != "session":
        raise Forbidden()
    return credential.secret


def _respond(answer: Any, status: int) -> Response:
    response = Response(json.dumps(answer, ensure_ascii=False), status, mimetype="application/json")
    # What one visitor may see, another may not.
    response.headers["Cache-Control"] = "no-store"
    return response
