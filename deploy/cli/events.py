"""``marathon events``: events whose handling failed, in the listener's own database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from services.chassis.config import SERVICES

service_argument = click.argument("service", type=click.Choice(SERVICES))
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(name="events")
def command() -> None:
    """Look at, replay or drop events that failed."""


@command.command()
@service_argument
@click.option("--waiting", is_flag=True, help="Those too that are still being retried.")
@as_json
def parked(service: str, waiting: bool, as_json: bool) -> None:
    """List the events that SERVICE has given up on, oldest first."""
    from services.chassis.parked import list_failed

    with _database(service) as database:
        rows = list_failed(database, None) if waiting else list_failed(database)
    if as_json:
        click.echo(_dump(rows))
        return
    for row in rows:
        click.echo(f"{row['event_id']}  {row['type']}  {row['attempts']} tries  {row['error']}")
    if not rows:
        click.echo("None.")


@command.command()
@service_argument
@click.argument("event_id")
def show(service: str, event_id: str) -> None:
    """Show one failed event: its content, its error and where it was raised."""
    from services.chassis import parked as rows

    with _database(service) as database:
        row = rows.show(database, event_id)
    traceback = row.pop("traceback", None)
    click.echo(_dump(row))
    if traceback:
        click.echo(traceback)


@command.command()
@service_argument
@click.argument("event_id", required=False)
@click.option("--all", "everything", is_flag=True, help="All parked events of SERVICE.")
def replay(service: str, event_id: str | None, everything: bool) -> None:
    """Have SERVICE try a parked event again, after the fix."""
    if (event_id is None) != everything:
        raise click.UsageError("Name one event, or say --all.")
    from services.chassis import parked as rows

    with _database(service) as database:
        count = rows.replay(database, event_id)
    click.echo(f"{count} to be tried again; the running service does it within a second.")


@command.command()
@service_argument
@click.argument("event_id")
@click.confirmation_option(prompt="Forget this event for good?")
def drop(service: str, event_id: str) -> None:
    """Forget a failed event for good."""
    from services.chassis import parked as rows

    with _database(service) as database:
        rows.drop(database, event_id)
    click.echo("Dropped.")


@contextmanager
def _database(service: str) -> Iterator[Any]:
    from services.chassis.config import Settings
    from services.chassis.database import Database

    settings = Settings.from_env()
    database = Database(settings.database_url_of(service), settings)
    try:
        yield database
    finally:
        database.close()


def _dump(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
