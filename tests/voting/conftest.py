"""The stage of voting, on both databases."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator

import pytest
import structlog

from tests.fixtures import empty
from tests.voting.stage import Stage


@pytest.fixture
def stage(storage: str) -> Iterator[Stage]:
    """Voting alone, on each kind of database."""
    made = Stage(storage)
    yield made
    empty(made.troupe)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the services' modules log, whatever another test has set up: some keep the logger
    that they had at first."""
    lines = io.StringIO()
    logger = structlog.wrap_logger(
        structlog.PrintLogger(lines),
        processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
    )
    for name, module in list(sys.modules.items()):
        if name.startswith("services.") and hasattr(module, "log"):
            monkeypatch.setattr(module, "log", logger)
    return lines
