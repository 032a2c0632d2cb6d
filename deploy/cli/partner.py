"""``marathon partner``: cards between partners, and what each may do on our broker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from deploy.cli.in_folder import FOLDER_OPTION, folder_of, told

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(name="partner")
@FOLDER_OPTION
@click.pass_context
def command(ctx: click.Context, folder: Path | None) -> None:
    """Exchange cards with partners, and say what they may do on our broker.

    Between A and B: A runs "partner card --for B", B runs "partner add" with that card, and the
    other way round. Both can be done in any order, and again.
    """
    ctx.obj = folder


@command.command(short_help="Write a card for a partner, with a new credential.")
@click.option("--for", "recipient", help="The partner's name: the card lets it hand us packages.")
@click.option("--transport", type=click.Choice(["amqp", "https"]), help="[default: ours]")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A new file.")
@click.pass_obj
def card(
    folder: Path | None, recipient: str | None, transport: str | None, output: Path | None
) -> None:
    """Write a card for a partner; without --for one that anybody may read.

    Each card over amqp made for a partner holds a new credential to our broker, which can hand
    us packages in that partner's name and do nothing else. Those that it had stay good until
    "partner revoke-credential": so a credential is replaced without losing anything. The file is
    the only place where its password is written.
    """
    from deploy.relay import exchanging
    from deploy.relay.card import text_of
    from deploy.relay.folder import FolderError, lived_in

    with told():
        place = folder_of(folder).must_exist()
        if output is not None and output.exists():
            raise FolderError(f"{output} is there already: a card is never overwritten.")
        if output is not None and recipient is not None:
            _must_not_be_in_a_repository(output.absolute(), place.path)
        with lived_in(place):
            made = exchanging.make_card(place, recipient, transport)
        text = text_of(made)
        if output is None:
            click.echo(text, nl=False)
            return
        _write(output, text, secret=made.credential is not None)
    click.echo(f"{output}: for {recipient or 'everybody'}, {made.transport}.")
    if made.credential:
        click.echo("It holds a password: send it by a way that others can't read, and delete it.")
    click.echo(f"Tell them your keys' ids by another way, all of them: {made.key_ids}")


@command.command(short_help="Take a partner's card: from then on packages go to it.")
@click.argument("file", type=FILE)
@click.option(
    "--key",
    "confirmed",
    multiple=True,
    help="A key's id as the partner told it by another way; once for each of its keys.",
)
@click.pass_obj
def add(folder: Path | None, file: Path, confirmed: tuple[str, ...]) -> None:
    """Take a partner's card FILE: how it is reached, and the keys that it signs with.

    A newer card of the same partner replaces the older. What is on its way stays on its way.
    """
    from deploy.relay import exchanging
    from deploy.relay.folder import lived_in

    with told():
        place = folder_of(folder).must_exist()
        with lived_in(place):
            taken = exchanging.add(place, file, confirmed)
    click.echo(f"{taken.name}: {taken.title}, by {taken.transport}. Its keys: {taken.key_ids}")
    if not confirmed:
        click.echo(f"Compare each with {taken.name} by another way, by telephone for instance.")
    if taken.credential:
        click.echo(f"{file} held a password; it is kept in {place.broker_file}: delete the card.")


@command.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def show(folder: Path | None, name: str | None, as_json: bool) -> None:
    """Show partners, or one: how it is reached, its keys, what waits, when it was last heard."""
    from deploy.relay import exchanging
    from deploy.relay.folder import lived_in

    with told():
        place = folder_of(folder).must_exist()
        with lived_in(place):
            found = exchanging.survey(place, name)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
    elif not found:
        click.echo("No partner yet: marathon partner add CARD.")
    for one in [] if as_json else found:
        click.echo("\n".join(_lines(one)))


def _lines(one: dict[str, Any]) -> list[str]:
    link = one["link"]
    lines = [
        f"{one['name']}: {one['title']}  {one['url'] or ''}".rstrip(),
        f"  sends by {one['transport']} to {one['relay_url'] or '?'}",
        f"  link {link['state']}"
        + (f", {link['out']} waiting on the broker for it" if link["out"] is not None else "")
        + (f", {link['in']} from it to be read" if link["in"] is not None else ""),
        f"  {one['unsettled']} packages not answered; last heard {one['heard'] or 'never'}",
        f"  its credentials here: {', '.join(one['credentials']) or 'none'}",
    ]
    lines += [f"  key {key['id']}  {key['state']}" for key in one["keys"]]
    lines += [f"  refused {r['number']} × {r['verdict']}: {r['reason']}" for r in one["refusals"]]
    return lines


@command.command()
@click.argument("name")
@click.option("--force", is_flag=True, help="Even if packages wait: they are lost.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_obj
def remove(folder: Path | None, name: str, force: bool, yes: bool) -> None:
    """Take a partner away: its credentials, its queues if nothing waits there, its keys.

    From then on its packages are refused as those of an unknown sender.
    """
    from deploy.relay import exchanging
    from deploy.relay.folder import lived_in

    if not yes:
        click.confirm(f"{name} can hand us nothing any more, nor we it. Go on?", abort=True)
    with told():
        place = folder_of(folder).must_exist()
        with lived_in(place):
            gone = exchanging.remove(place, name, force)
    click.echo(f"{name} is removed{': ' if gone else ''}{', '.join(gone)}.")


@command.command(name="revoke-key")
@click.argument("name")
@click.argument("key")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_obj
def revoke_key(folder: Path | None, name: str, key: str, yes: bool) -> None:
    """Believe nothing any more that KEY of partner NAME signed: somebody else may have it.

    Everything by it is refused, what was signed before as well. A new card brings a new key.
    """
    from deploy.relay import exchanging
    from deploy.relay.folder import lived_in

    if not yes:
        click.confirm(f"Refuse everything that {key} of {name} signed, for good?", abort=True)
    with told(), lived_in(folder_of(folder).must_exist()):
        exchanging.revoke_key(name, key)
    click.echo(f"{key} of {name} is revoked. Ask {name} for a new card.")


@command.command(name="revoke-credential")
@click.argument("name")
@click.option("--all", "everything", is_flag=True, help="The newest as well.")
@click.pass_obj
def revoke_credential(folder: Path | None, name: str, everything: bool) -> None:
    """Take away the credentials of NAME to our broker, all but the newest.

    After a new card was given and added: "partner show" there says that its link runs.
    """
    from deploy.relay import exchanging
    from deploy.relay.folder import lived_in

    with told():
        place = folder_of(folder).must_exist()
        with lived_in(place):
            gone = exchanging.revoke_credentials(place, name, everything)
    click.echo(f"Taken away: {', '.join(gone)}." if gone else f"{name} has no other credential.")


@command.command(name="apply")
@click.option("--force", is_flag=True, help="Queues of nobody go even if something waits there.")
@click.pass_obj
def apply_(folder: Path | None, force: bool) -> None:
    """Make the broker be as this folder says: after a restore, or when it was made anew."""
    from deploy.relay import exchanging
    from deploy.relay.folder import lived_in

    with told():
        place = folder_of(folder).must_exist()
        with lived_in(place):
            gone = exchanging.apply(place, force)
    click.echo(f"Taken away: {', '.join(gone)}." if gone else "The broker is as it should be.")


def _must_not_be_in_a_repository(output: Path, folder: Path) -> None:
    """Raises where a card could be added to a repository; the folder keeps all of it out."""
    from deploy.relay.folder import FolderError

    if output.is_relative_to(folder) or not any((up / ".git").exists() for up in output.parents):
        return
    raise FolderError(
        f"{output} is in a repository, and a card for a partner may hold a password. Write it into"
        f" the instance's folder: --output {folder / output.name}"
    )


def _write(path: Path, text: str, secret: bool) -> None:
    from deploy.relay.folder import write

    write(path, text, 0o600 if secret else 0o644)
