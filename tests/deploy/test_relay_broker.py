"""What a partner may do on our broker, and what it may not: on a real one, with a real shovel."""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from amqp.exceptions import (
    AccessRefused,
    ChannelError,
    ConnectionForced,
    MessageNacked,
    NotAllowed,
)
from kombu import Connection

from deploy.local.process import wait_until
from deploy.local.rabbitmq import RabbitMQ
from deploy.relay import definitions, management
from deploy.relay.definitions import Credential, Document
from deploy.relay.management import Change, Management, ManagementError

# --- the document -------------------------------------------------------------------------


def test_a_partners_user_may_write_its_own_key_and_nothing_else() -> None:
    document, credential = definitions.with_new_user(definitions.empty("/"), "cc-fumel")
    assert credential.user == "relay.cc-fumel.1"
    (permission,) = document["permissions"]
    assert (permission["configure"], permission["read"]) == ("^$", "^$")
    assert permission["write"] == r"^relay\.in$"
    (topic,) = document["topic_permissions"]
    assert (topic["exchange"], topic["write"]) == ("relay.in", r"^from\.cc-fumel(\.|$)")
    (user,) = document["users"]
    assert user["tags"] == ""
    assert credential.password not in str(document)


def test_hash_is_rabbitmqs_own() -> None:
    salt = b"\x90\x8d\xc6\x0a"
    raw = base64.b64decode(definitions.password_hash("test12", salt))
    assert raw == salt + hashlib.sha256(salt + b"test12").digest()


def test_queues_are_bounded_and_refuse_what_is_too_much() -> None:
    document = definitions.with_partner(definitions.empty("/"), "b")
    arguments = {queue["name"]: queue["arguments"] for queue in document["queues"]}
    assert arguments["relay.out.b"] == {
        "x-queue-type": "quorum",
        "x-delivery-limit": 1_000_000_000,
        "x-overflow": "reject-publish",
        "x-max-length-bytes": 64 * 1024 * 1024,
        "x-max-length": 1000,
    }
    assert arguments["relay.in.b"]["x-single-active-consumer"] is True
    assert arguments["relay.in.b"]["x-max-length"] == 200
    assert definitions.with_partner(document, "b") == document


def test_a_number_is_not_used_twice_and_removal_leaves_no_trace() -> None:
    first, one = definitions.with_new_user(definitions.empty("/"), "b")
    second, two = definitions.with_new_user(first, "b")
    assert (one.user, two.user) == ("relay.b.1", "relay.b.2")
    assert definitions.users_of(second, "b") == ["relay.b.1", "relay.b.2"]
    _third, three = definitions.with_new_user(definitions.without_user(second, two.user), "b")
    assert three.user == "relay.b.3"
    whole = definitions.with_shovel(definitions.with_partner(second, "b"), "a", "b", "amqp://x")
    gone = definitions.without_partner(whole, "b")
    assert {**gone, "last_user": {}} == {**definitions.empty("/"), "last_user": {}}
    assert definitions.partners_of(whole) == ["b"]
    # A name that begins with another's is another.
    assert definitions.users_of(definitions.with_new_user(first, "b-2")[0], "b") == ["relay.b.1"]


# --- a real broker ------------------------------------------------------------------------


@dataclass(frozen=True)
class Side:
    """One instance's virtual host."""

    broker: RabbitMQ
    vhost: str
    api: Management

    @property
    def url(self) -> str:
        return self.broker.url(self.vhost)

    def apply(self, document: Document, force: bool = False) -> list[Change]:
        return management.apply(self.api, document, management.counter(self.url), force)

    def count(self, queue: str) -> int:
        return management.counter(self.url)(queue)

    def address_for(self, credential: Credential) -> str:
        port = self.broker.state.port("amqp", 5673)
        pair = f"{credential.user}:{credential.password}"
        return f"amqp://{pair}@127.0.0.1:{port}/{quote(self.vhost, safe='')}"


@pytest.fixture
def sides(relay_broker: RabbitMQ) -> Iterator[tuple[Side, Side]]:
    """The sender's and the receiver's side, two virtual hosts of one broker."""
    names = [f"{name}-{next(NUMBERS)}" for name in ("a", "b")]
    relay_broker.add_vhosts(names)
    api = Management(str(relay_broker.api_url))
    yield Side(relay_broker, names[0], api), Side(relay_broker, names[1], api)
    for user in api.get("users"):
        if definitions.USER.fullmatch(user["name"]):
            api.delete("users", user["name"])
    relay_broker.delete_vhosts(names)


NUMBERS = itertools.count()


@dataclass(frozen=True)
class Pair:
    """Two sides with A's way to B: their documents and A's credential."""

    a: Side
    b: Side
    at_a: Document
    at_b: Document
    credential: Credential


