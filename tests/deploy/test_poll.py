"""``marathon poll count``: a box counted again by somebody who has nothing but files."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from deploy.cli.poll import command
from services.voting.count import count, record_digest
from tests.voting.test_count import ballot

BOX = [("a1", "four"), ("b2", "laine"), ("c3", "four"), ("d4", "vélos")]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, ["count", *map(str, arguments)])


def write_box(folder: Path, rows: list[tuple[str, str]], separator: str = ",") -> Path:
    path = folder / "box.csv"
    lines = [("tracker", "choice"), *rows]
    path.write_text("".join(f"{tracker}{separator}{choice}\n" for tracker, choice in lines))
    return path


def test_a_box_is_counted(tmp_path: Path) -> None:
    done = run(write_box(tmp_path, BOX))
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {
        "ballots": 4,
        "counts": {"four": 2, "laine": 1, "vélos": 1},
        "winners": ["four"],
        "tie": False,
    }


def test_a_tie_and_an_empty_box_are_told(tmp_path: Path) -> None:
    tied = json.loads(run(write_box(tmp_path, BOX[:2])).stdout)
    assert (tied["winners"], tied["tie"]) == (["four", "laine"], True)
    empty = json.loads(run(write_box(tmp_path, [])).stdout)
    assert empty == {"ballots": 0, "counts": {}, "winners": [], "tie": False}


def test_a_malformed_line_is_named_and_nothing_is_counted(tmp_path: Path) -> None:
    done = run(write_box(tmp_path, [*BOX, ("e5", ""), ("a1", "four")]))
    assert (done.exit_code, done.stdout) == (1, "")
    assert "line 6: its choice is empty" in done.stderr
    assert "line 7: its tracker is that of line 2" in done.stderr


def test_no_half_count_of_a_file_that_is_no_box(tmp_path: Path) -> None:
    for number, content in enumerate((b"", b"\x00" * 5000, bytes(range(256)) * 50, b"PK\x03\x04")):
        path = tmp_path / f"{number}.csv"
        path.write_bytes(content)
        done = run(path)
        assert (done.exit_code, done.stdout) == (1, ""), content[:9]
        assert "line 1: the columns must be tracker,choice" in done.stderr


def test_as_a_spreadsheet_saves_it(tmp_path: Path) -> None:
    path = tmp_path / "box.csv"
    path.write_bytes('\ufefftracker;choice\r\nb2;laine\r\n"a1";four\r\n'.encode())
    assert json.loads(run(path).stdout)["counts"] == {"four": 1, "laine": 1}


def test_progress_is_not_in_the_answer(tmp_path: Path) -> None:
    rows = [(f"{number:032x}", "four") for number in range(100_001)]
    done = run(write_box(tmp_path, rows))
    assert json.loads(done.stdout)["ballots"] == 100_001
    assert done.stderr == "100 000 lines read\n"


@pytest.fixture
def published(tmp_path: Path) -> tuple[Path, Path, dict[str, Any]]:
    """A box, its record as the API publishes it, and that as values."""
    rng = random.Random(5)
    ballots = [ballot(f"t{n:02}", f"v{n % 60}", "abc"[rng.randrange(3)], n) for n in range(90)]
    outcome = count(ballots, "abc", spoilt=["b"])
    record = {
        "rule": "shared",
        "counted": outcome.counted,
        "counted_ballots": outcome.counted_ballots,
        "winners": list(outcome.winners),
        "box_digest": outcome.box_digest,
        "receipts_digest": outcome.receipts_digest,
    }
    rows = list(outcome.box)
    rng.shuffle(rows)
    path = tmp_path / "record.json"
    document = {"poll": "p", "record": record, "digest": record_digest(record)}
    path.write_text(json.dumps(document))
    return write_box(tmp_path, rows, ";"), path, document


def test_a_box_agrees_with_its_record(published: tuple[Path, Path, dict[str, Any]]) -> None:
    box, record, _ = published
    done = run(box, "--record", record)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["agrees"], told["differences"]) == (True, [])


def test_a_box_that_was_changed_does_not_agree(
    published: tuple[Path, Path, dict[str, Any]],
) -> None:
    box, record, _ = published
    lines = box.read_text().splitlines()
    lines[1] = lines[1][:-1] + ("c" if lines[1].endswith("a") else "a")
    box.write_text("\n".join(lines))
    done = run(box, "--record", record)
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert not told["agrees"]
    assert [line.partition(":")[0] for line in told["differences"]][-1] == "box_digest"


def test_a_record_that_was_changed_does_not_agree(
    published: tuple[Path, Path, dict[str, Any]],
) -> None:
    box, path, document = published
    document["record"]["spoilt"] = 9
    path.write_text(json.dumps(document))
    done = run(box, "--record", path)
    assert done.exit_code == 1
    (difference,) = json.loads(done.stdout)["differences"]
    assert difference.startswith("digest: ")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"record": 7}',
        '{"counted": []}',
        '{"counted": {"a": "1"}}',
        '{"counted": {}, "winners": null}',
        '{"counted": {}, "note": "\\ud800"}',
        "[" * 100_000,
        "\x00",
    ],
)
def test_what_is_no_record_is_said(tmp_path: Path, text: str) -> None:
    other = tmp_path / "other.json"
    other.write_text(text)
    done = run(write_box(tmp_path, BOX), "--record", other)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "is not the record of a poll" in done.stderr
