"""What measures the intake of ballots still measures it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.benchmarks import draining, intake
from tests.benchmarks.figures import Figure

TINY = intake.Sizes(
    ballots=256,
    warm=64,
    rounds=1,
    voters=128,
    seconds_at_half=0.5,
    queue=draining.Sizes(batches=400, stored=(200, 1_000), portion=1, portions=2),
)


class Bench:
    """The servers of the tests as a benchmark asks for them."""

    def __init__(self, servers: Any, name: str) -> None:
        self.servers = servers
        self.name = name

    def broker(self, _name: str) -> str:
        return str(self.servers.new_vhost())

    def database(self, name: str, services: tuple[str, ...]) -> str:
        for service in services:
            self.servers.create_database(f"bench_{self.name}_{name}_{service}")
        url: str = self.servers.database_url
        return url.replace("{service}", f"bench_{self.name}_{name}_{{service}}")


@pytest.mark.long
@pytest.mark.timeout(600)
def test_each_way_to_keep_a_ballot_is_measured(servers: Any, worker_id: str) -> None:
    figures = intake.measure(Bench(servers, worker_id), TINY)
    assert [figure.value for figure in figures if figure.value <= 0] == []
    bounded = {figure.what: _bounds(figure) for figure in figures if figure.is_ratio}
    assert bounded == {
        "… / an empty POST": (0.25, None),
        "… / a call and an insert each": (5, None),
        "… / an insert each": (1.3, None),
        "… p99 / that of an insert each": (None, 1),
        "… / bare unnest": (0.25, None),
        "CPU a ballot, two replicas / one": (None, 1.25),
    }
    assert {figure.what: figure.target for figure in figures if figure.target} == {
        "… / an empty POST": 0.4,
        "… / an insert each": 1.6,
        "voting replica, queue to rows": 15_000,
    }
    assert [figure.what for figure in figures if "stored" in figure.what] == [
        "CPU a ballot, 200 onto 200 stored",
        "CPU a ballot, 200 onto 1,000 stored",
    ]


def _bounds(figure: Figure) -> tuple[float | None, float | None]:
    return figure.at_least, figure.at_most
