"""Ballots with a pass, answered in front of Flask: half of what such an answer would cost.

On the evening of a final nothing is asked of a gateway as often. What is not plainly a good
ballot, as a program sends it, goes the way of all other requests, which know what to say of it.
These answers are counted, not logged one by one.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

from gateway import hooks
from gateway.intake.caller import BallotsInBatches
from services.chassis.errors import Refusal

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ROUTE = "/api/v1/polls/<poll>/ballots"
PATH = re.compile(r"/api/v1/polls/([0-9a-zA-Z-]{1,64})/ballots")
BODY_MOST = 4096
NOT_HERE = (
    "HTTP_COOKIE",
    "HTTP_AUTHORIZATION",
    "HTTP_ORIGIN",
    "HTTP_REFERER",
    "HTTP_SEC_FETCH_SITE",
    "HTTP_IDEMPOTENCY_KEY",
    "HTTP_IF_MATCH",
    "HTTP_TRANSFER_ENCODING",
)
"""Who sends one of these is a browser, or asks for more than a ballot."""


class BallotsInFront:
    """Takes ballots in front of a WSGI app, with the app's own ``headers``."""

    def __init__(
        self, app: WSGIApplication, intake: BallotsInBatches, headers: Mapping[str, str]
    ) -> None:
        self._app = app
        self._intake = intake
        self._headers = [
            *headers.items(),
            ("Content-Type", "application/json"),
            ("Cache-Control", "no-store"),
            ("Vary", "Cookie"),
        ]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """The receipt, or whatever the app answers."""
        began = time.perf_counter()
        ballot = _ballot_of(environ)
        try:
            receipt = self._intake.take(ballot) if ballot else None
        except Refusal as refusal:
            environ[hooks.REFUSED] = refusal
            receipt = None
        if receipt is None:
            return self._app(environ, start_response)
        body = json.dumps(receipt, ensure_ascii=False).encode()
        correlation = hooks.correlation_of(environ.get("HTTP_X_REQUEST_ID", ""))
        more = [("Content-Length", str(len(body))), ("X-Request-Id", correlation)]
        start_response("202 ACCEPTED", [*self._headers, *more])
        hooks.count(ROUTE, "POST", 202, time.perf_counter() - began)
        return [body]


def _ballot_of(environ: WSGIEnvironment) -> dict[str, Any] | None:
    """The request for ``voting.cast``, if this may be one that the gateway answers by itself.

    What was read of the body is there again for the app.
    """
    if environ["REQUEST_METHOD"] != "POST" or environ.get("QUERY_STRING"):
        return None
    path = PATH.fullmatch(environ.get("PATH_INFO", ""))
    if path is None or any(name in environ for name in NOT_HERE):
        return None
    length = environ.get("CONTENT_LENGTH", "")
    if environ.get("CONTENT_TYPE") != "application/json" or not length.isdecimal():
        return None
    if int(length) > BODY_MOST:
        return None
    raw = environ["wsgi.input"].read(int(length))
    environ["wsgi.input"] = BytesIO(raw)
    try:
        body = json.loads(raw)
    except ValueError:
        return None
    if not isinstance(body, dict) or body.keys() != {"pass", "project"}:
        return None
    return {**body, "poll": path[1], "ip": environ.get("REMOTE_ADDR", "")}
