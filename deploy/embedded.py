"""A whole instance in one process: four services, the gateway and the mails; SQLite, no broker.

``eventlet.monkey_patch()`` must have run first, as for every ``marathon run``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import eventlet
import structlog

from gateway.server import listen, serve
from services.chassis import embedded, mail, migrations, recovery
from services.chassis.calls import Caller
from services.chassis.config import SERVICES, Settings
from services.chassis.mail_queue import Outbox
from services.chassis.runner import Company, stop_signal

log = structlog.get_logger()

__all__ = ["embedded", "run"]

MAIL_GRACE_S = 2.0
"""How long a mail that is being sent may hold up the end; after it, its lease runs out."""


def run(settings: Settings, ready: Callable[[], None] = lambda: None) -> None:
    """Runs the instance until SIGTERM or SIGINT; calls ``ready`` once it answers.

    Migrations run at start here, and only here: there is one process, and nobody to run them.
    Raises ``SettingsError`` before anything is touched when the port can't be had or the mails'
    address can't be meant; later what a service or the mail loop died of.
    """
    # Before the databases are touched: another instance may be at work on them.
    sock = listen(settings)
    mail.transport_of(settings)
    stopping = stop_signal()
    for service in SERVICES:
        migrations.upgrade(service, settings)
    company = Company(SERVICES, settings)
    again = recovery.publish_lost_again(company.cores)
    company.start()
    log.info("started", mode="embedded", published_again=again)
    caller = Caller(settings)
    company.report_death(stopping)
    mailing = eventlet.spawn(_send_mails, settings, company, stopping)
    serve(settings, caller, stopping, ready, sock)
    caller.close()
    _end(mailing)
    company.stop()
    log.info("stopped", mode="embedded")
    if stopping.ready() and stopping.wait() is not None:
        raise stopping.wait()


def _send_mails(settings: Settings, company: Company, stopping: Any) -> None:
    """Sends mails until the stop; sends ``stopping`` what it died of."""
    outboxes = [Outbox(core.name, core.database) for core in company.cores.values()]
    try:
        mail.run(settings, outboxes, stopping.ready)
    except Exception as error:
        log.critical("mails_died", error=repr(error))
        if not stopping.ready():
            stopping.send(error)


def _end(mailing: Any) -> None:
    """Lets the mail loop end by itself, for a while: a server may be slow to take a mail."""
    with eventlet.Timeout(MAIL_GRACE_S, False):
        mailing.wait()
    mailing.kill()