@pytest.fixture
def pair(sides: tuple[Side, Side]) -> Pair:
    a, b = sides
    at_b = definitions.with_partner(definitions.empty(b.vhost), "a")
    at_b, credential = definitions.with_new_user(at_b, "a")
    b.apply(at_b)
    at_a = definitions.with_partner(definitions.empty(a.vhost), "b")
    at_a = definitions.with_shovel(at_a, "a", "b", b.address_for(credential))
    assert a.apply(at_a) == []
    return Pair(a, b, at_a, at_b, credential)


def publish(url: str, exchange: str, key: str, body: str) -> None:
    options = {"confirm_publish": True}
    with Connection(url, connect_timeout=5, transport_options=options) as connection:
        producer = connection.Producer()
        producer.publish(body, exchange=exchange, routing_key=key, delivery_mode=2)


def arrived(side: Side, queue: str, number: int, seconds: float = 30) -> list[str]:
    """The first bodies of a queue, taken out."""
    found: list[str] = []
    with Connection(side.url, connect_timeout=5) as connection:
        channel = connection.channel()

        def take(message: Any) -> None:
            found.append(message.body)
            channel.basic_ack(message.delivery_tag)

        channel.basic_consume(queue, callback=take)
        with suppress(TimeoutError):
            while len(found) < number:
                connection.drain_events(timeout=seconds)
    return found


def test_what_is_put_in_a_queue_arrives_under_our_key(pair: Pair) -> None:
    publish(pair.a.url, "relay.out", "b", "the baton")
    assert arrived(pair.b, "relay.in.a", 1) == ["the baton"]
    assert pair.a.apply(pair.at_a) == []
    assert pair.b.apply(pair.at_b) == []
    publish(pair.a.url, "relay.out", "b", "once more")
    assert arrived(pair.b, "relay.in.a", 1) == ["once more"]
    # The broker knows the state of a shovel a little after it has one.
    assert wait_until(
        lambda: management.shovels(pair.a.api, pair.a.vhost).get("b", {}).get("state") == "running",
        20,
    )


def test_a_forged_key_is_refused_and_stays_at_the_sender(pair: Pair) -> None:
    at_b = definitions.with_partner(pair.at_b, "c")
    pair.b.apply(at_b)
    forging = definitions.with_shovel(pair.at_a, "c", "b", pair.b.address_for(pair.credential))
    pair.a.apply(forging)
    publish(pair.a.url, "relay.out", "b", "in the name of c")
    assert not wait_until(lambda: pair.b.count("relay.in.c") > 0, 4)
    assert pair.b.count("relay.in.a") == 0
    # It is still there: by its own name it comes.
    pair.a.apply(pair.at_a)
    assert arrived(pair.b, "relay.in.a", 1) == ["in the name of c"]


@pytest.mark.parametrize("key", ["from.c", "from.ab", "to.a", "from", "xfrom.a"])
def test_another_key_is_refused(pair: Pair, key: str) -> None:
    with pytest.raises(AccessRefused):
        publish(pair.b.address_for(pair.credential), "relay.in", key, "forged")


def test_nothing_can_be_read_made_or_written_beside(pair: Pair) -> None:
    url = pair.b.address_for(pair.credential)
    publish(url, "relay.in", "from.a", "kept")
    attempts: tuple[Callable[[Any], Any], ...] = (
        lambda channel: channel.basic_consume("relay.in.a"),
        lambda channel: channel.basic_get("relay.in.a"),
        lambda channel: channel.queue_purge("relay.in.a"),
        lambda channel: channel.queue_delete("relay.in.a"),
        lambda channel: channel.queue_declare("mine"),
        lambda channel: channel.exchange_declare("mine", "fanout"),
        lambda channel: channel.queue_bind("relay.in.a", "relay.in", "from.c"),
    )
    for attempt in attempts:
        with (
            Connection(url, connect_timeout=5) as connection,
            pytest.raises((AccessRefused, ChannelError)),
        ):
            attempt(connection.channel())
    for exchange, topic in (("", "relay.in.a"), ("relay.out", "c"), ("amq.topic", "from.a")):
        with pytest.raises(AccessRefused):
            publish(url, exchange, topic, "forged")
    with pytest.raises(NotAllowed), Connection(pair.a.url) as other:
        other.clone(userid=pair.credential.user, password=pair.credential.password).connect()
    assert arrived(pair.b, "relay.in.a", 2, seconds=2) == ["kept"]


def test_a_flood_is_bounded_and_what_it_displaces_waits_at_its_sender(pair: Pair) -> None:
    taken = flood(pair.b.address_for(pair.credential), 300)
    assert 195 <= taken <= 210
    publish(pair.a.url, "relay.out", "b", "not lost")
    got = arrived(pair.b, "relay.in.a", taken + 1)
    assert got.count("not lost") == 1


