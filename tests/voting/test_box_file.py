"""The scrutineers' file, read to be counted again: all or nothing, every wrong line named."""

from __future__ import annotations

import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.voting.box_file import BoxError, read

WORD = st.text(
    st.characters(codec="utf-8", categories=["L", "N", "P", "S"], exclude_characters='",;'),
    min_size=1,
)


def rows(text: str | bytes) -> list[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "box.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return list(read(path))


@given(st.dictionaries(WORD, WORD), st.sampled_from(",;"), st.sampled_from(["\n", "\r\n"]))
def test_what_was_written_is_read(box: dict[str, str], separator: str, end: str) -> None:
    lines = [("tracker", "choice"), *box.items()]
    text = "".join(f"{tracker}{separator}{choice}{end}" for tracker, choice in lines)
    assert dict(rows(text)) == box
    assert dict(rows(b"\xef\xbb\xbf" + text.encode())) == box  # as spreadsheets write it


def test_values_may_be_quoted() -> None:
    assert rows('tracker,choice\n"a1","Le four, commun"\n') == [("a1", "Le four, commun")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1: the columns must be tracker,choice, not ''"),
        ("choice,tracker\n", "line 1: the columns must be tracker,choice, not 'choice,tracker'"),
        ("tracker,choice\na,x\nb\n", "line 3: it must have a tracker and a choice, and has 1"),
        ("tracker,choice\na,x,y\n", "line 2: it must have a tracker and a choice, and has 3"),
        ("tracker,choice\n\na,x\n", "line 2: it must have a tracker and a choice, and has 0"),
        ("tracker,choice\n,x\n", "line 2: its tracker is empty"),
        ("tracker,choice\na,\n", "line 2: its choice is empty"),
        ("tracker,choice\na, x\n", "line 2: its choice has characters"),
        ("tracker,choice\na\x00,x\n", "line 2: its tracker has characters"),
        (b"tracker,choice\na,\xff\n", "line 2: its choice has characters"),
        ("tracker,choice\na,x\nb,x\na,y\n", "line 4: its tracker is that of line 2"),
        ("tracker,choice\na,x\nb,y\nb,x\n", "line 4: its tracker is that of line 3"),
        ("tracker,choice\nb,x\na,x\nb,y\n", "line 4: its tracker is that of line 2"),
        ("tracker,choice\nb,x\na,x\nb,x\n", "line 4: its tracker is that of line 2"),
        ("tracker,choice\ntracker,choice\na,x\n" + "a,x\n", "line 4: its tracker is that of"),
        ("tracker,choice\r\na,x\r\nb\r,y\r\n", "line 3: its tracker has characters"),
        ("tracker,choice\ra,x\r", "line 1: the columns must be"),
        ("tracker,choice\na,x\n\u202eb,x\n", "line 3: its tracker has characters"),
        ("\ufeff\ufefftracker,choice\n", "line 1: the columns must be"),
        ("tracker,choice".encode("utf-16"), "line 1: the columns must be"),
        (b"\x7fELF\x02\x01\x00" + bytes(range(256)) * 20, "line 1: the columns must be"),
        (b"tracker,choice\n" + bytes(range(256)), "line 2: it must have a tracker and a choice"),
        ("tracker,choice\n" + "a" * 999 + ",x\n", "line 2: it has more than 1000 characters"),
        ('tracker,choice\n"a"x,y\n', "line 2: it must have a tracker and a choice, and has 1"),
        ('tracker,choice\n"a,x\nb,y"\n', "line 2: it must have a tracker and a choice, and has 1"),
    ],
)
def test_a_malformed_line_is_named(text: str | bytes, told: str) -> None:
    with pytest.raises(BoxError) as refused:
        rows(text)
    assert refused.value.wrong[0].startswith(told)


def test_rows_come_by_tracker_in_whatever_order_they_are_written() -> None:
    text = "tracker,choice\nb,x\né,x\na,y\n😀,x\nA,x"
    assert [tracker for tracker, _ in rows(text)] == ["A", "a", "b", "é", "😀"]


def test_a_line_without_an_end_is_left_behind_in_parts() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "box.csv"
        with path.open("w") as file:
            file.write("tracker,choice\na,x\n")
            for _ in range(100):
                file.write("y" * 1_000_000)
            file.write("\nb,x\n")
        tracemalloc.start()
        with pytest.raises(BoxError, match=r"^line 3: it has more than 1000 characters$"):
            list(read(path))
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
        tracemalloc.stop()


@pytest.mark.parametrize("is_sorted", [True, False])
def test_memory_is_flat_and_progress_is_told(tmp_path: Path, is_sorted: bool) -> None:
    path = tmp_path / "box.csv"
    numbers = range(250_000) if is_sorted else range(250_000, 0, -1)
    with path.open("w") as file:
        file.write("tracker,choice\n")
        file.writelines(f"{number:032x},project{number % 9}\n" for number in numbers)
    told: list[int] = []
    tracemalloc.start()
    assert sum(1 for _ in read(path, told.append)) == 250_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
    assert told == [100_000, 200_000]


def test_every_wrong_line_is_named_and_of_a_score_what_is_wrong() -> None:
    with pytest.raises(BoxError) as refused:
        rows("tracker,choice\n" + "x\n" * 24 + "a,b\nx\na2,b\nx\nx\n")
    assert [line.partition(":")[0] for line in refused.value.wrong] == [
        *(f"line {number}" for number in range(2, 22)),
        "and lines 22–25, 27, 29–30",
    ]
