"""Lists in pages: one page as JSON, the way to the next one in the header ``Link`` (RFC 8288)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import Response, request

from gateway.routes import Route


def body_of(route: Route, answer: Any) -> Any:
    """What the body says of an answer: of a list only the rows of its page."""
    return answer["items"] if route.messages.paged else answer


def add_link(response: Response, route: Route, answer: Any, wanted: Mapping[str, Any]) -> None:
    """Says where the next page is, where there is one."""
    following = answer.get("next") if route.pages else None
    if following is None:
        return
    # The path alone: what a client calls this host is its own affair.
    query = {name: value for name, value in wanted.items() if name in request.args}
    target = f"{request.script_root}{request.path}?{urlencode({**query, 'after': following})}"
    response.headers["Link"] = f'<{target}>; rel="next"'
