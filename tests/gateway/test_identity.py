"""Who asks: looked up once a minute at most, never made up."""

from __future__ import annotations

import pytest

from gateway import identity
from gateway.identity import Credential, Identity, actor_of
from services.chassis.actor import Actor
from services.chassis.errors import Refusal, Unavailable
from tests.gateway.stage import StandIn, person

TOKEN = Credential("token", "t1")


class Counting(StandIn):
    """Counts how often it is asked who somebody is."""

    count = 0
    away = False

    def _identify(self, request: dict[str, str]) -> dict[str, object]:
        self.count += 1
        if self.away:
            raise Unavailable("registration")
        return super()._identify(request)


class Hands:
    """A clock that is moved by hand, in seconds."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def caller() -> Counting:
    caller = Counting()
    caller.people["t1"] = person(("juror", "m1"))
    return caller


def test_identity_is_asked_once_and_again_after_a_minute(caller: Counting) -> None:
    clock = Hands()
    found = Identity(caller, clock)
    first = found.of(TOKEN, "c")
    clock.now = 59.9
    assert found.of(TOKEN, "c") is first
    assert caller.count == 1
    caller.people["t1"] = person()  # the role was taken away
    clock.now = 60.0
    assert found.of(TOKEN, "c").actor.roles == frozenset()
    assert caller.count == 2


def test_identity_keeps_a_bounded_number(caller: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "KEPT_MOST", 2)
    found = Identity(caller, Hands())
    for number in range(4):
        caller.people[f"s{number}"] = person(key=f"p{number}")
        found.of(Credential("session", f"s{number}"), "c")
    assert len(found._kept) == 2
    found.of(Credential("session", "s3"), "c")
    assert caller.count == 4


def test_identity_unknown_is_refused_and_not_kept(caller: Counting) -> None:
    found = Identity(caller, Hands())
    for _ in range(2):
        with pytest.raises(Refusal) as refused:
            found.of(Credential("session", "nobody"), "c")
        assert refused.value.status == 401
    assert caller.count == 2


def test_identity_while_registration_is_away_is_unavailable(caller: Counting) -> None:
    caller.away = True
    with pytest.raises(Unavailable):
        Identity(caller, Hands()).of(TOKEN, "c")


def test_identity_forgotten_is_asked_again(caller: Counting) -> None:
    found = Identity(caller, Hands())
    found.of(TOKEN, "c")
    found.forget(TOKEN)
    found.of(TOKEN, "c")
    assert caller.count == 2


def test_session_and_token_of_the_same_letters_are_two(caller: Counting) -> None:
    assert Credential("token", "x").digest != Credential("session", "x").digest


def test_credential_is_not_in_its_own_description() -> None:
    assert "s3cret" not in repr(Credential("token", "s3cret"))


def test_nobody_outside_is_the_system() -> None:
    answer = person(("system", None), ("organiser", "m1"))
    assert actor_of(answer) == Actor("p1", "P", frozenset({("organiser", "m1")}))
