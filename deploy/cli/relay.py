"""``marathon relay``: where the baton is, and the organisers' words about it.

By the instance's public API and with a token, unlike ``marathon partner``: what is said about a
baton is for the service to judge that runs, and has been told what the partners know.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from deploy.cli.in_folder import FOLDER_OPTION, folder_of

PATIENCE_S = 10.0


@click.group(name="relay")
@FOLDER_OPTION
@click.option(
    "--url",
    envvar="MARATHON_URL",
    help="The instance; or in MARATHON_URL. [default: its gateway's port on this machine]",
)
@click.option("--token", envvar="MARATHON_TOKEN", help="Of an organiser of all marathons.")
@click.pass_context
def command(ctx: click.Context, folder: Path | None, url: str | None, token: str | None) -> None:
    """Look at the relay, offer the baton, take an offer back, reassign it.

    The token: marathon token create --label relay --role organiser
    """
    ctx.obj = {"folder": folder, "url": url, "token": token}


@command.command()
@click.argument("cycle", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def status(at: dict[str, Any], cycle: str | None, as_json: bool) -> None:
    """Show where the baton of CYCLE is, who knows it, what is offered, what waits."""
    with _asking(at) as (api, facts):
        found = api.get(f"/cycles/{_cycle(cycle, facts)}/relay")
        links = api.get("/partners")
    if as_json:
        click.echo(json.dumps({**found, "links": links}, ensure_ascii=False, indent=2))
        return
    click.echo("\n".join(lines(found, links)))


@command.command()
@click.argument("marathon")
@click.option("--cycle", help="[default: the instance's]")
@click.pass_obj
def offer(at: dict[str, Any], marathon: str, cycle: str | None) -> None:
    """Offer the baton to MARATHON, also to a host that refused or did not answer."""
    with _asking(at) as (api, facts):
        path = f"/cycles/{_cycle(cycle, facts)}/offers"
        made = api.post(path, "offer", to_marathon=marathon)
    click.echo(f"{made['id']}: offered to {marathon}, to be answered by {made['deadline']}.")


@command.command()
@click.argument("relay")
@click.pass_obj
def withdraw(at: dict[str, Any], relay: str) -> None:
    """Take the offer RELAY back; one that was granted can't be."""
    with _asking(at) as (api, _facts):
        found = api.delete(f"/relays/{relay}", "withdraw")
    click.echo(f"{relay}: {found['state']}.")


@command.command()
@click.argument("marathon")
@click.option("--reason", required=True, help="Published with the baton.")
@click.option("--cycle", help="[default: the instance's]")
@click.option("--even-unheard", is_flag=True, help="Although most partners are silent.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_obj
def reassign(
    at: dict[str, Any],
    marathon: str,
    reason: str,
    cycle: str | None,
    even_unheard: bool,
    yes: bool,
) -> None:
    """Give the baton to MARATHON by the joint body's word, which everybody obeys."""
    if not yes:
        click.confirm(f"{marathon} gets the baton, whoever holds it now. Go on?", abort=True)
    with _asking(at) as (api, facts):
        path = f"/cycles/{_cycle(cycle, facts)}/relays"
        more = {"even_unheard": True} if even_unheard else {}
        made = api.post(path, "reassign", to_marathon=marathon, reason=reason, **more)
    click.echo(f"{marathon} has the baton in term {made['term']}.")


def lines(found: dict[str, Any], links: dict[str, Any]) -> Iterator[str]:
    """The status as a person reads it."""
    told = "" if found["told"] else f"; not told yet by {', '.join(found['not_told_by'])}"
    yield f"{found['cycle']}: {found['state']}, term {found['term']}, we are {found['me']}{told}"
    for grant in found["chain"]:
        effective = (
            f"effective since {grant['effective_at']}"
            if grant["effective_at"]
            else f"not effective: seen by {len(grant['seen'])} of {grant['needed']} needed"
        )
        by = f" by {grant['granter']}" if grant["granter"] else ""
        yield f"  {grant['term']}.{grant['hop']} {grant['marathon']}{by}, {effective}"
    for one in found["offers"]:
        deadline = f", until {one['deadline']}" if one["state"] == "offered" else ""
        reason = f" ({one['reason']})" if one["reason"] else ""
        yield f"  offer {one['id']} to {one['to_marathon']}: {one['state']}{deadline}{reason}"
    for one in found["waiting"]:
        error = f": {one['error']}" if one["error"] else ""
        yield (
            f"  waits for {one['partner']}: {one['kind']} since {one['created_at']},"
            f" {one['attempts']} tries{error}"
        )
    for one in links["partners"]:
        heard = one["heard_at"] or "never"
        yield f"  partner {one['name']}: last heard {heard}, {one['waiting']} waiting for it"
    for one in links["refusals"]:
        yield f"  refused {one['number']} × of {one['partner']}: {one['verdict']}: {one['reason']}"


def _cycle(given: str | None, facts: Any) -> str:
    if given or facts:
        return str(given or facts.cycle)
    raise click.UsageError("Name the cycle, or the instance's folder with --folder.")


@contextmanager
def _asking(at: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """The API of the instance and its facts, if there is a folder; errors as sentences."""
    from deploy.play.api import Api, Away, Problem
    from deploy.relay.folder import FolderError, lived_in, load_facts
    from services.chassis.config import Settings

    if not at["token"]:
        raise click.UsageError(
            "Missing --token, or MARATHON_TOKEN: marathon token create --label relay --role"
            " organiser"
        )
    place = folder_of(at["folder"])
    try:
        facts = load_facts(place) if place.facts_file.exists() or at["folder"] else None
        with lived_in(place):
            port = Settings.from_env().gateway_port
        url = at["url"] or f"http://127.0.0.1:{port}"
        yield Api(url, at["token"], secrets.token_hex(8), PATIENCE_S), facts
    except (Problem, Away, FolderError) as error:
        raise click.ClickException(str(error)) from error
