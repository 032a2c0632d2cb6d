"""Style sheets, scripts and pictures: read once, compressed once, kept by browsers for good.

Their addresses hold a digest of their content, so a new version is a new address. Bootstrap's
style sheet comes from the package Bootstrap-Flask, which ships it; nothing comes from elsewhere.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from flask import Flask, Response, request, url_for
from werkzeug.exceptions import NotFound

FOLDER = Path(__file__).parent / "static"
BOOTSTRAP = "bootstrap.min.css"
FOR_GOOD = "public, max-age=31536000, immutable"
LEAST_TO_COMPRESS = 600
ALREADY_COMPRESSED = (".png", ".webp", ".woff2")


@dataclass(frozen=True)
class Asset:
    """One file; ``digest`` is part of its address."""

    name: str
    content: bytes = field(repr=False)

    @cached_property
    def digest(self) -> str:
        """The beginning of its SHA-256."""
        return hashlib.sha256(self.content).hexdigest()[:12]

    @cached_property
    def compressed(self) -> bytes | None:
        """The same with gzip; None where that is of no use."""
        if len(self.content) < LEAST_TO_COMPRESS or self.name.endswith(ALREADY_COMPRESSED):
            return None
        return gzip.compress(self.content, 9, mtime=0)

    @cached_property
    def media_type(self) -> str:
        """By its name's ending."""
        return mimetypes.guess_type(self.name)[0] or "application/octet-stream"


def load(more: Mapping[str, bytes] | None = None) -> dict[str, Asset]:
    """All assets by name, ``more`` among them. Raises ``OSError`` where one can't be read."""
    own = {path.name: Asset(path.name, path.read_bytes()) for path in sorted(FOLDER.iterdir())}
    added = {name: Asset(name, content) for name, content in (more or {}).items()}
    return {BOOTSTRAP: Asset(BOOTSTRAP, _bootstrap().read_bytes()), **added, **own}


def install(app: Flask, more: Mapping[str, bytes] | None = None) -> None:
    """Adds ``/static/<digest>/<name>``, and ``asset(name)`` for templates."""
    assets = load(more)

    def static(digest: str, name: str) -> Response:
        found = assets.get(name)
        if found is None:
            raise NotFound()
        # An old address still gets the file, so that a page of yesterday is no ruin.
        return _response(found, digest == found.digest)

    app.add_url_rule("/static/<digest>/<name>", "static", static)
    app.jinja_env.globals["asset"] = lambda name: url_for(
        "static", digest=assets[name].digest, name=name
    )


def takes_gzip() -> bool:
    """Whether whoever asks can read gzip."""
    return bool(request.accept_encodings["gzip"])


def _response(asset: Asset, is_current: bool) -> Response:
    small = asset.compressed if takes_gzip() else None
    response = Response(small or asset.content, mimetype=asset.media_type)
    if small:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = FOR_GOOD if is_current else "no-cache"
    return response


def _bootstrap() -> Path:
    # Found without importing it: it would bring its forms along, which are not used here.
    spec = importlib.util.find_spec("flask_bootstrap")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("Bootstrap-Flask is not installed: run make setup")
    return Path(spec.submodule_search_locations[0]) / "static/bootstrap5/css" / BOOTSTRAP
