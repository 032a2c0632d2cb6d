"""``marathon play``: a cycle played against a running instance, through its public API."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from deploy.play.script import STAGES
from deploy.play.tour import SIZES


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--url", default="http://127.0.0.1:8000", show_default=True, help="The instance.")
@click.option(
    "--token",
    envvar="MARATHON_TOKEN",
    help="Of an organiser of all marathons; or in MARATHON_TOKEN.",
)
@click.option(
    "--instance",
    "named",
    multiple=True,
    metavar="NAME=URL,TOKEN",
    help="A partner's instance, once for each: every leg is played at its operator's.",
)
@click.option("--until", type=click.Choice(STAGES), default=STAGES[-1], help="How far at most.")
@click.option("--size", type=click.Choice(list(SIZES)), default="full", help="How many ballots.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def command(
    file: Path,
    url: str,
    token: str | None,
    named: tuple[str, ...],
    until: str,
    size: str,
    as_json: bool,
) -> None:
    """Play FILE: people, projects, premises, votes, scorecards, closings, relays.

    Interrupted, it goes on where it was; played to its end, it changes nothing.
    """
    if not named and not token:
        raise click.UsageError("Missing --token of the instance, or --instance for several.")
    places = dict(_place(text) for text in named) or {"": (url, str(token))}
    found = play_at(file, places, until, size)
    click.echo(json.dumps(found, ensure_ascii=False, indent=2) if as_json else table(found))


def play(file: Path, url: str, token: str, until: str = "closed", size: str = "full") -> Any:
    """Plays a file at one instance: :func:`play_at`."""
    return play_at(file, {"": (url, token)}, until, size)


def _place(text: str) -> tuple[str, tuple[str, str]]:
    """``name=url,token`` in its parts."""
    name, equals, rest = text.partition("=")
    url, comma, token = rest.rpartition(",")
    if not (name and equals and url and comma and token):
        raise click.BadParameter("write NAME=URL,TOKEN", param_hint="--instance")
    return name, (url, token)


def play_at(
    file: Path, places: dict[str, tuple[str, str]], until: str = "closed", size: str = "full"
) -> Any:
    """Plays a file, showing progress on the error stream; the summary.

    ``places`` are instances' addresses and tokens by the name of their partner, of a single one
    by no name. Raises ``click.ClickException`` with one plain sentence when it can't be played.
    """
    from deploy.play.api import Api, Away, Problem
    from deploy.play.instances import Instances
    from deploy.play.progress import showing
    from deploy.play.scene import Stuck
    from deploy.play.script import ScriptError, load
    from deploy.play.tour import Tour

    now = datetime.now(UTC)
    try:
        script = load(file, now)
        with showing(script.play) as tell:
            apis = {name: Api(url, token, script.play) for name, (url, token) in places.items()}
            return Tour(Instances(apis), script, tell, until, size).play(now)
    except (ScriptError, Problem, Away, Stuck) as error:
        raise click.ClickException(str(error)) from error


def table(found: dict[str, Any]) -> str:
    """The summary to read: one line for each marathon."""
    head = ("marathon", "state", "teams", "premises", "counted", "public winner", "jury's first")
    rows = [head] + [
        (
            one["marathon"],
            one["state"],
            str(one["teams"]),
            str(one["premises"]),
            "-" if one["ballots_counted"] is None else str(one["ballots_counted"]),
            ", ".join(one["public_winners"]) or "-",
            ", ".join((one["palmares"] or {}).get("first", [])) or "-",
        )
        for one in found["marathons"]
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(r, widths, strict=True)) for r in rows
    ]
    return "\n".join(line.rstrip() for line in lines) + f"\n{found['seconds']} s"
