"""Cycles that are under way, made once and copied for each test: opening one takes seconds."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from datetime import datetime
from pathlib import Path

from tests.registration.partners.stage import Partners

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None


@functools.cache
def _made(
    operators: tuple[str, ...], joint_body: str | None, passed: int
) -> tuple[Path, dict[str, str], datetime]:
    """A folder with the instances' databases, and the runs and the time that go with them."""
    folder = Path(tempfile.mkdtemp(dir=MEMORY))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    made = Partners(folder, list(operators), joint_body)
    made.open()
    for leg in range(1, len(operators) + 1):
        made.operator(leg).mobilise(leg)
    made.quiet()
    for leg in range(1, passed + 1):
        made.pass_on(leg)
    made.finish()
    for instance in made:
        instance.back_up(instance.folder / "copy")
        for path in instance.folder.glob("registration.sqlite*"):
            path.unlink()
        (instance.folder / "copy").rename(instance.path)
    return folder, {instance.name: instance.core.run for instance in made}, made.now


def scene(
    folder: Path, operators: tuple[str, ...], joint_body: str | None = "fumel", passed: int = 0
) -> Partners:
    """A cycle that is open everywhere and told, as if nobody had stopped.

    All host towns are revealed, so the first leg is mobilised; ``passed`` legs are closed and
    have handed their baton on.
    """
    template, runs, now = _made(operators, joint_body, passed)
    shutil.copytree(template, folder, dirs_exist_ok=True)
    return Partners(folder, list(operators), joint_body, runs, now)
