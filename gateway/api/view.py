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
from gateway.api import conditions, csv, files
from gateway.api.paging import add_link, body_of
from gateway.asking import ask_once, exchange, parts, visitor
from gateway.inbound import idempotency_key, if_match, read_request
from gateway.languages import letter_language
from gateway.routes import Route
from services.chassis.errors import Forbidden
from services.chassis.paging import every
from services.chassis.representation import etag_of


def view_of(route: Route) -> Callable[..., Response]:
    """The view function of a row."""

    def view(**path: str) -> Response:
        # Before anything is read: who may not enter learns nothing from our parser either.
        admit(route.who, visitor(), path)
        wanted = read_request(route.takes, path, _filled(route))
        if csv.is_wanted(route):
            return _file(route, wanted)
        if route.is_file:
            return files.answer(_answer(route, wanted), route.messages.file)
        wanted = _with_visitor(route, wanted)
        return _shown(route, wanted) if route.reads else _done(route, wanted)

    view.__name__ = route.endpoint
    return view


def _answer(route: Route, wanted: dict[str, Any]) -> Any:
    if route.service == "gateway":
        return own.answer(route.name, wanted)
    return ask_once(route.door, wanted)


def _done(route: Route, wanted: dict[str, Any]) -> Response:
    """What a command answers, with the tag of what it edited: for the next ``If-Match``."""
    key, seen = idempotency_key(), if_match()
    if route.service == "gateway":
        return _respond(own.answer(route.name, wanted), route.status)
    given = exchange(route.door, wanted, key, seen)
    response = _respond(given["ok"], route.status)
    if given.get("etag"):
        response.set_etag(given["etag"])
    return response


def _filled(route: Route) -> dict[str, str]:
    """The fields of the request that the gateway fills in."""
    makers: dict[str, Callable[[], str]] = {"ip": client_ip, "session": _session}
    return {name: makers[name]() for name in route.filled}


def _with_visitor(route: Route, wanted: dict[str, Any]) -> dict[str, Any]:
    """Adds what the sender left out: a stable name for this visitor where the door has an order
    for each (RULES V6), and the language of a letter."""
    known = dict(wanted)
    if "visitor" in route.takes and not wanted.get("visitor"):
        known["visitor"] = visitor_name()
    if _has_letter(route):
        known.setdefault("language", letter_language())
    return known


def _has_letter(route: Route) -> bool:
    """Whether a letter comes of it, in the language that the sender reads."""
    return "language" in route.takes and not route.takes["language"].required


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


def _file(route: Route, wanted: dict[str, Any]) -> Response:
    """The whole table as CSV, page by page from its service."""
    csv.refuse_part()
    if route.pages:
        most = route.page_most
        rows = list(every(lambda part: _answer(route, {**wanted, **part}), most))
    else:
        rows = _answer(route, wanted)
    return _tagged(csv.answer(route, rows), rows)


def _shown(route: Route, wanted: dict[str, Any]) -> Response:
    """What was asked for as JSON; of a list a page, and where the next one is."""
    answer = _answer(route, wanted)
    response = _respond(body_of(route, answer), 200)
    add_link(response, route, answer, wanted)
    # A page that was the last one is another once there is a next.
    more = "Link" in response.headers
    return _tagged(response, answer if more else body_of(route, answer))


def _tagged(response: Response, answer: Any) -> Response:
    """With the tag of what it shows; 304 for who has it already."""
    tag = etag_of(answer)
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Vary"] = "Accept, Accept-Language, Authorization, Cookie"
    is_file = response.mimetype == csv.MEDIA_TYPE
    return conditions.answer(response, f"{tag}-csv" if is_file else tag)


def _respond(answer: Any, status: int) -> Response:
    response = Response(json.dumps(answer, ensure_ascii=False), status, mimetype="application/json")
    # What one visitor may see, another may not.
    response.headers["Cache-Control"] = "no-store"
    return response
