"""Public pages from memory: made once in a while, for strangers only, never another's."""

from __future__ import annotations

import gzip
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gateway.memory import KEPT_S, MOST, Memory
from services.chassis.errors import Unavailable
from tests.gateway.stage import StandIn, person


class Hand:
    """A clock that is moved by hand, in seconds."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hand() -> Hand:
    return Hand()


def test_a_page_is_made_again_when_it_is_old(hand: Hand) -> None:
    memory, made = Memory(hand), iter((b"one", b"two"))
    assert memory.page(("/", "fr"), lambda: next(made)).body == b"one"
    hand.now += KEPT_S
    assert memory.page(("/", "fr"), lambda: next(made)).body == b"one"
    hand.now += 0.001
    assert memory.page(("/", "fr"), lambda: next(made)).body == b"two"


def test_a_page_that_could_not_be_made_is_not_kept(hand: Hand) -> None:
    memory = Memory(hand)
    with pytest.raises(Unavailable):
        memory.page(("/", "fr"), _away)
    assert memory.page(("/", "fr"), lambda: b"back").body == b"back"


def _away() -> bytes:
    raise Unavailable("registration")


def test_the_least_used_are_forgotten(hand: Hand) -> None:
    memory = Memory(hand)
    for number in range(MOST + 1):
        memory.page((f"/{number}", "fr"), lambda: b"first")
    assert memory.page((f"/{MOST}", "fr"), lambda: b"again").body == b"first"
    assert memory.page(("/0", "fr"), lambda: b"again").body == b"again"


def test_many_who_ask_at_once_wait_for_one_making(hand: Hand) -> None:
    memory, made, begun = Memory(hand), [], threading.Event()

    def make() -> bytes:
        made.append(1)
        begun.wait(5)  # until all the others have asked
        return b"page"

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(memory.page, ("/", "fr"), make) for _ in range(8)]
        begun.set()
        assert {kept.result().body for kept in asked} == {b"page"}
    assert len(made) == 1


# --- over the pages -----------------------------------------------------------------------


def cycles(caller: StandIn) -> int:
    return sum(1 for door, *_rest in caller.asked if door == "registration.list_cycles")


def test_strangers_share_a_page(client: FlaskClient, caller: StandIn) -> None:
    caller.answers["registration.list_cycles"] = []
    first, second = client.get("/"), client.get("/")
    assert first.data == second.data
    assert cycles(caller) == 1
    assert first.headers["Cache-Control"] == "public, no-cache"
    assert {"Cookie", "Authorization"} <= set(first.headers["Vary"].replace(",", " ").split())


def test_who_has_the_page_is_told_so(client: FlaskClient, caller: StandIn) -> None:
    caller.answers["registration.list_cycles"] = []
    etag = client.get("/").headers["ETag"]
    again = client.get("/", headers={"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")


def test_a_page_is_compressed_for_who_can_read_it(client: FlaskClient, caller: StandIn) -> None:
    caller.answers["registration.list_cycles"] = []
    small = client.get("/", headers={"Accept-Encoding": "gzip, br"})
    assert small.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(small.data) == client.get("/").data
    assert "Content-Encoding" not in client.get("/", headers={"Accept-Encoding": "br"}).headers


def test_who_is_signed_in_sees_their_own_page(app: Flask, caller: StandIn) -> None:
    caller.answers["registration.list_cycles"] = []
    caller.people["s1"] = person(name="Camille")
    stranger, camille = app.test_client(), app.test_client()
    with camille.session_transaction() as session:
        session["session"] = "s1"
    stranger.get("/")
    page = camille.get("/")
    assert "Camille" in page.text
    assert "Camille" not in stranger.get("/").text
    assert page.headers["Cache-Control"] == "no-store"


def test_each_language_has_its_page(client: FlaskClient, caller: StandIn) -> None:
    caller.answers["registration.list_cycles"] = []
    assert 'lang="fr"' in client.get("/").text
    client.post("/langue", data={"language": "en", "next": "/"})
    assert '<html lang="en">' in client.get("/").text


def test_a_query_makes_no_other_page(client: FlaskClient, caller: StandIn) -> None:
    caller.answers["registration.list_cycles"] = []
    plain = client.get("/").data
    assert client.get("/?anything=1").data == plain
    assert cycles(caller) == 1
