"""Where files are kept: a message carries a reference to one, never the file (DESIGN §3).

A storage is named by an address, ``MARATHON_STORAGE``, the same for all processes of an
instance. There is one kind so far, a folder (``file:///…``) that they share. Another, such as
a bucket, is a class with the methods of :class:`Storage` that keeps what each of them promises,
and a line in :func:`storage_of`; ``tests/chassis/test_storage.py`` holds every kind to it.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from marshmallow import Schema, fields

from services.chassis.config import Settings, SettingsError

AT_ONCE = 64 * 1024
LEFT_BEHIND_S = 24 * 3600.0
KEY = re.compile(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9]+)?(/[a-z0-9][a-z0-9_-]*(\.[a-z0-9]+)?){0,5}")
"""A file's key: small names with slashes between them, so that it is a path, a bucket's key and
part of an address alike, and never leads out of its folder."""


class FileReference(Schema):
    """A file in the storage, as a message carries it."""

    key = fields.String()
    name = fields.String(metadata={"description": "under which a browser saves it"})
    digest = fields.String(metadata={"description": "SHA-256 of its bytes, in hexadecimal"})


class Storage(Protocol):
    """Keeps files by their keys. All methods raise ``OSError`` when the storage is away or full,
    ``ValueError`` for a key that is none."""

    def put(self, key: str, chunks: Iterable[bytes]) -> int:
        """Stores a file and answers its size in bytes; it is on disk when this returns.

        All or nothing: whoever reads meanwhile finds what was there before, and where
        ``chunks`` raises, or the process dies, nothing has changed. Keeps none of it in memory.
        """
        ...

    def read(self, key: str) -> Iterator[bytes]:
        """A file's bytes, some at a time. Raises ``FileNotFoundError`` at the first of them."""
        ...

    def size(self, key: str) -> int | None:
        """How many bytes a file has; None where there is no such file."""
        ...

    def delete(self, key: str) -> None:
        """Takes a file away, if it is there."""
        ...


class Folder:
    """Files in a folder, for one machine or a volume that several share."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def put(self, key: str, chunks: Iterable[bytes]) -> int:
        """As :meth:`Storage.put`: written beside, flushed to the disk, then renamed."""
        target = self._path_of(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        parts = self.path / ".parts"
        parts.mkdir(exist_ok=True)
        _sweep(parts)
        handle, name = tempfile.mkstemp(dir=parts)  # readable by its owner only
        try:
            with os.fdopen(handle, "wb") as file:
                size = sum(file.write(chunk) for chunk in chunks)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        for folder in (target.parent, *target.parent.parents):
            _flush(folder)
            if folder == self.path:
                break
        return size

    def read(self, key: str) -> Iterator[bytes]:
        """As :meth:`Storage.read`."""
        with self._path_of(key).open("rb") as file:
            while chunk := file.read(AT_ONCE):
                yield chunk

    def size(self, key: str) -> int | None:
        """As :meth:`Storage.size`."""
        try:
            return self._path_of(key).stat().st_size
        except FileNotFoundError:
            return None

    def delete(self, key: str) -> None:
        """As :meth:`Storage.delete`."""
        path = self._path_of(key)
        path.unlink(missing_ok=True)
        if path.parent.exists():
            _flush(path.parent)

    def _path_of(self, key: str) -> Path:
        if not KEY.fullmatch(key):
            raise ValueError(f"not a file's key: {key!r}")
        return self.path / key


def storage_of(settings: Settings) -> Storage:
    """The storage of an instance. Raises ``SettingsError`` for an address of no known kind."""
    split = urlsplit(settings.storage_url)
    if split.scheme == "file" and not split.netloc and split.path.startswith("/"):
        return Folder(Path(unquote(split.path)))
    if not settings.storage_url:
        return Folder(settings.data_dir / "files")
    raise SettingsError("MARATHON_STORAGE must be file:///path/of/a/folder")


def _sweep(parts: Path) -> None:
    """Takes away what somebody who was killed had begun, long after anybody can be at it."""
    for path in parts.iterdir():
        try:
            if time.time() - path.stat().st_mtime > LEFT_BEHIND_S:
                path.unlink()
        except FileNotFoundError:
            pass  # just renamed, or another one sweeps


def _flush(folder: Path) -> None:
    """A new name is in its folder for good only when the folder is on disk too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
