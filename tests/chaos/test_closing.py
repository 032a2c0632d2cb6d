"""kill -9 at each arrow of the closing, servers restarted in the middle: the cycle always ends.

With exactly one of each effect (DESIGN §2, promises 2, 3 and 8).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from services.chassis.tables import inbox
from tests.chaos import places
from tests.chaos.season import Season
from tests.servers import Borrowed

Begin = Callable[..., Season]

SAMPLE = (
    "registration@said.committed:marathon_ended",
    "voting@event.handled:marathon_ended",
    "voting@outbox.published:poll_closed",
    "voting@said.committed:poll_counted",
    "jury@event.committed:poll_counted",
    "jury@outbox.published:palmares_published",
    "registration@event.received:palmares_published",
    "registration@said.committed:marathon_closed",
    "venues@event.handled:marathon_closed",
    "registration@outbox.published:relay_passed",
    "registration@event.handled:relay_offered",
    "venues@event.committed:marathon_mobilised",
)
"""Every service, every point, most arrows: in one play, each process dies several times."""


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Starts a season on servers of which the test says the addresses."""
    begun: list[Season] = []

    def start(servers: Any, vhost: str, crash_at: str = "") -> Season:
        names = f"chaos_{tmp_path.name[-20:]}_{{service}}".replace("[", "").replace("]", "")
        for service in ("registration", "venues", "voting", "jury"):
            servers.create_database(names.replace("{service}", service))
        url = servers.database_url.replace("{service}", names)
        begun.append(Season(tmp_path, vhost, url, crash_at))
        return begun[-1]

    yield start
    for season in begun:
        season.stop()


@pytest.mark.timeout(300)
def test_every_service_killed_at_many_arrows(begin: Begin, servers: Borrowed, vhost: str) -> None:
    season = begin(servers, vhost, ",".join(SAMPLE))
    season.must_be_whole(season.play())
    assert season.died() == set(SAMPLE)


@pytest.mark.timeout(300)
def test_one_is_away_and_servers_are_killed_in_the_middle_of_the_closing(
    begin: Begin, own_servers: Borrowed
) -> None:
    """Venues is away while teams are confirmed: the others go on and it catches up. Later both
    servers are killed, each in the middle of the first closing."""
    season = begin(own_servers, own_servers.amqp_url)
    venues = season.instance.processes["venues"]
    venues.halt()

    def trouble() -> None:
        season.instance.wait_for(lambda: _have_heard_all_teams(season), 60, "the others go on")
        assert season.books.rows("venues", inbox) == []
        venues.resume()
        season.instance.wait_for(lambda: season.books.said("marathon_ended"), 90, "the end")
        own_servers.restart_rabbitmq(kill=True)
        season.instance.wait_for(lambda: season.books.said("palmares_published"), 60, "palmarès")
        own_servers.restart_postgres(kill=True)

    season.must_be_whole(season.play(trouble))


def _have_heard_all_teams(season: Season) -> bool:
    said = {envelope["id"] for envelope in season.books.said("project_confirmed")}
    heard = [
        {row.event_id for row in season.books.rows(service, inbox)}
        for service in ("voting", "jury")
    ]
    return len(said) == 4 and all(said <= known for known in heard)


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("place", [*places.of_speaker(), *places.of_listeners()])
def test_a_service_killed_at_one_place(
    begin: Begin, servers: Borrowed, vhost: str, place: str
) -> None:
    season = begin(servers, vhost, place)
    season.must_be_whole(season.play())
    assert season.died() == {place}
