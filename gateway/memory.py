"""Public pages from memory: a page that is the same for every stranger is made once in a while.

On the evening of a vote thousands look at the same few pages; a gateway asks its services for
each of them once in :data:`KEPT_S` seconds, and answers whoever comes in between from memory.
Only strangers get such a page: who is signed in sees their own.

Who brings neither cookie nor token is answered in front of Flask (:class:`FromMemory`), which
halves what such an answer costs. These answers are counted, not logged one by one.
"""

from __future__ import annotations

import gzip
import hashlib
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any

from flask import Response, current_app, g, request
from prometheus_client import Counter

from gateway.asking import visitor
from gateway.assets import takes_gzip
from gateway.languages import LANGUAGES, language

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

KEPT_S = 5.0
KNOWN_BY = ("HTTP_COOKIE", "HTTP_AUTHORIZATION")
HITS = Counter("marathon_gateway_pages_from_memory", "Pages that were answered from memory")
MOST = 500
Key = tuple[str, str]


@dataclass(frozen=True)
class Kept:
    """A page as it was made: its bytes, the same compressed, its ETag."""

    body: bytes = field(repr=False)
    small: bytes = field(repr=False)
    etag: str
    made_at: float


class Memory:
    """The pages that one gateway has made lately, the least used forgotten first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pages: OrderedDict[Key, Kept] = OrderedDict()
        self._making: dict[Key, threading.Lock] = {}
        self._lock = threading.Lock()

    def page(self, key: Key, make: Callable[[], bytes]) -> Kept:
        """The page of ``key``, made now unless it is at most :data:`KEPT_S` seconds old.

        Many who ask at once wait for one making; what ``make`` raises, whoever made it gets.
        """
        found = self._fresh(key)
        if found is not None:
            return found
        with self._alone(key):
            return self._fresh(key) or self._keep(key, make())

    def kept(self, key: Key) -> Kept | None:
        """The page of ``key``, if it was made lately."""
        return self._fresh(key)

    def forget(self) -> None:
        """Makes every page anew when it is next asked for."""
        with self._lock:
            self._pages.clear()

    @contextmanager
    def _alone(self, key: Key) -> Any:
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            yield
        with self._lock:
            self._making.pop(key, None)

    def _fresh(self, key: Key) -> Kept | None:
        with self._lock:
            found = self._pages.get(key)
            if found is None or self._clock() - found.made_at > KEPT_S:
                return None
            self._pages.move_to_end(key)
            return found

    def _keep(self, key: Key, body: bytes) -> Kept:
        etag = hashlib.sha256(body).hexdigest()[:32]
        kept = Kept(body, gzip.compress(body, 6, mtime=0), etag, self._clock())
        with self._lock:
            self._pages[key] = kept
            self._pages.move_to_end(key)
            while len(self._pages) > MOST:
                self._pages.popitem(last=False)
        return kept


def public(view: Callable[..., str]) -> Callable[..., str | Response]:
    """Makes a page's view answer strangers from memory."""

    @wraps(view)
    def remembered(**path: str) -> str | Response:
        if visitor().known:
            return view(**path)
        # Without the query, which no such page reads: else anybody could fill the memory.
        g.is_public = True
        memory: Memory = current_app.extensions["memory"]
        key = (request.path, language())
        return respond(memory.page(key, lambda: view(**path).encode()))

    return remembered


def respond(kept: Kept) -> Response:
    """The page, or 304 for who has it already."""
    small = takes_gzip()
    response = Response(kept.small if small else kept.body, mimetype="text/html")
    for name, value in headers_of(kept, small):
        response.headers[name] = value
    response.make_conditional(request)
    return response


def headers_of(kept: Kept, small: bool) -> list[tuple[str, str]]:
    """The headers that say what a page from memory is."""
    found = [
        ("Content-Type", "text/html; charset=utf-8"),
        # A digest of the page alone: it tells no more than the page does (RULES V6). Weak, for
        # the compressed bytes share it.
        ("ETag", f'W/"{kept.etag}"'),
        ("Cache-Control", "public, no-cache"),
        ("Vary", "Accept-Encoding, Cookie, Authorization"),
    ]
    return [*found, ("Content-Encoding", "gzip")] if small else found


class FromMemory:
    """Answers strangers from memory in front of a WSGI app, with the app's own ``headers``."""

    def __init__(self, app: WSGIApplication, memory: Memory, headers: Mapping[str, str]) -> None:
        self._app = app
        self._memory = memory
        self._headers = list(headers.items())

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """The page, 304, or whatever the app answers."""
        kept = self._kept(environ)
        if kept is None:
            return self._app(environ, start_response)
        HITS.inc()
        small = "gzip" in environ.get("HTTP_ACCEPT_ENCODING", "")
        headers = [*headers_of(kept, small), *self._headers, ("X-Request-Id", uuid.uuid4().hex)]
        if kept.etag in environ.get("HTTP_IF_NONE_MATCH", ""):
            start_response("304 NOT MODIFIED", headers)
            return []
        body = kept.small if small else kept.body
        start_response("200 OK", [*headers, ("Content-Length", str(len(body)))])
        return [body]

    def _kept(self, environ: WSGIEnvironment) -> Kept | None:
        if environ["REQUEST_METHOD"] != "GET" or any(name in environ for name in KNOWN_BY):
            return None
        # As Flask decodes it: a path that it would refuse is in no memory.
        path = environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace")
        return self._memory.kept((path, LANGUAGES[0]))
