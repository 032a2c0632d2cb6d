"""Files: whole or not at all, whoever reads, fails or dies meanwhile; for every kind of storage."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.chassis.config import Settings, SettingsError
from services.chassis.storage import LEFT_BEHIND_S, Folder, Storage, storage_of

KEY = "polls/p1/box.csv"


@pytest.fixture(params=["folder"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """An empty storage, of each kind in turn."""
    made: dict[str, Storage] = {"folder": Folder(tmp_path / "files")}
    return made[request.param]


def content(storage: Storage, key: str = KEY) -> bytes:
    return b"".join(storage.read(key))


def test_what_is_put_is_read_and_counted_in_bytes(storage: Storage) -> None:
    parts = [b"a" * 100_000, b"", "é\n".encode()]
    assert storage.put(KEY, parts) == 100_003
    assert content(storage) == b"".join(parts)
    assert storage.size(KEY) == 100_003
    assert max(map(len, storage.read(KEY))) <= 64 * 1024  # never whole in memory


def test_what_is_not_there_has_no_size_and_no_bytes(storage: Storage) -> None:
    assert storage.size(KEY) is None
    with pytest.raises(FileNotFoundError):
        content(storage)
    storage.delete(KEY)


def test_a_file_is_replaced_whole_and_deleted(storage: Storage) -> None:
    storage.put(KEY, [b"old"])
    reading = storage.read(KEY)
    assert storage.put(KEY, [b"newer"]) == 5
    assert content(storage) == b"newer"
    assert b"".join(reading) in (b"old", b"newer")
    storage.delete(KEY)
    assert storage.size(KEY) is None


def test_nothing_has_changed_where_the_writer_fails(storage: Storage) -> None:
    def failing() -> Iterator[bytes]:
        yield b"half"
        assert storage.size(KEY) == seen  # nobody sees a half
        raise RuntimeError

    seen: int | None = None
    with pytest.raises(RuntimeError):
        storage.put(KEY, failing())
    assert storage.size(KEY) is None
    seen = storage.put(KEY, [b"whole"])
    with pytest.raises(RuntimeError):
        storage.put(KEY, failing())
    assert content(storage) == b"whole"


@pytest.mark.parametrize(
    "key",
    ["", "/etc/passwd", "../x", "a/../b", "a//b", ".hidden", "a/", "a b", "é", "a\x00", "A", "a\n"],
)
def test_a_key_never_leads_elsewhere(storage: Storage, key: str) -> None:
    for use in (
        lambda: storage.put(key, [b"x"]),
        lambda: storage.size(key),
        lambda: storage.delete(key),
        lambda: next(storage.read(key)),
    ):
        with pytest.raises(ValueError, match="not a file's key"):
            use()


def test_a_writer_that_is_killed_leaves_nothing_to_be_seen(tmp_path: Path) -> None:
    script = f"""
import sys, time
from pathlib import Path
from services.chassis.storage import Folder

def slow():
    yield b"half"
    print("half written", flush=True)
    time.sleep(60)

Folder(Path({str(tmp_path)!r})).put({KEY!r}, slow())
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"half written\n"
        writer.send_signal(signal.SIGKILL)
    folder = Folder(tmp_path)
    assert folder.size(KEY) is None
    (left,) = (tmp_path / ".parts").iterdir()
    folder.put(KEY, [b"whole"])
    assert left.exists()  # somebody may still be at it
    old = time.time() - LEFT_BEHIND_S - 1
    os.utime(left, (old, old))
    folder.put(KEY, [b"whole"])
    assert list((tmp_path / ".parts").iterdir()) == []
    assert content(folder) == b"whole"


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    Folder(tmp_path).put(KEY, [b"x"])
    assert (tmp_path / KEY).stat().st_mode & 0o077 == 0


def test_the_address_names_the_folder(tmp_path: Path) -> None:
    named = storage_of(Settings(storage_url=f"file://{tmp_path}/of%20files"))
    assert isinstance(named, Folder)
    assert named.path == tmp_path / "of files"
    default = storage_of(Settings(data_dir=tmp_path))
    assert isinstance(default, Folder)
    assert default.path == tmp_path / "files"


@pytest.mark.parametrize("url", ["s3://bucket", "file://host/path", "file:relative", "/path"])
def test_an_address_of_no_known_kind_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="MARATHON_STORAGE"):
        storage_of(Settings(storage_url=url))


def test_the_address_comes_from_the_environment(tmp_path: Path) -> None:
    environ = {"MARATHON_SECRET": "x" * 32, "MARATHON_STORAGE": f"file://{tmp_path}"}
    assert Settings.from_env(environ).storage_url == f"file://{tmp_path}"
