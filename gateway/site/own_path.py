"""Going back to a page of this site and to no other (an open redirect serves phishing)."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import url_for


def own_path(wanted: str) -> str:
    """A path of this site and no other; else the home page."""
    split = urlsplit(wanted)
    local = not split.scheme and not split.netloc and wanted.startswith("/")
    # Browsers take a backslash for a slash, and drop tabs and line ends in between.
    if not local or wanted.startswith("//") or any(c in wanted for c in "\\\t\r\n"):
        return url_for("site.home")
    return wanted
