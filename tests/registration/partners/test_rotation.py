"""A signing key is replaced while a baton is on its way: nothing of it is lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.registration.partners import bodies, keys
from services.registration.tables import Partner
from tests.registration.partners.scenes import scene
from tests.registration.partners.stage import NAMES, Instance, Partners, key_of

FUMEL, CONFLUENT, VILLENEUVE = NAMES[:3]
NEW = keys.from_seed(bytes(range(128, 160)))


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Partners]:
    """Three instances; the first leg is mobilised."""
    made = scene(tmp_path, NAMES[:3])
    yield made
    made.finish()


def entry(key: keys.SigningKey, state: str = "active", until: Any = None) -> dict[str, Any]:
    """A key as a card has it."""
    written = bodies.written(until) if until else None
    return {"id": key.id, "public": keys.encode(key.public), "state": state, "until": written}


def give_card(to: Instance, *entries: dict[str, Any]) -> None:
    """Fumel's card with these keys is added at another instance."""

    def add(work: Any) -> None:
        row = work.session.get(Partner, FUMEL) or Partner(name=FUMEL, added_at=work.now)
        row.title, row.transport, row.keys = "Fumel", "amqp", list(entries)
        work.session.add(row)

    to.within(add)


def switch(fumel: Instance) -> None:
    """Fumel signs with its new key from here on."""
    path = fumel.folder / "relay.pem"
    path.unlink()
    keys.save_private(NEW, path)


def handed_on(three: Partners) -> bool:
    """Whether the second leg has the baton by everybody's books, and plays."""
    places = [instance.grants()[-1][:3] for instance in three]
    return places == [(1, 2, "saison-2")] * 3 and three[CONFLUENT].state(2) == "mobilised"


def test_what_was_signed_before_the_switch_arrives_after_it(three: Partners) -> None:
    old = key_of(FUMEL)
    for name in (CONFLUENT, VILLENEUVE):
        give_card(three[name], entry(old), entry(NEW))
    three[FUMEL].close(1)
    three[FUMEL].tick()
    three.collect()
    assert "baton.offer" in [parcel.kind for parcel in three.on_the_way]
    switched = three.now + timedelta(seconds=1)
    three.move(timedelta(minutes=2))
    switch(three[FUMEL])
    give_card(three[CONFLUENT], entry(NEW), entry(old, "retired", switched))
    three.quiet()
    three[CONFLUENT].answer()
    three.quiet()
    assert handed_on(three)
    assert three[CONFLUENT].refusals() == {}
    assert {parcel.document["key"] for parcel in three.sent if parcel.sender == FUMEL} == {
        old.id,
        NEW.id,
    }


def test_who_gets_the_card_after_the_switch_gets_the_baton_then(three: Partners) -> None:
    give_card(three[VILLENEUVE], entry(key_of(FUMEL)), entry(NEW))
    switch(three[FUMEL])
    three[FUMEL].close(1)
    three.quiet()
    assert three[CONFLUENT].relays() == []
    assert three[CONFLUENT].refusals()[FUMEL, "unknown_key"] > 0
    give_card(three[CONFLUENT], entry(NEW), entry(key_of(FUMEL), "retired", three.now))
    three.move(timedelta(minutes=15))  # an offer is sent again until it is answered
    three.quiet()
    three[CONFLUENT].answer()
    three.quiet()
    assert handed_on(three)
