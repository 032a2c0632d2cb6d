"""``marathon events``: what a service could not hear, and the epoch of what it says.

Both are in the service's own database: nothing here needs the service or the broker to run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from services.chassis.config import SERVICES

service_argument = click.argument("service", type=click.Choice(SERVICES))
event_argument = click.argument("event_id")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(name="events")
def command() -> None:
    """Look at, replay or drop events that failed; begin an epoch after a restore."""


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


@command.command(short_help="Show one failed event, its error and its traceback.")
@service_argument
@event_argument
def show(service: str, event_id: str) -> None:
    """Show one failed event: its content, its error and where it was raised."""
    from services.chassis import parked as rows

    with _database(service) as database, _known(service, event_id):
        row = rows.show(database, event_id)
    traceback = row.pop("traceback", None)
    click.echo(_dump(row))
    if traceback:
        click.echo(traceback)


@command.command(short_help="Have SERVICE try a parked event, or all, again.")
@service_argument
@click.argument("event_id", required=False)
def replay(service: str, event_id: str | None) -> None:
    """Have SERVICE try a parked event again, after the fix; without EVENT_ID all of them."""
    from services.chassis import parked as rows

    with _database(service) as database, _known(service, event_id):
        count = rows.replay(database, event_id)
    click.echo(f"{count} to be tried again; the running service does it within a second.")


@command.command()
@service_argument
@event_argument
@click.confirmation_option(prompt="Forget this event for good?")
def drop(service: str, event_id: str) -> None:
    """Forget a failed event for good."""
    from services.chassis import parked as rows

    with _database(service) as database, _known(service, event_id):
        rows.drop(database, event_id)
    click.echo("Dropped.")


@command.command(short_help="After a restore from a backup: begin a new epoch.")
@service_argument
@click.option("--reason", required=True, help="Goes on record, with the time.")
@click.confirmation_option(
    prompt="There is no way back, and it is for a database restored from a backup only. Begin it?"
)
def epoch(service: str, reason: str) -> None:
    """Begin SERVICE's next epoch, after its database was restored from a backup.

    Listeners may have heard of later states than the restored database knows. What SERVICE says
    in the new epoch outranks all that it said before.
    """
    if not reason.strip():
        raise click.UsageError("Say the reason: it goes on record.")
    from services.chassis.epoch import raise_epoch

    with _database(service) as database:
        number = raise_epoch(database, reason.strip())
    click.echo(f"{service} is in epoch {number}: what it says now outranks what it said before.")


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


@contextmanager
def _known(service: str, event_id: str | None) -> Iterator[None]:
    """Says where to look when there is no such event: a page's sentence would not help here."""
    from services.chassis.errors import NotFound

    try:
        yield
    except NotFound as error:
        raise click.ClickException(
            f"{service} has no parked event {event_id}: marathon events parked {service} lists"
            " them, with --waiting those too that are still being retried."
        ) from error


def _dump(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
