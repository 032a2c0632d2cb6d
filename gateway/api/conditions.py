"""Conditional GET (RFC 9110 §13): an answer that its asker has already is not sent again."""

from __future__ import annotations

from flask import Response, request

from gateway.inbound import if_match
from services.chassis.representation import ANY, changed_meanwhile


def answer(response: Response, tag: str) -> Response:
    """The response with its tag, or an empty 304 for ``If-None-Match``.

    Raises ``Refusal("changed_meanwhile")`` (412) for who would have something else.
    """
    wanted = if_match()
    if wanted is not None and not {ANY, tag} & {*wanted}:
        raise changed_meanwhile()
    response.set_etag(tag)
    if request.if_none_match.contains_weak(tag):
        response.status_code = 304
    return response
