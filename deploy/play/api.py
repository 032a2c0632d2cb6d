"""The one way to the instance: its public API, asked again where it was away."""

from __future__ import annotations

import hashlib
import threading
import time
from typing import Any
from urllib.parse import urljoin

import requests
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema

PATIENCE_S = 120.0
"""How long an instance may be away: servers are restarted under a play in tests."""

TIMEOUT_S = 20.0
PREFIX = "/api/v1"
AWAY = frozenset({429, 502, 503, 504})
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 2.0


class Problem(Exception):
    """What the API refused, by its problem document (RFC 9457)."""

    def __init__(self, where: str, status: int, document: dict[str, Any]) -> None:
        self.where = where
        self.status = status
        self.code = str(document.get("code", status))
        self.document = document
        told = f"{document.get('detail', '')} {document.get('hint', '')}".strip()
        wrong = "".join(f"\n  {e['field']}: {e['message']}" for e in document.get("errors", []))
        super().__init__(f"{where}: {self.code}: {told}{wrong}")


class Away(Exception):
    """The instance did not answer for as long as one waits."""


class Api:
    """Asks an instance at ``url`` with a bearer token; any number of threads may.

    Errors of the connection and answers that ask to wait are tried again with the same
    idempotency key for ``patience_s`` seconds, so nothing is done twice.
    """

    def __init__(
        self, url: str, token: str | None, play: str, patience_s: float = PATIENCE_S
    ) -> None:
        self.patience_s = patience_s
        self.url = url.rstrip("/")
        self.token = token
        self.play = play
        self._local = threading.local()

    def get(self, path: str, **query: str) -> Any:
        """The answer to a question, a list whole. Raises :class:`Problem`, :class:`Away`."""
        answer = self._answer("GET", path, None, None, self.token, query)
        found = _content(f"GET {path}", answer)
        while "next" in answer.links and isinstance(found, list):
            following = urljoin(answer.url, answer.links["next"]["url"])
            answer = self._answer("GET", following.partition(PREFIX)[2], None, None, self.token)
            found += _content(f"GET {path}", answer)
        return found

    def find(self, path: str) -> Any:
        """The answer to a question, ``None`` where there is nothing (yet)."""
        try:
            return self.get(path)
        except Problem as problem:
            if problem.status == 404:
                return None
            raise

    def post(self, path: str, step: str, token: str | None = None, **body: Any) -> Any:
        """The answer to a command; ``step`` names it within the play, the same at every run."""
        return self._ask("POST", path, body, self._key(step), token or self.token)

    def put(self, path: str, step: str, token: str | None = None, **body: Any) -> Any:
        """As :meth:`post`."""
        return self._ask("PUT", path, body, self._key(step), token or self.token)

    def patch(self, path: str, step: str, **body: Any) -> Any:
        """As :meth:`post`."""
        return self._ask("PATCH", path, body, self._key(step), self.token)

    def delete(self, path: str, step: str) -> Any:
        """As :meth:`post`."""
        return self._ask("DELETE", path, None, self._key(step), self.token)

    def _key(self, step: str) -> str:
        return hashlib.sha256(f"{self.play}/{step}".encode()).hexdigest()[:40]

    def _ask(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None,
        key: str | None,
        token: str | None,
    ) -> Any:
        return _content(f"{method} {path}", self._answer(method, path, body, key, token))

    def _answer(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None,
        key: str | None,
        token: str | None,
        query: dict[str, str] | None = None,
    ) -> requests.Response:
        """What the instance says, asked again where it was away."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= {"Idempotency-Key": key} if key else {}
        until, pause = time.monotonic() + self.patience_s, FIRST_PAUSE_S
        while True:
            try:
                answer = self._session().request(
                    method,
                    f"{self.url}{PREFIX}{path}",
                    json=body,
                    headers=headers,
                    params=query,
                    timeout=TIMEOUT_S,
                )
            except (InvalidSchema, InvalidURL, MissingSchema) as error:
                raise Away(f"{self.url} is no address: write http://HOST:PORT.") from error
            except requests.RequestException as error:
                # Cut in the middle of an answer as well: the server was killed while writing it.
                told: Any = error
            else:
                if answer.status_code not in AWAY and not _is_cut(answer):
                    return answer
                told = f"{answer.status_code} {answer.text[:300]}"
                pause = max(pause, _retry_after(answer))
            if time.monotonic() + pause > until:
                raise Away(f"{self.url} did not answer for {self.patience_s:.0f} s ({told}).")
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            # A proxy of the machine's surroundings is none of an instance's business.
            self._local.session.trust_env = False
        session: requests.Session = self._local.session
        return session


def _is_cut(answer: requests.Response) -> bool:
    """Whether a success is not whole: the API always says JSON."""
    if answer.status_code >= 400:
        return False
    try:
        answer.json()
    except ValueError:
        return True
    return False


def _retry_after(answer: requests.Response) -> float:
    try:
        return float(answer.headers.get("Retry-After", 0)) if answer.status_code == 429 else 0.0
    except ValueError:
        return 0.0


def _content(where: str, answer: requests.Response) -> Any:
    try:
        document = answer.json()
    except ValueError:
        document = {"detail": answer.text[:300]}
    if answer.status_code >= 400:
        raise Problem(where, answer.status_code, document)
    return document
