"""``marathon migrate``: databases to the newest migration, or down."""

from __future__ import annotations

import click

from services.chassis.config import SERVICES


@click.command()
@click.argument("service", type=click.Choice([*SERVICES, "all"]), default="all")
@click.option("--down", metavar="REVISION", help="Go back to a revision; 'base' takes all away.")
def command(service: str, down: str | None) -> None:
    """Bring the database of SERVICE, or of all, to the newest migration."""
    from services.chassis import migrations
    from services.chassis.config import Settings

    settings = Settings.from_env()
    for name in SERVICES if service == "all" else (service,):
        if down:
            migrations.downgrade(name, settings, down)
        else:
            migrations.upgrade(name, settings)
        click.echo(f"{name}: {'down to ' + down if down else 'at head'}")
