"""What holds for every surface there is, whoever looks: no framing, no foreign address.

Crawled as for non-interference, so a new page can't be forgotten.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gateway.crawl import Surface, gateway_of, look
from tests.gateway.test_non_interference import ALL, HOST, VOTES, Story, differing, visitors
from tests.harness import Troupe

EVIL = "evil.example"


FEW = ("holder", "juror", "organiser", ALL.name)
"""Who looks in the ordinary run, and nobody; in the long one everybody does."""


class Town:
    """A poll is open, somebody of each kind looks."""

    def __init__(self, where: Path, who: str) -> None:
        self.troupe = Troupe(where)
        story = Story(self.troupe, VOTES, HOST)
        story.play_to_the_vote()
        people = [*visitors(story), ALL]
        self.people = [None, *(one for one in people if who == "everybody" or one.name in FEW)]
        self.app = gateway_of(self.troupe, [each for each in self.people if each])

    def seen(self, headers: dict[str, str] | None = None) -> dict[str, Surface]:
        """All surfaces, by who looks."""
        # A refusal names its request.
        sent = {"X-Request-Id": "the-same-for-all", **(headers or {})}
        return {
            each.name if each else "nobody": look(self.app, self.troupe, each, sent)[0]
            for each in self.people
        }


@pytest.fixture(scope="module", params=["few", pytest.param("everybody", marks=pytest.mark.long)])
def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Town:
    return Town(tmp_path_factory.mktemp("town"), request.param)


@pytest.fixture(scope="module")
def plain(town: Town) -> dict[str, Surface]:
    return town.seen()


def test_no_surface_can_be_framed_or_guessed_at(plain: dict[str, Surface]) -> None:
    bare = []
    for who, surface in plain.items():
        for path, (_status, pairs, _body) in surface.items():
            headers = dict(pairs)
            policy = headers.get("Content-Security-Policy", "").split("; ")
            if not (
                {"frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} <= set(policy)
                and headers.get("X-Frame-Options") == "DENY"
                and headers.get("X-Content-Type-Options") == "nosniff"
                and "unsafe" not in headers["Content-Security-Policy"]
            ):
                bare.append((who, path))
    assert bare == []
    assert sum(len(surface) for surface in plain.values()) > 1000


def test_no_surface_believes_what_address_a_request_names(
    town: Town, plain: dict[str, Surface]
) -> None:
    misled = town.seen(
        {
            "Host": EVIL,
            "X-Forwarded-Host": EVIL,
            "X-Forwarded-Server": EVIL,
            "X-Original-Url": f"https://{EVIL}/",
            "Forwarded": f"host={EVIL}",
        }
    )
    assert [who for who in plain if differing(misled[who], plain[who])] == []
    assert EVIL not in repr(misled)
