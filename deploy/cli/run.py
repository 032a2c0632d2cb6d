"""``marathon run``: one process of an instance. ``deploy.cli.main`` has patched it already."""

from __future__ import annotations

from typing import Any

import click

from services.chassis.config import SERVICES

PARTS = (*SERVICES, "gateway", "mail", "embedded")


@click.command()
@click.argument("part", type=click.Choice(PARTS))
@click.option("--log-level", default="INFO", envvar="MARATHON_LOG_LEVEL", show_default=True)
def command(part: str, log_level: str) -> None:
    """Run PART until SIGTERM or Ctrl-C: a service, the gateway, mail, or all embedded."""
    from services.chassis import logs
    from services.chassis.config import Settings

    logs.set_up(log_level)
    _runner(part)(Settings.from_env())


def _runner(part: str) -> Any:
    if part == "gateway":
        return _run_gateway
    if part == "mail":
        return _run_mail
    if part == "embedded":
        from deploy import embedded

        return embedded.run
    from services.chassis.runner import run_service

    return lambda settings: run_service(part, settings)


def _run_gateway(settings: Any) -> None:
    from gateway.intake import ballots_in_batches
    from gateway.server import serve
    from services.chassis.calls import Caller
    from services.chassis.runner import keep_what_is_there, stop_signal

    stopping = stop_signal()
    caller = Caller(settings)
    intake = ballots_in_batches(caller, settings)
    try:
        serve(settings, intake, stopping, keep_what_is_there)
    finally:
        intake.close()
        caller.close()


def _run_mail(settings: Any) -> None:
    from services.chassis import health, mail
    from services.chassis.mail_queue import Outbox
    from services.chassis.runner import make_core, stop_signal

    # What can't be meant is said before anything waits for it.
    mail.transport_of(settings)
    stopping = stop_signal()
    cores = [make_core(service, settings) for service in SERVICES]
    if settings.health_port:
        health.serve(cores, settings.health_port)
    mail.run(settings, [Outbox(core.name, core.database) for core in cores], stopping.ready)
    for core in cores:
        core.database.close()
