"""The stages of registration."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures import empty
from tests.registration.crew import Crew
from tests.registration.season import Season


@pytest.fixture
def season(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Season]:
    """Registration alone with a small season, on SQLite; with ``@on_both``, on PostgreSQL too."""
    storage = f"sqlite:///{tmp_path}/{{service}}.sqlite"
    if getattr(request, "param", "sqlite") == "postgresql":
        storage = request.getfixturevalue("postgresql")
    made = Season(storage)
    yield made
    empty(made.troupe)


@pytest.fixture
def crew(season: Season) -> Crew:
    """The same with its first marathon mobilised, and people."""
    return Crew(season)
