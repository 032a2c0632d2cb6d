"""The outbox's publisher against a real RabbitMQ, over a wire that can be held and cut."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kombu import Connection
from sqlalchemy import select

from services.chassis.config import Settings
from services.chassis.confirms import NotConfirmed
from services.chassis.core import Core
from services.chassis.publishing import ConfirmedSender, Publisher, waiting
from services.chassis.tables import outbox
from services.chassis.topology import exchange_of, inbox_queue
from services.chassis.work import Work
from tests.chassis.dummies import COLLECTOR, PotterService, make_core
from tests.proxy import Proxy


@pytest.fixture
def wire(vhost: str) -> Iterator[Proxy]:
    proxy = Proxy(vhost)
    yield proxy
    proxy.close()


@pytest.fixture
def core(wire: Proxy, tmp_path: Path) -> Core:
    settings = Settings(
        secret=b"x" * 32,
        amqp_url=wire.url,
        database_url=f"sqlite:///{tmp_path}/{{service}}.sqlite",
        confirm_timeout_s=1.0,
    )
    with Connection(settings.amqp_url) as connection:
        exchange_of("potter")(connection.channel()).declare()
        inbox_queue("collector", COLLECTOR, settings)(connection.channel()).declare()
    return make_core(PotterService, settings)


def events(*names: str, event_type: str = "pot_made") -> list[Any]:
    return [SimpleNamespace(event_id=n, type=event_type, envelope={"id": n}) for n in names]


def _say(pot: str, work: Work) -> None:
    work.say("pot_made", pot, {"id": pot, "size": 1})


def arrived(url: str) -> list[str]:
    """The ids of all that is in the collector's queue, taken out."""
    found = []
    with Connection(url) as connection:
        channel = connection.channel()
        while message := channel.basic_get("collector.inbox", no_ack=True):
            found.append(message.properties["message_id"])
    return sorted(found)


def test_batch_is_confirmed_as_a_whole(core: Core, vhost: str) -> None:
    sender = ConfirmedSender(core)
    names = [f"e{number:03}" for number in range(150)]
    sender.send(events(*names))
    sender.send(events("f"))
    sender.close()
    assert arrived(vhost) == [*names, "f"]


def test_late_confirmation_is_not_taken_for_the_next_ones(
    core: Core, wire: Proxy, vhost: str
) -> None:
    sender = ConfirmedSender(core)
    sender.send(events("a"))
    wire.hold()
    with pytest.raises(NotConfirmed) as late:
        sender.send(events("b"))
    assert late.value.accepted == set()
    assert sender.wire.channel is None  # its late answer has nobody left to be mistaken for

    wire.release()
    sender.send(events("c"))
    wire.hold()
    with pytest.raises(NotConfirmed) as lost:
        sender.send(events("d"))
    assert lost.value.accepted == set()
    wire.release()
    # The broker had them all: what was not confirmed comes twice, and the inbox knows it.
    assert arrived(vhost) == ["a", "b", "c", "d"]


def test_returned_event_does_not_hold_back_the_others(core: Core, vhost: str) -> None:
    sender = ConfirmedSender(core)
    mixed = [*events("a"), *events("nobody", event_type="pot_sold"), *events("b")]
    with pytest.raises(NotConfirmed) as returned:
        sender.send(mixed)
    assert returned.value.accepted == {"a", "b"}
    sender.send(events("c"))
    assert arrived(vhost) == ["a", "b", "c"]


def test_outbox_is_sent_once_the_wire_is_mended(core: Core, wire: Proxy, vhost: str) -> None:
    for pot in ("pot-0", "pot-1", "pot-2"):
        core.within(partial(_say, pot))
    publisher = Publisher(core)
    wire.hold()
    with pytest.raises(NotConfirmed):
        publisher.flush()
    with core.database.transaction() as session:
        assert waiting(session) == 3
    wire.cut()
    wire.release()
    assert publisher.flush() == 3
    assert publisher.flush() == 0
    with core.database.transaction() as session:
        ids = sorted(session.scalars(select(outbox.c.event_id)))
    assert sorted(set(arrived(vhost))) == ids
