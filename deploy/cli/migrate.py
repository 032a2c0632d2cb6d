"""``marathon migrate``: databases to the newest migration, or down."""

from __future__ import annotations

from typing import Any

import click

from services.chassis.config import SERVICES


@click.command()
@click.argument("service", type=click.Choice([*SERVICES, "all"]), default="all")
@click.option("--down", metavar="REVISION", help="Go back to a revision; 'base' takes all away.")
@click.option("--yes", is_flag=True, help="Go down without asking.")
def command(service: str, down: str | None, yes: bool) -> None:
    """Bring the database of SERVICE, or of all, to the newest migration."""
    from services.chassis.config import Settings

    settings = Settings.from_env()
    if down and not yes:
        click.confirm(f"What {service} stored in later migrations is lost. Go on?", abort=True)
    for name in SERVICES if service == "all" else (service,):
        _migrate(name, settings, down)
        click.echo(f"{name}: {'down to ' + down if down else 'at head'}")


def _migrate(service: str, settings: Any, down: str | None) -> None:
    from alembic.util import CommandError

    from services.chassis import migrations

    try:
        if down:
            migrations.downgrade(service, settings, down)
        else:
            migrations.upgrade(service, settings)
    except CommandError as error:
        # A revision that is not there, or a database that was migrated by newer code.
        raise click.ClickException(f"{service}: {error}") from error
