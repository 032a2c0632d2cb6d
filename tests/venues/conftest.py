"""The stage of venues, on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fixtures import empty
from tests.venues.stage import Stage


@pytest.fixture
def stage(storage: str) -> Iterator[Stage]:
    """Venues alone, on each kind of database."""
    made = Stage(storage)
    yield made
    empty(made.troupe)
