"""``marathon topology``: the broker's exchanges and queues."""

from __future__ import annotations

import click


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
    for name in topology.apply(settings):
        click.echo(name)


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
