"""Every error as RFC 9457 ``application/problem+json``, or as a page where a page was asked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import structlog
from flask import Flask, Response, g, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from gateway.languages import gettext as _
from services.chassis.errors import Refusal

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 3


def install(app: Flask) -> None:
    """Makes every error of this app a problem."""
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def problem_of(refusal: Refusal, correlation: str) -> dict[str, Any]:
    """The members of the problem (RFC 9457 §3.1), and ours: code, hint, correlation, errors."""
    details = dict(refusal.details)
    errors = list(_flat(details.pop("errors", {})))
    details.pop("correlation", None)
    problem: dict[str, Any] = {
        "type": f"urn:incroyable-territoire:problem:{refusal.code}",
        "title": title_of(refusal.status),
        "status": refusal.status,
        "code": refusal.code,
        "detail": refusal.message,
        "hint": refusal.hint,
        "correlation": correlation,
        "errors": errors,
    }
    return {**problem, "details": details} if details else problem


def title_of(status: int) -> str:
    """What a status means, in a few words."""
    titles = {
        400: _("The request can't be understood"),
        401: _("Sign-in needed"),
        403: _("Not allowed"),
        404: _("Not found"),
        405: _("This address does not do that"),
        406: _("Not available in this form"),
        409: _("Not possible as things stand"),
        410: _("No longer available"),
        412: _("Changed by somebody else meanwhile"),
        413: _("Too large"),
        414: _("Address too long"),
        415: _("Only JSON is understood here"),
        422: _("Some values are missing or wrong"),
        429: _("Too many requests"),
        500: _("Something went wrong on our side"),
        503: _("Temporarily unavailable"),
    }
    return titles.get(status) or HTTP_STATUS_CODES.get(status, _("Error"))


def answer(refusal: Refusal) -> Response:
    """The refusal as the present request wants to see it."""
    problem = problem_of(refusal, g.get("correlation", ""))
    response = _as_json(problem) if wants_json() else _as_page(problem)
    response.status_code = refusal.status
    if refusal.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if refusal.status in (429, 503):
        response.headers["Retry-After"] = str(refusal.details.get("retry_after", RETRY_AFTER_S))
    return response


def wants_json() -> bool:
    """Whether the present request is one of a program: under ``/api``, or a probe."""
    return request.path.startswith("/api/")


def _as_json(problem: dict[str, Any]) -> Response:
    return Response(json.dumps(problem, ensure_ascii=False), mimetype=MEDIA_TYPE)


def _as_page(problem: dict[str, Any]) -> Response:
    return Response(render_template("error.html", problem=problem), mimetype="text/html")


def _refused(refusal: Refusal) -> Response:
    return answer(refusal)


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:
        return Response(error.get_response().get_data(), status, error.get_headers())
    response = answer(Refusal(code_of(error), _sentence(status), _hint(status), status))
    allowed = getattr(error, "valid_methods", None)
    if allowed:
        response.headers["Allow"] = ", ".join(sorted(allowed))
    return response


def _unexpected(error: Exception) -> Response:
    log.error("request_failed", correlation=g.get("correlation", ""), exc_info=error)
    return answer(Refusal("internal", _sentence(500), _hint(500), 500))


def code_of(error: HTTPException) -> str:
    """A stable code: "NotFound" gives "not_found"."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).lower()


def _sentence(status: int) -> str:
    sentences = {
        400: _("The request is malformed."),
        404: _("There is nothing at this address, or not any more."),
        405: _("This address exists, but not for this method."),
        413: _("The request is larger than the 64 kB that are accepted."),
        415: _("The body must be JSON, with the content type application/json."),
        500: _("An error of ours: nothing was changed that you were not told of."),
    }
    return sentences.get(status) or title_of(status)


def _hint(status: int) -> str:
    hints = {
        404: _("Check the address, or start from the home page."),
        405: _("See the header Allow for the methods that exist."),
        500: _("Try again; if it lasts, give this number to the operator."),
    }
    return hints.get(status, "")


def _flat(errors: Any, path: str = "") -> Iterator[dict[str, str]]:
    """marshmallow's nested messages as a list of {field, message}."""
    if isinstance(errors, Mapping):
        for name, inner in errors.items():
            inside = path if name == "_schema" else f"{path}.{name}" if path else str(name)
            yield from _flat(inner, inside)
    elif isinstance(errors, list):
        for entry in errors:
            yield from _flat(entry, path)
    else:
        yield {"field": path, "message": str(errors)}
