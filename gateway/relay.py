"""Partners' packages over HTTPS: ``POST /relay/v1/packages`` (docs/relay-protocol.md, § 12).

Nobody signs in: who sent a package is said by its signature, which registration verifies. Here
is what must be cheap: how large it is, of which type, how often somebody sends.
"""

from __future__ import annotations

import base64
import json
import math
from dataclasses import dataclass, field

from flask import Flask, Response, current_app, g, request
from werkzeug.exceptions import RequestEntityTooLarge

from gateway.asking import parts
from gateway.buckets import Buckets
from gateway.languages import N_
from services.chassis.errors import Refusal

ENDPOINT = "relay_packages"
PATH = "/relay/v1/packages"
MOST_BYTES = 1024 * 1024
DEADLINE_S = 8.0
NOT_READ = ("malformed", "unknown_version")
NOT_BELIEVED = (
    *("wrong_recipient", "unknown_sender", "unknown_key"),
    *("revoked_key", "retired_key", "bad_signature"),
)
STATUS = {
    **dict.fromkeys(NOT_READ, 400),
    **dict.fromkeys(NOT_BELIEVED, 403),
    "too_large": 413,
}
"""Verdicts on what nobody has signed for us; all others are answered with 202."""


@dataclass
class Gate:
    """How often packages may come: by each address, and of each sender there."""

    of_address: Buckets = field(default_factory=lambda: Buckets(300, 25.0))
    of_sender: Buckets = field(default_factory=lambda: Buckets(60, 5.0))


def install(app: Flask) -> None:
    """Adds the address to the app."""
    app.extensions["relay_gate"] = Gate()
    app.add_url_rule(PATH, ENDPOINT, _take, methods=["POST"])


def _take() -> Response:
    gate: Gate = current_app.extensions["relay_gate"]
    address = request.remote_addr or "?"
    _wait_for(gate.of_address.take(address))
    raw = _body()
    # With the address: a name that anybody may write must not keep its owner out.
    _wait_for(gate.of_sender.take(f"{address} {_sender(raw)}"))
    answer = parts().caller.call(
        "registration",
        "receive_package",
        # Of any bytes the same length: JSON inside JSON could be six times as long.
        {"package": base64.b64encode(raw).decode()},
        correlation=g.correlation,
        deadline_s=DEADLINE_S,
    )
    status = STATUS.get(answer["verdict"], 202)
    if status != 202:
        raise _refusal(answer["verdict"], status, answer["reason"])
    return Response(json.dumps(answer), 202, mimetype="application/json")


def _body() -> bytes:
    """The body. Raises ``Refusal`` before it is read, if it can be seen to be too large."""
    request.max_content_length = MOST_BYTES
    if request.mimetype != "application/json":
        raise Refusal(
            "unsupported_media_type",
            N_("The body must be JSON, with the content type application/json."),
            status=415,
        )
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise _refusal("too_large", 413, f"at most {MOST_BYTES} bytes") from None


def _sender(raw: bytes) -> str:
    """Whom a package claims to be of: good enough to count by, and for nothing else."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return "?"
    name = found.get("from") if isinstance(found, dict) else None
    return name[:64] if isinstance(name, str) else "?"


def _wait_for(seconds: float) -> None:
    if seconds > 0:
        raise Refusal(
            "too_many_packages",
            N_("Too many packages in a short time."),
            N_("Send them again a little later."),
            429,
            retry_after=math.ceil(seconds),
        )


def _refusal(verdict: str, status: int, reason: str | None) -> Refusal:
    return Refusal(
        verdict,
        N_("This package was not taken."),
        N_("The verdicts are explained in docs/relay-protocol.md."),
        status,
        reason=reason,
    )
