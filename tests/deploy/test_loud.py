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


def run_one_test(
    workers: str, test: str = ON_SERVERS, **env: str
) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "CI"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", workers, test],
        cwd=ROOT,
        env={**clean, **NOWHERE, **env},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("workers", ["0", "1"])
def test_missing_servers_are_reported_at_the_end(workers: str) -> None:
    done = run_one_test(workers)
    assert done.returncode == 0
    assert re.search(r"^!+ NOT TESTED ON REAL SERVERS !+$", done.stdout, re.MULTILINE)
    assert "1 tests were skipped: no real RabbitMQ and PostgreSQL: " in done.stdout


def test_missing_servers_fail_in_ci() -> None:
    done = run_one_test("0", CI="true")
    assert done.returncode == 1
    assert "no real RabbitMQ and PostgreSQL: " in done.stdout


def test_a_missing_browser_is_reported_at_the_end() -> None:
    done = run_one_test("0", IN_A_BROWSER, **NO_PROGRAM)
    assert done.returncode == 0
    assert re.search(r"^!+ NOT TESTED IN A REAL BROWSER !+$", done.stdout, re.MULTILINE)
    sentence = "MARATHON_CHROMIUM names no program: /nowhere/chromium."
    assert f"1 tests were skipped: no real browser: {sentence}" in done.stdout


def test_a_missing_browser_fails_in_ci() -> None:
    done = run_one_test("0", IN_A_BROWSER, **NO_PROGRAM, CI="true")
    assert (done.returncode, "no real browser: " in done.stdout) == (1, True)
