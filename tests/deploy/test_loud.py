"""Without real servers or browser: a loud report at the end; a failure where nobody reads it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = {
    "MARATHON_AMQP_URL": "pyamqp://guest:guest@127.0.0.1:1//",
    "MARATHON_DATABASE_URL": "postgresql+psycopg2://u:p@127.0.0.1:1/{service}",
}


ON_SERVERS = "tests/deploy/test_local.py::test_databases_are_made_empty_and_dropped"
IN_A_BROWSER = "tests/journeys/browser/test_access.py::test_the_page_that_is_not_there"
NO_PROGRAM = {"MARATHON_CHROMIUM": "/nowhere/chromium"}


def run_tests(workers: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A run of one test of each kind, where there is neither."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "CI"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", workers, ON_SERVERS, IN_A_BROWSER],
        cwd=ROOT,
        env={**clean, **NOWHERE, **NO_PROGRAM, **env},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("workers", ["0", "1"])
def test_missing_servers_and_browser_are_reported_at_the_end(workers: str) -> None:
    done = run_tests(workers)
    assert done.returncode == 0
    assert re.search(r"^!+ NOT TESTED ON REAL SERVERS !+$", done.stdout, re.MULTILINE)
    assert "1 tests were skipped: no real RabbitMQ and PostgreSQL: " in done.stdout
    assert re.search(r"^!+ NOT TESTED IN A REAL BROWSER !+$", done.stdout, re.MULTILINE)
    sentence = "MARATHON_CHROMIUM names no program: /nowhere/chromium."
    assert f"1 tests were skipped: no real browser: {sentence}" in done.stdout


def test_missing_servers_and_browser_fail_in_ci() -> None:
    done = run_tests("0", CI="true")
    assert done.returncode == 1
    assert "no real RabbitMQ and PostgreSQL: " in done.stdout
    assert "no real browser: " in done.stdout
    assert "passed" not in done.stdout.splitlines()[-1]
