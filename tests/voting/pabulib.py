"""Elections as Pabulib publishes them (``.pb``), read and written: public, real input (issue 4).

Three sections, ``META`` (key and value), ``PROJECTS`` and ``VOTES``, each with a line of
columns, in any order; ``;`` between them, quotes as in CSV. Only what this vote can be is taken:
one choice each (``choose-1``, or ``approval`` where everybody approves of one). A file that says
what was counted (``votes`` of each project) is held to its word.
"""

from __future__ import annotations

import csv
import io
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

SECTIONS = ("META", "PROJECTS", "VOTES")
ONE_CHOICE = ("choose-1", "approval")


class PabulibError(ValueError):
    """A file that is no election of this kind; the sentence names the line."""


@dataclass(frozen=True)
class Vote:
    """One voter's one choice."""

    voter: str
    project: str
    on_paper: bool


@dataclass(frozen=True)
class Election:
    """What a file holds."""

    meta: dict[str, str]
    projects: dict[str, str]
    """Names by id."""
    votes: tuple[Vote, ...]


def parse(text: str) -> Election:
    """The election in a file's text. Raises :class:`PabulibError`."""
    meta: dict[str, str] = {}
    projects: dict[str, str] = {}
    counted: dict[str, str] = {}
    votes: dict[str, Vote] = {}
    for number, section, row in _rows(text):
        if section == "META":
            _once(meta, row.get("key", ""), row.get("value", ""), number)
        elif section == "PROJECTS":
            _once(projects, row.get("project_id", ""), row.get("name", ""), number)
            if "votes" in row:
                counted[row["project_id"]] = row["votes"]
        else:
            vote = _vote(row, projects, number)
            _once(votes, vote.voter, vote, number)
    if meta.get("vote_type") not in ONE_CHOICE:
        raise PabulibError(f"vote_type {meta.get('vote_type')!r} is not one choice each")
    if meta.get("num_votes", str(len(votes))) != str(len(votes)):
        raise PabulibError(f"num_votes {meta['num_votes']}, but there are {len(votes)}")
    _must_agree(counted, votes)
    return Election(meta, projects, tuple(votes.values()))


def _must_agree(counted: dict[str, str], votes: dict[str, Vote]) -> None:
    found = Counter(vote.project for vote in votes.values())
    for project, published in counted.items():
        if published != str(found[project]):
            raise PabulibError(f"{project}: {published} votes published, {found[project]} there")


def _rows(text: str) -> Iterator[tuple[int, str, dict[str, str]]]:
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")), delimiter=";", strict=True)
    section, columns = "", list[str]()
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) == 1 and row[0].strip() in SECTIONS:
                section, columns = row[0].strip(), []
            elif not section:
                raise PabulibError(f"line {reader.line_num}: before any section")
            elif not columns:
                columns = [cell.strip() for cell in row]
            elif len(row) != len(columns):
                raise PabulibError(f"line {reader.line_num}: {len(row)} of {len(columns)} columns")
            else:
                yield reader.line_num, section, dict(zip(columns, map(str.strip, row), strict=True))
    except csv.Error as error:
        raise PabulibError(f"line {reader.line_num}: {error}") from error


def _vote(row: dict[str, str], projects: dict[str, str], number: int) -> Vote:
    chosen = [each.strip() for each in row.get("vote", "").split(",") if each.strip()]
    if len(chosen) != 1:
        raise PabulibError(f"line {number}: {len(chosen)} choices, not one")
    if chosen[0] not in projects:
        raise PabulibError(f"line {number}: no project {chosen[0]!r}")
    return Vote(row.get("voter_id", ""), chosen[0], row.get("voting_method", "") == "paper")


def _once(found: dict[str, Any], key: str, value: Any, number: int) -> None:
    if not key:
        raise PabulibError(f"line {number}: nothing to name it by")
    if key in found:
        raise PabulibError(f"line {number}: {key!r} is there twice")
    found[key] = value


def tally(text: str) -> dict[str, int]:
    """The votes by project, counted by nothing but splitting the lines of a file of ours."""
    lines = text.splitlines()
    return dict(Counter(line.split(";")[1] for line in lines[lines.index("VOTES") + 2 :] if line))


def written(
    projects: int, votes: int, paper: int = 0, vote_type: str = "choose-1", seed: int = 0
) -> str:
    """An election in that format, some projects far more liked than others."""
    rng = random.Random(seed)
    ids = [f"p{number}" for number in range(1, projects + 1)]
    liked = [1 / number for number in range(1, projects + 1)]
    methods = ["paper"] * paper + ["internet"] * (votes - paper)
    rng.shuffle(methods)
    out = io.StringIO()
    rows = csv.writer(out, delimiter=";", lineterminator="\n")
    meta = {"description": 'Prix "du public"; essai', "vote_type": vote_type, "num_votes": votes}
    chosen = rng.choices(ids, liked, k=votes)
    counted = Counter(chosen)
    rows.writerows([["META"], ["key", "value"], *meta.items()])
    rows.writerows([["PROJECTS"], ["project_id", "cost", "votes", "name", "selected"]])
    rows.writerows(
        [each, 5000, counted[each], f'Projet « {each} »; "l\'atelier"', 0] for each in ids
    )
    rows.writerows([["VOTES"], ["voter_id", "vote", "age", "sex", "voting_method"]])
    for number, (method, project) in enumerate(zip(methods, chosen, strict=True)):
        rows.writerow([number, project, rng.randrange(16, 99), "", method])
    return out.getvalue()
