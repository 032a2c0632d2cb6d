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

from gateway import field_errors
from gateway.asking import parts
from gateway.languages import LANGUAGES, N_, language
from gateway.languages import gettext as _
from gateway.sentences import in_all, told
from services.chassis.errors import Refusal

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 3
PROGRAMS = ("/api/", "/relay/")
TITLES = {
    400: N_("The request can't be understood"),
    401: N_("Sign-in needed"),
    403: N_("Not allowed"),
    404: N_("Not found"),
    405: N_("This address does not do that"),
    406: N_("Not available in this form"),
    409: N_("Not possible as things stand"),
    410: N_("No longer available"),
    412: N_("Changed by somebody else meanwhile"),
    413: N_("Too large"),
    414: N_("Address too long"),
    415: N_("Only JSON is understood here"),
    422: N_("Some values are missing or wrong"),
    429: N_("Too many requests"),
    500: N_("Something went wrong on our side"),
    503: N_("Temporarily unavailable"),
}


def install(app: Flask) -> None:
    """Makes every error of this app a problem."""
    app.jinja_env.filters["told"] = told
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def problem_of(refusal: Refusal, correlation: str) -> dict[str, Any]:
    """The members of the problem (RFC 9457 §3.1), and ours: code, hint, sentences, errors.

    ``detail``, ``hint`` and the errors' messages are in the language of the answer, and beside
    that in all of them.
    """
    details = dict(refusal.details)
    errors = [_told(each) for each in _flat(details.pop("errors", {}))]
    details.pop("correlation", None)
    sentences = in_all(refusal)
    problem: dict[str, Any] = {
        "type": f"urn:incroyable-territoire:problem:{refusal.code}",
        "title": title_of(refusal.status),
        "status": refusal.status,
        "code": refusal.code,
        **sentences[language()],
        "sentences": sentences,
        "correlation": correlation,
        "errors": errors,
    }
    return {**problem, "details": details} if details else problem


def title_of(status: int) -> str:
    """What a status means, in a few words."""
    return _(_title(status))


def _title(status: int) -> str:
    return TITLES.get(status) or HTTP_STATUS_CODES.get(status, N_("Error"))


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
    """Whether the present request is one of a program: under ``/api``, but for its reference,
    or a partner's."""
    return request.path.startswith(PROGRAMS) and request.endpoint != "reference"


def _as_json(problem: dict[str, Any]) -> Response:
    response = Response(json.dumps(problem, ensure_ascii=False), mimetype=MEDIA_TYPE)
    response.headers["Content-Language"] = language()
    response.headers["Vary"] = "Accept-Language"
    return response


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
        400: N_("The request is malformed."),
        404: N_("There is nothing at this address, or not any more."),
        405: N_("This address exists, but not for this method."),
        413: N_("The request is larger than the 64 kB that are accepted."),
        415: N_("The body must be JSON, with the content type application/json."),
        500: N_("An error of ours: nothing was changed that you were not told of."),
    }
    return sentences.get(status) or _title(status)


def _hint(status: int) -> str:
    hints = {
        404: N_("Check the address, or start from the home page."),
        405: N_("See the header Allow for the methods that exist."),
        500: N_("Try again; if it lasts, give this number to the operator."),
    }
    return hints.get(status, "")


def _told(error: dict[str, str]) -> dict[str, Any]:
    """A field's error in the language of the answer, and beside that in all."""
    catalogues = parts().catalogues
    messages = {each: field_errors.told(error["message"], catalogues[each]) for each in LANGUAGES}
    return {"field": error["field"], "message": messages[language()], "messages": messages}


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
