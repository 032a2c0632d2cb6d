"""Makes the gateway: a Flask app over a caller, the parts wired in this one place."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from gateway import (
    api,
    assets,
    branding,
    desk,
    health,
    hooks,
    inbound,
    languages,
    legal,
    problems,
    relay,
    site,
)
from gateway.asking import Caller, Parts
from gateway.identity import Identity
from gateway.intake.caller import BallotsInBatches
from gateway.intake.front import BallotsInFront
from gateway.memory import FromMemory, Memory
from gateway.routes import CLOCK, MAILS, ROUTES, Route
from services.chassis.config import Settings
from services.chassis.mail_folder import Mailbox, folder_of
from services.chassis.storage import storage_of


def create_app(settings: Settings, caller: Caller) -> Flask:
    """The gateway of one instance, which asks its services through ``caller``."""
    app = Flask(__name__, static_folder=None)
    app.config.update(_config(settings))
    made = Parts(
        settings=settings,
        caller=caller,
        identity=Identity(caller),
        clock=settings.clock(),
        storage=storage_of(settings),
        catalogues=languages.load(),
        mailbox=_mailbox(settings),
    )
    app.extensions["gateway"] = made
    memory = app.extensions["memory"] = Memory()
    app.extensions["legal"] = legal.load(settings)
    app.extensions["branding"] = branding.load(settings)
    problems.install(app)
    hooks.install(app)
    health.install(app)
    assets.install(app, app.extensions["branding"].files)
    api.install(app, tuple(_routes(made)))
    relay.install(app)
    site.install(app, with_mails=made.mailbox is not None)
    desk.install(app)
    headers = hooks.headers_of(settings)
    if isinstance(caller, BallotsInBatches):
        app.wsgi_app = BallotsInFront(  # type: ignore[method-assign]
            app.wsgi_app, caller, headers
        )
    if settings.trusted_proxies:
        # Only the last ones are ours; what a client writes before them is ignored (RULES S3).
        trusted = settings.trusted_proxies
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=trusted, x_proto=trusted, x_host=0
        )
    app.wsgi_app = FromMemory(app.wsgi_app, memory, headers)  # type: ignore[method-assign]
    return app


def _routes(made: Parts) -> Iterator[Route]:
    yield from ROUTES
    if made.settings.clock_file:
        yield from CLOCK
    if made.mailbox is not None:
        yield from MAILS


def _mailbox(settings: Settings) -> Mailbox | None:
    """The mails as everybody may read them: in a demonstration only, whatever carries them."""
    folder = folder_of(settings.smtp_url) if settings.demo else None
    return Mailbox(folder) if folder else None


def _config(settings: Settings) -> dict[str, object]:
    secure = settings.public_url.startswith("https://")
    return {
        # A key of its own: the instance's secret also makes person keys.
        "SECRET_KEY": hmac.new(settings.secret, b"gateway session", hashlib.sha256).digest(),
        "SESSION_COOKIE_NAME": "__Host-session" if secure else "session",
        "SESSION_COOKIE_SECURE": secure,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_REFRESH_EACH_REQUEST": False,
        "PERMANENT_SESSION_LIFETIME": 14 * 24 * 3600,
        "MAX_CONTENT_LENGTH": inbound.BODY_MOST,
        "MAX_FORM_MEMORY_SIZE": inbound.BODY_MOST,
        "MAX_FORM_PARTS": 200,
        "TEMPLATES_AUTO_RELOAD": False,
    }
