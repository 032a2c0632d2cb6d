"""``marathon poll``: for scrutineers, who have a file and no instance (RULES V8); and for the
operator, whose storage lost such a file, or whose broker lost ballots."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(name="poll")
def command() -> None:
    """Count a box again, offline; store lost boxes again; close a poll that lost something."""


@command.command(short_help="Count a box file again.")
@click.argument("box", type=EXISTING)
@click.option("--record", type=EXISTING, help="The published record: says whether they agree.")
def count(box: Path, record: Path | None) -> None:
    """Count the ballots of BOX, a CSV file with the columns tracker and choice.

    Prints JSON, and how far it is to standard error. Nothing is asked of any server. A file that
    has one malformed line is not counted: such lines are named. With --record, also whether the
    box agrees with the published record of the poll, and the exit code is 1 where it does not.
    """
    from services.voting.count import leaders

    published = _record(record) if record else None
    found = _recount(box)
    winners = leaders(found.counted)
    told: dict[str, Any] = {
        "ballots": found.ballots,
        "counts": found.counted,
        "winners": list(winners),
        "tie": len(winners) > 1,
    }
    if published is not None:
        wrong = _differences(published, found)
        told |= {"agrees": not wrong, "differences": wrong}
    click.echo(json.dumps(told, ensure_ascii=False, indent=2))
    if not told.get("agrees", True):
        raise SystemExit(1)


@command.command(short_help="Store again the boxes that the storage has lost.")
def store() -> None:
    """Write the files of all counted polls that the storage does not have, from the database."""
    from services.chassis.config import Settings
    from services.chassis.runner import make_core
    from services.voting import box_store

    core = make_core("voting", Settings.from_env())
    try:
        stored = box_store.restore(core)
    finally:
        core.database.close()
    for poll in stored:
        click.echo(poll)
    click.echo(f"{len(stored)} stored", err=True)


@command.command(short_help="Show what keeps polls from closing.")
@click.option("--give-up", "poll", help="Close this poll without what is missing.")
@click.option("--reason", help="Why: it is logged.")
def missing(poll: str | None, reason: str | None) -> None:
    """Show the polls that are over and can't close, and what has not come to them.

    Batches of ballots come late where a broker or a database was away: wait. Where the broker has
    lost them for good, --give-up lets the poll close without them; its public record then says
    of how many gateways something is unproven.
    """
    from services.chassis.config import Settings
    from services.chassis.runner import make_core
    from services.voting import lanes, polls

    if poll and not reason:
        raise click.UsageError("Say why: --reason TEXT.")
    core = make_core("voting", Settings.from_env())
    try:
        found = core.within(lanes.overdue)
        if poll and poll not in found:
            raise click.ClickException(f"{poll} misses nothing: nothing was changed.")
        if poll:
            core.within(lambda work: lanes.give_up(work, polls.held(work, poll), str(reason)))
    finally:
        core.database.close()
    for name, absent in found.items():
        click.echo("".join(f"{name}: {each}\n" for each in absent), nl=False)
    told = f"{poll} closes without them" if poll else f"{len(found)} polls wait"
    click.echo(told, err=True)


def _recount(box: Path) -> Any:
    from services.voting.box_file import BoxError, read
    from services.voting.count import recount_sorted

    try:
        return recount_sorted(read(box, _tell))
    except BoxError as error:
        lines = "".join(f"\n  {line}" for line in error.wrong)
        raise click.ClickException(f"{box} can't be counted:{lines}") from error


def _tell(lines: int) -> None:
    click.echo(f"{lines:,} lines read".replace(",", " "), err=True)


def _record(path: Path) -> dict[str, Any]:
    """The record as the API publishes it, with its digest, or the bare record."""
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
        record = document.get("record", document)
        if not _is_record(record):
            raise TypeError("record")
        json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise click.ClickException(f"{path} is not the record of a poll.") from error
    return {"digest": None, **document, "record": record}


def _is_record(record: Any) -> bool:
    """Whether it has what is compared, as far as one must know to compare it."""
    counted, winners = record["counted"], record.get("winners", [])
    return (
        isinstance(counted, dict)
        and all(type(votes) is int for votes in counted.values())
        and isinstance(winners, list)
    )


def _differences(published: dict[str, Any], found: Any) -> list[str]:
    from services.voting.count import differences, record_digest

    record, told = published["record"], published["digest"]
    digest = record_digest(record)
    changed = [f"digest: {told} published, {digest} of the record itself"]
    return [*(changed if told not in (None, digest) else []), *differences(found, record)]
