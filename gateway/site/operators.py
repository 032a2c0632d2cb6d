"""Legs that another instance operates, and the way to its site.

What is known of them is what that instance says of itself in public; its address is written by
its operator into the cycle file, so it is checked before it becomes a link.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Operator:
    """Who operates a leg elsewhere."""

    title: str
    url: str
    """Of its site; empty where none is known that could be opened."""


def elsewhere(marathon: Mapping[str, Any] | None) -> Operator | None:
    """Who operates this marathon, if another instance does; None where it is at home here."""
    told = (marathon or {}).get("operator")
    if not told or not told["elsewhere"]:
        return None
    return Operator(told["title"], safe_url(told["url"]))


def safe_url(url: str | None) -> str:
    """A web address of another site as it was written; empty for what is none.

    Without a name or password in it, which would make one site look like another.
    """
    try:
        split = urlsplit(url or "")
        usual = split.scheme in ("http", "https") and bool(split.hostname)
        named = split.username is None and split.password is None and split.port != 0
    except ValueError:
        return ""
    plain = all(" " < letter != "\\" for letter in url or "")
    return str(url) if usual and named and plain else ""
