"""Packages by HTTPS, for partners without a broker: posted, one at a time.

See docs/relay-protocol.md, § 12. The server's certificate is verified, redirects are not
followed, and the environment has no say in it (no proxy, no other certificates).
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from services.chassis.config import Settings
from services.chassis.courier import Destination, Outcome, Parcel

PATH = "/relay/v1/packages"
CONNECT_S, ANSWER_S = 5.0, 10.0
MOST_ANSWER = 16 * 1024
MOST_REST_S = 60.0
SETTLED = (202, 400, 403, 413, 415)
"""Answers after which the same at once would have the same answer."""

BUSY = (429, 503)


class WebCarrier:
    """Posts packages to a partner's own site."""

    def __init__(self, settings: Settings, destination: Destination) -> None:
        import requests

        self.url = endpoint(destination.url or "")
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = str(settings.relay_ca_file) if settings.relay_ca_file else True
        self.session.headers.update(
            {
                "Content-Type": "application/json",
                "Accept": "application/json, application/problem+json",
                # What is small needs no compression, and what is compressed may not be small.
                "Accept-Encoding": "identity",
                "User-Agent": "incroyable-territoire",
            }
        )

    def hand_over(self, parcels: Sequence[Parcel], outcome: Outcome) -> None:
        """Posts one after the other, until one is not taken."""
        for parcel in outcome.left(parcels):
            status, said, rest_s = self._post(parcel)
            if status not in SETTLED:
                outcome.failed, outcome.rest_s = (parcel.id, said or f"answered {status}"), rest_s
                return
            outcome.taken[parcel.id] = said

    def close(self) -> None:
        """Drops the connection."""
        self.session.close()

    def _post(self, parcel: Parcel) -> tuple[int, str | None, float | None]:
        """The status (0: none), what is wrong, and for how long we are to wait."""
        import requests
        from urllib3.exceptions import HTTPError

        if self.url is None:
            return 0, "its address is not one of https", None
        try:
            answer = self.session.post(
                self.url,
                data=parcel.body,
                timeout=(CONNECT_S, ANSWER_S),
                allow_redirects=False,
                stream=True,
            )
            with answer:
                body = answer.raw.read(MOST_ANSWER, decode_content=False)
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            self.close()
            return 0, _reason(error), None
        return answer.status_code, _said(answer.status_code, body), _rest(answer)


def endpoint(url: str) -> str | None:
    """Where packages are posted, of a partner's address; None if that can't be trusted.

    Without TLS only on this very machine.
    """
    try:
        split = urlsplit(url)
        is_secret = split.scheme == "https" or (split.scheme == "http" and _is_here(split.hostname))
    except ValueError:
        return None
    if not is_secret or not split.hostname or split.query or split.fragment:
        return None
    base = url.rstrip("/")
    return base if base.endswith(PATH) else base + PATH


def _is_here(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _reason(error: Exception) -> str:
    """Why there was no answer, in our own words: what others say may be anything."""
    import requests

    kinds = (
        (requests.exceptions.SSLError, "its certificate is not to be trusted"),
        (requests.exceptions.ConnectTimeout, "it can't be reached in time"),
        (requests.exceptions.Timeout, "no answer in time"),
        (requests.exceptions.ConnectionError, "it can't be reached"),
    )
    return next((words for kind, words in kinds if isinstance(error, kind)), type(error).__name__)


def _said(status: int, body: bytes) -> str | None:
    """What the other side has to complain of."""
    try:
        found: Any = json.loads(body)
    except ValueError:
        found = None
    word = found.get("verdict" if status == 202 else "code") if isinstance(found, dict) else None
    if status == 202:
        return None if word in ("accepted", "repeated", None) else str(word)[:64]
    return f"answered {status} {str(word)[:64]}" if word else f"answered {status}"


def _rest(answer: Any) -> float | None:
    given = answer.headers.get("Retry-After", "")
    if answer.status_code not in BUSY or not given.isascii() or not given.isdigit():
        return None
    return min(float(given[:6]), MOST_REST_S)
