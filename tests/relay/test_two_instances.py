"""Two instances with nothing in common but a wire play a cycle: by RabbitMQ, and by HTTPS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.relay.conftest import two_legs
from tests.relay.consortium import Consortium, Member, make
from tests.servers import Borrowed

FUMEL, CONFLUENT = "200068930", "200068922"

pytestmark = pytest.mark.timeout(420)


# Two instances by RabbitMQ are for the long run: what is between them then, and how it is set up,
# is in tests/registration/partners/test_wire.py and tests/deploy/test_relay_broker.py.
@pytest.fixture(params=[pytest.param("amqp", marks=pytest.mark.long), "https"])
def pair(request: pytest.FixtureRequest, servers: Borrowed, tmp_path: Path) -> Iterator[Consortium]:
    """Two instances that know each other and are ready, one leg each."""
    members = (
        Member("fumel", FUMEL, (1,), request.param),
        Member("confluent", CONFLUENT, (2,), request.param),
    )
    made = make(tmp_path, servers.servers, members, *two_legs("fumel", "confluent"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


def test_the_relay_goes_round_between_two_instances(pair: Consortium) -> None:
    found = json.loads(pair.play())
    print(pair.seconds, [round(one.memory_mb) for one in pair], found["seconds"])
    assert found["instances"] == [
        {"name": "fumel", "state": "finished"},
        {"name": "confluent", "state": "finished"},
    ]
    assert [one["state"] for one in found["marathons"]] == ["closed", "closed"]
    assert found["marathons"][0]["relay_seconds"] > 0
    for one in pair:
        legs = one.api("/cycles/deux-etapes")["marathons"]
        assert [leg["state"] for leg in legs] == ["closed", "closed"]
    grants = [one.rows(GRANTS) for one in pair]
    assert grants[0] == grants[1]
    assert [(term, hop) for term, hop, *_rest in grants[0]] == [(1, 1), (1, 2)]


GRANTS = "SELECT term, hop, marathon, digest FROM grants ORDER BY term, hop"
