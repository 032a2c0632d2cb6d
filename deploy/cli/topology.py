"""``marathon topology``: the broker's exchanges and queues."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from services.chassis.config import Settings


@click.group(name="topology")
def command() -> None:
    """Declare the broker's exchanges and queues."""


@command.command(short_help="Declare what is not there yet; twice changes nothing.")
def apply() -> None:
    """Declare every exchange and queue: before the first start, and after each update."""
    from services.chassis import topology
    from services.chassis.config import Settings

    settings = Settings.from_env()
    if settings.embedded:
        click.echo("The embedded broker declares its own: nothing to do.")
        return
    for name in topology.apply(settings, _partners(settings)):
        click.echo(name)


def _partners(settings: Settings) -> list[str]:
    """The partners that have queues here; none before the database is there."""
    from sqlalchemy.exc import DBAPIError

    from services.chassis.runner import make_core
    from services.registration.partners.depot import Depot

    core = make_core("registration", settings)
    try:
        return [one.name for one in Depot(core).destinations() if one.transport == "amqp"]
    except DBAPIError:
        return []
    finally:
        core.database.close()


@command.command()
def check() -> None:
    """Say which queues are missing; exit code 1 if there are any."""
    from services.chassis import topology
    from services.chassis.config import Settings

    settings = Settings.from_env()
    absent = [] if settings.embedded else topology.missing(settings)
    for name in absent:
        click.echo(f"missing: {name}")
    raise SystemExit(1 if absent else 0)
