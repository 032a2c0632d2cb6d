"""The scrutineers' file: a line per counted ballot, ``tracker,choice`` (RULES V8)."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TextIO

COLUMNS = ["tracker", "choice"]
NAMED_MOST = 20
"""Of so many wrong lines it is said what is wrong; of the others, which they are."""

LINE_MOST = 1000
"""No line of ours has a quarter as many characters: a longer one is not read any further."""

TOLD_EVERY = 100_000

Row = tuple[str, str]
Line = tuple[int, list[str] | None]
"""A line's number and its columns; none of one that is too long."""


class BoxError(ValueError):
    """A file that can't be counted, with what is wrong in it, a sentence each."""

    def __init__(self, wrong: list[str]) -> None:
        super().__init__("\n".join(wrong))
        self.wrong = wrong


class Faults:
    """What is wrong in a file: of the first lines what, of the others their numbers."""

    def __init__(self) -> None:
        self.named: list[str] = []
        self.more: list[range] = []

    def add(self, number: int, fault: str) -> None:
        """Notes that a line is wrong."""
        if len(self.named) < NAMED_MOST:
            self.named.append(f"line {number}: {fault}")
        elif self.more and self.more[-1].stop == number:
            self.more[-1] = range(self.more[-1].start, number + 1)
        else:
            self.more.append(range(number, number + 1))

    def check(self) -> None:
        """Raises :class:`BoxError` if anything was wrong."""
        if self.named:
            lines = ", ".join(map(_shown, self.more))
            raise BoxError([*self.named, *([f"and lines {lines}"] if lines else [])])


def _shown(lines: range) -> str:
    return str(lines[0]) if len(lines) == 1 else f"{lines[0]}–{lines[-1]}"


def key_of(poll: str) -> str:
    """Where a poll's box is kept in the storage."""
    return f"polls/{poll}/box.csv"


def read(path: Path, told: Callable[[int], object] = lambda _lines: None) -> Iterator[Row]:
    """The rows of a box file by tracker, as the count takes them; columns end with a comma or,
    as spreadsheets here write them, a semicolon.

    Keeps none of them in memory: a file that somebody sorted otherwise is sorted on the disk.
    ``told`` is called now and then with how many lines were read. Raises :class:`BoxError` at
    the end, with the number of every line that is wrong: a box with one malformed line has no
    count.
    """
    faults = Faults()
    rows = _sound(path, faults, told)
    yield from _distinct(rows, faults) if _is_sorted(path) else _sorted(rows, faults)
    faults.check()


def _sound(
    path: Path, faults: Faults, told: Callable[[int], object]
) -> Iterator[tuple[int, str, str]]:
    for number, row in _lines(path):
        fault = _fault(row)
        if fault or row is None:
            faults.add(number, fault)
        else:
            yield number, row[0], row[1]
        if number % TOLD_EVERY == 0:
            told(number)


def _distinct(rows: Iterable[tuple[int, str, str]], faults: Faults) -> Iterator[Row]:
    """Rows that come by tracker, but those whose tracker has been there."""
    before, seen_at = "", 0
    for number, tracker, choice in rows:
        if tracker == before:
            faults.add(number, f"its tracker is that of line {seen_at}")
        else:
            before, seen_at = tracker, number
            yield tracker, choice


def _sorted(rows: Iterable[tuple[int, str, str]], faults: Faults) -> Iterator[Row]:
    """Rows in whatever order, by tracker, but those whose tracker has been there."""
    with closing(sqlite3.connect("")) as disk:  # a file of its own that goes with it
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -16000"):
            disk.execute(f"PRAGMA {pragma}")
        disk.execute("CREATE TABLE box (tracker TEXT PRIMARY KEY, choice, line) WITHOUT ROWID")
        for number, tracker, choice in rows:
            row = (tracker, choice, number)
            if not disk.execute("INSERT OR IGNORE INTO box VALUES (?, ?, ?)", row).rowcount:
                first = disk.execute("SELECT line FROM box WHERE tracker = ?", (tracker,))
                faults.add(number, f"its tracker is that of line {first.fetchone()[0]}")
        yield from disk.execute("SELECT tracker, choice FROM box ORDER BY tracker")


def _is_sorted(path: Path) -> bool:
    """Whether its trackers come in order, by a quick look: in a line without quotes the tracker
    is what stands before the first separator, and a box of ours has no quotes."""
    with _opened(path) as (file, separator):
        before = ""
        while line := _line(file):
            tracker = line.partition(separator)[0]
            if tracker < before or '"' in line:
                return False
            before = tracker
        return line is not None


@contextmanager
def _opened(path: Path) -> Iterator[tuple[TextIO, str]]:
    """The file after its first line, and what its columns end with. Raises :class:`BoxError`."""
    with path.open(encoding="utf-8-sig", newline="\n", errors="surrogateescape") as file:
        first = (_line(file) or "").rstrip("\r\n")
        separator = ";" if ";" in first else ","
        if first.split(separator) != COLUMNS:
            raise BoxError([f"line 1: the columns must be {','.join(COLUMNS)}, not {first[:80]!r}"])
        yield file, separator


def _lines(path: Path) -> Iterator[Line]:
    with _opened(path) as (file, separator):
        # One line, one ballot: no value of ours has a line end in it, so no quote spans lines.
        number = 1
        while (line := _line(file)) is None or line:
            number += 1
            yield number, None if line is None else _columns(line.rstrip("\r\n"), separator)


def _line(file: TextIO) -> str | None:
    """The next line, empty at the end; None for one that is too long, which is left behind."""
    line = file.readline(LINE_MOST)
    if len(line) < LINE_MOST or line.endswith("\n"):
        return line
    while (rest := file.readline(LINE_MOST)) and not rest.endswith("\n"):
        pass
    return None


def _columns(line: str, separator: str) -> list[str]:
    if '"' not in line:
        return line.split(separator) if line else []
    try:
        return next(csv.reader([line], delimiter=separator, strict=True), [])
    except csv.Error:
        return [line]


def _fault(row: list[str] | None) -> str:
    if row is None:
        return f"it has more than {LINE_MOST} characters"
    if len(row) != len(COLUMNS):
        return f"it must have a tracker and a choice, and has {len(row)} columns"
    for name, value in zip(COLUMNS, row, strict=True):
        if not value:
            return f"its {name} is empty"
        if not value.isprintable() or value != value.strip():
            return f"its {name} has characters in it that none may have"
    return ""