def flood(url: str, number: int) -> int:
    """How many of ``number`` messages the broker took before it refused one."""
    options = {"confirm_publish": True}
    with Connection(url, connect_timeout=5, transport_options=options) as connection:
        producer = connection.Producer()
        for taken in range(number):
            try:
                producer.publish("x", exchange="relay.in", routing_key="from.a", delivery_mode=2)
            except MessageNacked:
                return taken
    return number


def test_a_credential_is_replaced_without_losing_anything(pair: Pair) -> None:
    both, new = definitions.with_new_user(pair.at_b, "a")
    assert pair.b.apply(both) == []
    publish(pair.a.url, "relay.out", "b", "by the old one")
    pair.a.apply(definitions.with_shovel(pair.at_a, "a", "b", pair.b.address_for(new)))
    publish(pair.a.url, "relay.out", "b", "by the new one")
    gone = pair.b.apply(definitions.without_user(both, pair.credential.user))
    assert gone == [Change("user", pair.credential.user)]
    publish(pair.a.url, "relay.out", "b", "afterwards")
    got = arrived(pair.b, "relay.in.a", 3)
    assert sorted(got) == ["afterwards", "by the new one", "by the old one"]
    with pytest.raises(AccessRefused):
        publish(pair.b.address_for(pair.credential), "relay.in", "from.a", "too late")


def test_a_credential_that_is_taken_away_ends_its_connections(pair: Pair) -> None:
    with Connection(pair.b.address_for(pair.credential)) as connection:
        connection.connect()
        pair.b.apply(definitions.without_user(pair.at_b, pair.credential.user))
        with pytest.raises(ConnectionForced):
            connection.drain_events(timeout=10)
    publish(pair.a.url, "relay.out", "b", "waits")
    assert pair.b.count("relay.in.a") == 0
    assert pair.a.count("relay.out.b") == 1


def test_a_shovel_that_was_refused_goes_on_when_it_is_restarted(pair: Pair) -> None:
    (topic,) = pair.at_b["topic_permissions"]
    narrow = {**pair.at_b, "topic_permissions": [{**topic, "write": "^nothing$"}]}
    pair.b.apply(narrow)
    publish(pair.a.url, "relay.out", "b", "held")
    assert not wait_until(lambda: pair.b.count("relay.in.a") > 0, 3)
    pair.b.apply(pair.at_b)
    management.restart_shovel(pair.a.api, pair.a.vhost, "b")
    assert arrived(pair.b, "relay.in.a", 1) == ["held"]


def test_removal_keeps_a_queue_in_which_something_waits(pair: Pair) -> None:
    publish(pair.b.address_for(pair.credential), "relay.in", "from.a", "not read yet")
    gone = definitions.without_partner(pair.at_b, "a")
    with pytest.raises(ManagementError, match=r"Not empty, and kept: relay\.in\.a"):
        pair.b.apply(gone)
    assert definitions.USER.fullmatch(pair.credential.user)
    assert pair.b.api.get("users", pair.credential.user) is None
    assert pair.b.count("relay.in.a") == 1
    assert pair.b.apply(gone, force=True) == [Change("queue", "relay.in.a")]
    assert pair.a.apply(definitions.without_partner(pair.at_a, "b")) == [
        Change("shovel", "relay-b"),
        Change("queue", "relay.in.b"),
        Change("queue", "relay.out.b"),
    ]


def test_connections_and_channels_are_few(pair: Pair) -> None:
    (limits,) = pair.b.api.get("user-limits", pair.credential.user)
    assert limits["value"] == {"max-connections": 4, "max-channels": 8}
    url = pair.b.address_for(pair.credential)
    with ExitStack() as held:
        most = limits["value"]["max-connections"] - len(shovels_of(pair))
        for _ in range(most):
            held.enter_context(Connection(url, connect_timeout=5)).connect()
        one_more = held.enter_context(Connection(url, connect_timeout=5))
        with pytest.raises(NotAllowed, match="user connection limit"):
            one_more.connect()


def shovels_of(pair: Pair) -> list[Any]:
    """The connections that A's shovel has at B, once it has one."""
    found: list[Any] = []

    def look() -> bool:
        found[:] = pair.b.api.get("connections", "username", pair.credential.user) or []
        return bool(found)

    assert wait_until(look, 30)
    return found


def test_two_virtual_hosts_leave_each_others_users_alone(pair: Pair) -> None:
    assert pair.a.apply(definitions.empty(pair.a.vhost), force=True) != []
    assert pair.b.api.get("users", pair.credential.user) is not None


def test_what_is_wrong_is_a_sentence(relay_broker: RabbitMQ) -> None:
    with pytest.raises(ManagementError, match="must be http"):
        Management("amqp://x")
    with pytest.raises(ManagementError, match="refuses our user"):
        Management(str(relay_broker.api_url).replace("marathon:", "somebody:")).get("users")
    with pytest.raises(ManagementError, match="does not answer"):
        Management("http://a:b@127.0.0.1:1").get("users")
