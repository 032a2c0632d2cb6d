"""``marathon organiser``: the first person is let in by the operator, the others by her."""

from __future__ import annotations

import click

from deploy.cli.asking import ask


@click.group(name="organiser")
def command() -> None:
    """Let people in as organisers."""


@command.command()
@click.argument("email")
@click.option("--name", required=True, help="As others will read it.")
@click.option("--marathon", help="One marathon, such as vallee-du-lot-2023-1; else all.")
def add(email: str, name: str, marathon: str | None) -> None:
    """Let EMAIL in as an organiser; she signs in with a link that she asks for on the site."""
    request: dict[str, object] = {"role": "organiser", "person": {"name": name, "email": email}}
    if marathon:
        request["marathon"] = marathon
    ask("registration", "grant_role", request)
    click.echo(f"{name} organises {marathon or 'all marathons'} and can sign in.")
