"""``marathon token``: tokens with which programs use the API."""

from __future__ import annotations

import click

from deploy.cli.asking import ask

ROLES = ("organiser", "operator")


@click.group(name="token")
def command() -> None:
    """Make tokens for programs that use the API."""


@command.command()
@click.option("--label", required=True, help="What it is for: it is listed by this name.")
@click.option("--role", type=click.Choice(ROLES), required=True)
@click.option("--marathon", help="One marathon, such as vallee-du-lot-2023-1; else all.")
def create(label: str, role: str, marathon: str | None) -> None:
    """Make a token; it is shown this once, alone on standard output."""
    wanted = {"label": label, "role": role, "marathon": marathon}
    made = ask("registration", "create_token", _given(wanted))
    click.echo(
        f"Token {made['id']} ({label}); to revoke: marathon token revoke {made['id']}", err=True
    )
    click.echo(made["token"])


@command.command(name="list")
def list_() -> None:
    """List tokens by id and label; what they are is kept nowhere."""
    answer = ask("registration", "list_tokens", {})
    tokens = answer["items"] if isinstance(answer, dict) else answer
    for token in tokens:
        where = token.get("marathon") or "all"
        click.echo(f"{token['id']}  {token['role']:<10} {where:<28} {token['label']}")


@command.command()
@click.argument("token_id")
def revoke(token_id: str) -> None:
    """Make a token worthless, within a minute everywhere."""
    ask("registration", "revoke_token", {"id": token_id})
    click.echo("Revoked.")


def _given(values: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}
