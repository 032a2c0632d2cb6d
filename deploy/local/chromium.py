"""The browser of the tests: Debian's Chromium, or the one that ``MARATHON_CHROMIUM`` names."""

from __future__ import annotations

import os
import shutil

from deploy.local.process import ServerError

NAMES = ("chromium", "chromium-browser", "google-chrome")


class Chromium:
    """A browser on this machine; only tests need one."""

    name = "chromium"
    package = "chromium"

    def installed(self) -> bool:
        """Whether there is one."""
        return self._found() is not None

    def program(self) -> str:
        """Its program. Raises ServerError where there is none."""
        found = self._found()
        if found is None:
            raise ServerError(*_absent(_named()))
        return found

    def _found(self) -> str | None:
        names = [_named()] if _named() else NAMES
        return next((path for name in names if (path := shutil.which(name))), None)


def _named() -> str:
    return os.environ.get("MARATHON_CHROMIUM", "")


def _absent(named: str) -> tuple[str, str]:
    """What is missing, and what to do about it."""
    if named:
        return f"MARATHON_CHROMIUM names no program: {named}.", "Correct it, or take it away."
    return (
        "Not installed: chromium.",
        "Run: marathon local install --browser, or name one in MARATHON_CHROMIUM.",
    )
