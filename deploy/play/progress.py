"""Shows on the error stream how far a play is: a bar on a terminal, else a line for each step."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

Tell = Callable[[str, float], None]


@contextmanager
def showing(title: str) -> Iterator[Tell]:
    """What to call with a step's name and how much of the whole is done, from 0 to 1."""
    if sys.stderr.isatty():
        with _bar() as bar:
            task = bar.add_task(title, total=1.0)
            yield lambda text, done: bar.update(task, description=text, completed=done)
            bar.update(task, description=title, completed=1.0)
        return
    last: list[str] = []

    def tell(text: str, _done: float) -> None:
        if last != [text]:
            last[:] = [text]
            click.echo(text, err=True)

    yield tell


def _bar() -> Progress:
    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True))
