"""What happens around every request: correlation, who asks, headers, metrics, the log."""

from __future__ import annotations

import re
import secrets
import time
from urllib.parse import urlsplit

import structlog
from flask import Flask, Response, g, request, session
from prometheus_client import Histogram

from gateway import problems, relay
from gateway.asking import parts
from gateway.identity import ANONYMOUS, Credential, Visitor
from gateway.languages import LANGUAGES, N_
from services.chassis.config import Settings
from services.chassis.errors import Refusal, Unavailable

log = structlog.get_logger()

REFUSED = "gateway.refused"
"""Under which the environment has what was refused in front of the app, for it to say so."""

SANE = re.compile(r"[A-Za-z0-9._-]{8,64}")
UNASKED = ("/healthz", "/readyz", "/metrics")
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
POLICY = (
    # Bootstrap draws the arrows of its lists as pictures inside its style sheet: "data:".
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    # One script asks its own page again (static/live.js).
    "connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
SECONDS = Histogram(
    "marathon_gateway_seconds", "Time to answer a request", ["route", "method", "status"]
)


def install(app: Flask) -> None:
    """Puts the hooks around every request of the app."""
    app.before_request(_begin)
    app.before_request(_tell_what_was_refused)
    app.before_request(_same_origin_only)
    app.before_request(_identify)
    app.after_request(_end)


def headers_of(settings: Settings) -> dict[str, str]:
    """The headers that every answer has."""
    if settings.public_url.startswith("https://"):
        return {**HEADERS, "Strict-Transport-Security": "max-age=31536000"}
    return HEADERS


def correlation_of(given: str) -> str:
    """By which name a request is known in every log: what its sender ``given``, if it is sane."""
    return given if SANE.fullmatch(given) else secrets.token_hex(16)


def count(route: str, method: str, status: int, seconds: float) -> None:
    """Counts an answer, by its route's name."""
    SECONDS.labels(route, method, status).observe(seconds)


def _begin() -> None:
    g.began = time.perf_counter()
    g.correlation = correlation_of(request.headers.get("X-Request-Id", ""))
    g.visitor = ANONYMOUS
    g.language = _language()


def _language() -> str:
    """A program says its language with each request; a person chooses one, else it is French."""
    asked = request.accept_languages.best_match(LANGUAGES) if problems.wants_json() else None
    return asked or session.get("language", LANGUAGES[0])


def _tell_what_was_refused() -> None:
    """Tells what was refused in front of the app, which is not to be tried a second time."""
    refused = request.environ.get(REFUSED)
    if refused is not None:
        raise refused


def _same_origin_only() -> None:
    """Refuses commands that another site's page makes a visitor's browser send.

    Browsers say where a request comes from, and a page can't make them lie. What a page's form
    sends must say that it comes from here; a program that shows a token, or that has no cookie
    and asks the API, has nothing that another site could use (docs/adr/0007).
    """
    if request.method in SAFE_METHODS or "Authorization" in request.headers:
        return
    told = _told_origins()
    vouched = problems.wants_json() and not request.cookies
    if all(told) and (told or vouched):
        return
    raise Refusal(
        "cross_site",
        N_("This request comes from another site and was refused."),
        N_("Open the page of this site and try again there."),
        403,
    )


def _told_origins() -> list[bool]:
    """Whether each header that tells where the request comes from names this site."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    told = [] if site is None else [site in ("same-origin", "none")]
    # A browser that hides where it was writes "null": then only the newer header can vouch.
    if origin is not None and not (origin == "null" and site == "same-origin"):
        told.append(origin in _own_origins())
    if not told and request.referrer:
        split = urlsplit(request.referrer)
        told.append(f"{split.scheme}://{split.netloc}" in _own_origins())
    return told


def _own_origins() -> tuple[str, str]:
    public = urlsplit(parts().settings.public_url)
    return (f"{public.scheme}://{public.netloc}", f"{request.scheme}://{request.host}")


def _identify() -> None:
    """Finds out who asks; a bearer token goes before a cookie."""
    if request.endpoint in ("static", relay.ENDPOINT) or request.path in UNASKED:
        return
    scheme, _blank, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        g.visitor = parts().identity.of(Credential.of_bearer(token.strip()), g.correlation)
    elif "session" in session:
        g.visitor = _signed_in(Credential("session", session["session"]))


def _signed_in(credential: Credential) -> Visitor:
    try:
        return parts().identity.of(credential, g.correlation)
    except Unavailable:
        if problems.wants_json():
            raise
        return ANONYMOUS  # the pages show what they can
    except Refusal:
        session.pop("session", None)
        return ANONYMOUS


def _end(response: Response) -> Response:
    for name, value in headers_of(parts().settings).items():
        response.headers.setdefault(name, value)
    if response.status_code in (429, 503):
        # Also where a page shows what was refused beside what was typed.
        response.headers.setdefault("Retry-After", str(problems.RETRY_AFTER_S))
    # What one visitor may see, another may not: who knows better has said so.
    response.headers.setdefault("Cache-Control", "no-store")
    if "correlation" in g:
        response.headers["X-Request-Id"] = g.correlation
        _note(response)
    return response


def _note(response: Response) -> None:
    """Counts and logs by the route's name, never by address: those hold names and tokens."""
    seconds = time.perf_counter() - g.began
    route = request.url_rule.rule if request.url_rule else "?"
    method = request.method if request.method in METHODS else "?"
    count(route, method, response.status_code, seconds)
    log.info(
        "request",
        route=route,
        method=method,
        status=response.status_code,
        ms=round(seconds * 1000, 1),
        correlation=g.correlation,
    )


METHODS = (*SAFE_METHODS, "POST", "PUT", "PATCH", "DELETE")
