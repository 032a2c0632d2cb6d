"""The stage of the jury, on both databases or on SQLite alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures import empty
from tests.jury.stage import MARATHON, Stage, juror


@pytest.fixture
def stage(storage: str) -> Iterator[Stage]:
    """The jury alone, on each kind of database."""
    made = Stage(storage)
    yield made
    empty(made.troupe)


@pytest.fixture
def stage_on_sqlite(tmp_path: Path) -> Iterator[Stage]:
    """The jury alone on SQLite, for what storage does not touch."""
    made = Stage(f"sqlite:///{tmp_path}/{{service}}.sqlite")
    yield made
    made.troupe.close()


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One running stage for all refusals, which leave nothing behind; Anne is recused once."""
    made = Stage(f"sqlite:///{tmp_path_factory.mktemp('refusing')}/{{service}}.sqlite")
    made.running()
    made.call("recuse", juror("anne"), marathon=MARATHON, project="bakery", reason="Voisine")
    yield made
    made.troupe.close()
