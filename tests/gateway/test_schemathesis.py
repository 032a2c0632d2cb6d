"""Requests made from the OpenAPI document, for every role: documented answers, nothing stored.

schemathesis makes them: by the schemas, against the schemas, with ids that exist and ids that
do not. The four real services answer, on SQLite.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import select

from services.chassis import tables
from tests.gateway.crawl import Visitor, gateway_of, ids_of
from tests.gateway.test_non_interference import ALL, HOST, VOTES, Story, visitors
from tests.harness import Troupe

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)
# What a refused request may leave behind: how often somebody asked.
COUNTS = ("limits",)
ROLES = ("nobody", "stranger", "holder", "juror", "organiser", "mit_token", "everywhere")


class Stage:
    """A gateway over a marathon in its 36 hours."""

    def __init__(self, where: Path) -> None:
        self.troupe = Troupe(where)
        story = Story(self.troupe, VOTES, HOST)
        story.play_to_the_vote()
        self.visitors: list[Visitor] = [*visitors(story), ALL]
        self.app: Flask = gateway_of(self.troupe, self.visitors)
        self.ids = ids_of(self.troupe)
        files = (where / f"{name}.sqlite" for name in self.troupe.players)
        self.watches = [sqlite3.connect(f"file:{file}?mode=ro", uri=True) for file in files]
        self.changes: list[int] = []
        self.picture: dict[str, str] = {}

    def stored(self) -> dict[str, str]:
        """A picture of every table, but what counts requests; anew once anything was written."""
        changes = [self._changes(watch) for watch in self.watches]
        if changes != self.changes:
            self.picture = self._pictures()
            self.changes = changes
        return self.picture

    def _changes(self, watch: sqlite3.Connection) -> int:
        """A number that is another one after each write of any other connection."""
        return int(watch.execute("PRAGMA data_version").fetchone()[0])

    def _pictures(self) -> dict[str, str]:
        return {
            f"{name}.{table.name}": self._picture(name, table)
            for name, player in self.troupe.players.items()
            for metadata in (player.service_class.chassis.metadata, tables.metadata)
            for table in metadata.sorted_tables
            if table.name not in COUNTS
        }

    def _picture(self, service: str, table: Any) -> str:
        with self.troupe.players[service].session() as session:
            rows = session.execute(select(table)).all()
        return json.dumps(sorted(map(repr, rows)))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage(tmp_path_factory.mktemp("stage"))
    yield made
    for watch in made.watches:
        watch.close()


def operations(stage: Stage) -> Iterator[Any]:
    """Every operation of the document, in the order of its addresses."""
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", stage.app)
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        yield result.ok()


def ways_of(stage: Stage, operation: Any) -> dict[str, st.SearchStrategy[str]]:
    """Parts of the path: mostly ids that exist, now and then one that does not."""
    return {
        parameter.name: st.sampled_from([*stage.ids[parameter.name], "none"])
        for parameter in operation.path_parameters
    }


def drive(stage: Stage, roles: Sequence[str], examples: int) -> None:
    """Sends ``examples`` requests to every operation, good ones and bad ones, each as ``roles``."""
    before = stage.stored()
    for operation in operations(stage):
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            before = _send(stage, operation, mode, roles, examples, before)


def _send(
    stage: Stage,
    operation: Any,
    mode: GenerationMode,
    roles: Sequence[str],
    examples: int,
    before: dict[str, str],
) -> dict[str, str]:
    left = [before]
    parts = ways_of(stage, operation)

    def once(case: Any, path: dict[str, str]) -> None:
        case.path_parameters = path
        made = dict(case.headers or {})
        for role in roles:
            credential = {} if role == "nobody" else {"Authorization": f"Bearer {role}"}
            case.headers = {**made, **credential}
            send(case)

    def send(case: Any) -> None:
        answer = case.call()
        case.validate_response(answer, checks=CHECKS)
        if case.method == "GET":
            return
        now = stage.stored() if answer.status_code >= 400 else None
        if now is None:
            left[0] = stage.stored()
            return
        changed = [name for name in now if now[name] != left[0][name]]
        assert changed == [], f"{case.method} {case.path} was refused ({answer.status_code})"

    with suppress(Unsatisfiable) if mode is GenerationMode.NEGATIVE else nullcontext():
        # What takes nothing can't be asked wrongly.
        _examples(operation.as_strategy(generation_mode=mode), parts, once, examples)
    return left[0]


def _examples(strategy: Any, parts: dict[str, Any], once: Any, most: int) -> None:
    wrapped = settings(
        max_examples=most,
        deadline=None,
        database=None,
        derandomize=True,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )(given(case=strategy, path=st.fixed_dictionaries(parts))(lambda case, path: once(case, path)))
    wrapped()


@pytest.mark.timeout(600)
def test_every_operation_answers_as_documented(stage: Stage) -> None:
    """The same requests by three: to make a request costs more than to answer it. The long run
    has all roles, with requests of their own."""
    drive(stage, ROLES[::3], 2)


@pytest.mark.long
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.timeout(3600)
def test_every_operation_answers_as_documented_to_many(stage: Stage, role: str) -> None:
    drive(stage, [role], 25)
