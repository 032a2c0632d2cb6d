"""The scrutineers' file, read to be counted again: all or nothing, every wrong line named."""

from __future__ import annotations

import tempfile
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
        ('tracker,choice\n"a,x\nb,y"\n', "line 2: it must have a tracker and a choice, and has 1"),
    ],
)
def test_a_malformed_line_is_named(text: str | bytes, told: str) -> None:
    with pytest.raises(BoxError) as refused:
        rows(text)
    assert refused.value.wrong[0].startswith(told)


def test_every_wrong_line_is_named_up_to_a_score() -> None:
    with pytest.raises(BoxError) as refused:
        rows("tracker,choice\n" + "x\n" * 25)
    assert [line.partition(":")[0] for line in refused.value.wrong] == [
        *(f"line {number}" for number in range(2, 22)),
        "and 5 more",
    ]
