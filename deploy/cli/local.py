"""``marathon local``: a private RabbitMQ and PostgreSQL for this folder."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import click

from deploy import local
from deploy.local.rabbitmq import RELAY_PLUGINS
from deploy.local.servers import Servers

FORMATS = click.Choice(["table", "json", "env"])


@click.group(name="local")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="Where data, logs and ports are kept. [default: .local]",
)
@click.pass_context
def command(ctx: click.Context, folder: Path | None) -> None:
    """Private RabbitMQ and PostgreSQL: own ports and folders, no system service touched."""
    ctx.obj = folder.absolute() if folder else local.default_root()


@command.command()
@click.option("--fast/--durable", default=None, help="PostgreSQL without or with fsync.")
@click.option("--relay/--no-relay", default=None, help="RabbitMQ with its API and shovel.")
@click.option("--format", "form", type=FORMATS, default="table", help="'env' is for a shell.")
@click.pass_obj
def up(root: Path, fast: bool | None, relay: bool | None, form: str) -> None:
    """Start what does not run yet; as root on Debian or Ubuntu, install what is missing.

    With --relay the broker can exchange with a partner's: marathon partner --help.
    """
    plugins = None if relay is None else RELAY_PLUGINS if relay else ()
    servers = local.up(root, fast=fast, plugins=plugins)
    # Whoever asks by hand wants them to stay; a test run leaves this mark to end them after it.
    (root / "run" / "by-tests").unlink(missing_ok=True)
    click.echo(_shown(servers, form))


@command.command()
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table")
@click.pass_obj
def status(root: Path, form: str) -> None:
    """Say what runs, and where; exit code 1 unless both run."""
    found = local.status(root)
    if form == "json":
        click.echo(json.dumps(found, indent=2))
    else:
        for name, entry in found.items():
            state = f"runs (pid {entry['pid']})  {entry['url']}" if entry["running"] else "is down"
            click.echo(f"{name:<9} {state}")
    raise SystemExit(0 if all(entry["running"] for entry in found.values()) else 1)


@command.command()
@click.option("--wipe", is_flag=True, help="Take data, logs and ports away too.")
@click.pass_obj
def down(root: Path, wipe: bool) -> None:
    """Stop what runs."""
    stopped = local.down(root, wipe=wipe)
    click.echo(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing was running.")


@command.command()
@click.option("--browser", is_flag=True, help="Chromium as well, for the tests.")
@click.pass_obj
def install(root: Path, browser: bool) -> None:
    """Install the packages that are missing, without starting anything."""
    wanted = [*Servers.of(root, *local.given()).own, *([local.Chromium()] if browser else [])]
    local.install([each for each in wanted if not each.installed()])
    click.echo(f"RabbitMQ and PostgreSQL{' and Chromium' if browser else ''} are installed.")


def _shown(servers: Servers, form: str) -> str:
    values = {"MARATHON_AMQP_URL": servers.amqp_url, "MARATHON_DATABASE_URL": servers.database_url}
    if servers.rabbitmq and servers.rabbitmq.api_url:
        values["MARATHON_RABBITMQ_API"] = servers.rabbitmq.api_url
    if form == "json":
        return json.dumps(values, indent=2)
    if form == "env":
        return "\n".join(f"export {name}={shlex.quote(url)}" for name, url in values.items())
    lines = [f"{name} = {url}" for name, url in values.items()]
    return "\n".join(
        [*lines, 'To use them in this shell: eval "$(marathon local up --format env)"']
    )
