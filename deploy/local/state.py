"""What is remembered of the local servers between two commands: ports and passwords."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zlib import crc32

from deploy.local.process import ServerError, free_port, is_port_free


class State:
    """A small JSON file, readable by its owner only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.values: dict[str, Any] = self._read()

    def knows(self, server: str) -> bool:
        """Whether a server was ever started here."""
        return f"{server}.password" in self.values

    def password(self, server: str) -> str:
        """A password made at first use and remembered."""
        key = f"{server}.password"
        if key not in self.values:
            self._keep(key, secrets.token_urlsafe(18))
        return str(self.values[key])

    def port(self, name: str, first: int) -> int:
        """The port last used under this name; at first use a free one."""
        if _port_key(name) not in self.values:
            self.new_port(name, first)
        return int(self.values[_port_key(name)])

    def plugins(self) -> list[str]:
        """The broker's plugins as last asked for; none at first."""
        return list(self.values.get("rabbitmq.plugins", []))

    def keep_plugins(self, names: Sequence[str]) -> None:
        """Remembers the broker's plugins for its next start."""
        self._keep("rabbitmq.plugins", list(names))

    def free_port(self, name: str, first: int) -> int:
        """The port last used under this name if it is free, else a new one, remembered."""
        port = self.port(name, first)
        return port if is_port_free(port) else self.new_port(name, first)

    def new_port(self, name: str, first: int) -> int:
        """Another port than before, free now, remembered."""
        taken = {value for value in self.values.values() if isinstance(value, int)}
        # Folders start looking at different places: two that start at once seldom collide.
        offset = crc32(str(self.path).encode()) % 200
        port = free_port(first + offset, taken)
        self._keep(_port_key(name), port)
        return port

    def _keep(self, name: str, value: Any) -> None:
        self.values[name] = value
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_suffix(".new")
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump(self.values, file, indent=1)
        new.replace(self.path)

    def _read(self) -> dict[str, Any]:
        try:
            values: dict[str, Any] = json.loads(self.path.read_text())
        except FileNotFoundError:
            return {}
        except ValueError:
            raise ServerError(
                f"{self.path} can't be read.",
                f"Remove the folder {self.path.parent} and start again.",
            ) from None
        return values


def _port_key(name: str) -> str:
    return f"{name}.port"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Only one process at a time starts or stops the servers of a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
