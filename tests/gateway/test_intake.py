"""Ballots at the gateway: a receipt once the broker has the batch, else the truth."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.app import create_app
from gateway.intake import lane as lanes
from gateway.intake.caller import BallotsInBatches
from services.chassis import signed
from services.chassis.clock import SetClock
from services.chassis.confirms import NotConfirmed, Returned
from services.chassis.errors import Refusal, Unavailable
from services.chassis.sealed import unseal
from tests.gateway.stage import Browser, StandIn, settings

NOW = datetime(2026, 6, 20, 12, tzinfo=UTC)
PASS_KEY, BATCH_KEY = b"p" * 32, b"b" * 32
LENT: dict[str, Any] = {
    "poll": "poll1",
    "pass_key": PASS_KEY.hex(),
    "batch_key": BATCH_KEY.hex(),
    "closes_at": (NOW + timedelta(hours=1)).isoformat(),
    "candidates": ["wool", "garden"],
    "kept_out": ["a juror"],
}
REFUSED = Refusal("pass_invalid", "Ce laissez-passer ne permet pas de voter ici.", status=403)


class Wire:
    """Stands for the way to the broker; ``trouble`` is raised for messages, one after another."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sent: list[dict[str, Any]] = []
        self.trouble: list[Any] = []
        self.tried: dict[int, Any] = {}
        self.gate = threading.Event()
        self.gate.set()

    def open(self) -> None:
        pass

    def send(self, number: int, message: dict[str, Any]) -> None:
        # What is sent again under a number must be the same: the first may have arrived.
        content = unseal(BATCH_KEY, f"{self.name}/{number}", message["sealed"])
        assert self.tried.setdefault(number, content) == content
        assert self.gate.wait(10)
        if self.trouble and number:
            raise self.trouble.pop(0)
        self.sent.append(message)

    def close(self) -> None:
        pass

    def ballots(self) -> list[list[str]]:
        """The choices in each batch that was sent."""
        return [
            unseal(BATCH_KEY, f"{each['lane']}/{each['number']}", each["sealed"])["choices"]
            for each in self.sent
        ]


def _lend(request: dict[str, Any]) -> dict[str, Any]:
    if request["poll"] != "poll1":
        raise Refusal("not_found", "Ce scrutin n’existe pas.", status=404)
    return LENT


class Booth:
    """A gateway's intake, with everything around it in the test's hands."""

    def __init__(self) -> None:
        self.caller = StandIn()
        self.caller.answers["voting.lend_poll"] = _lend
        self.caller.answers["voting.cast"] = REFUSED
        self.clock = SetClock(NOW)
        self.wires: list[Wire] = []
        self.intake = BallotsInBatches(self.caller, self._wire, self.clock, patience_s=2.0)

    def _wire(self, name: str) -> Wire:
        self.wires.append(Wire(name))
        return self.wires[-1]

    def cast(self, project: Any = "wool", voter: str = "anne", **more: Any) -> Any:
        """Casts a ballot with a genuine pass."""
        claims = {"poll": "poll1", "voter": voter, "domain": "example.org"}
        request = {"poll": "poll1", "project": project, "pass": signed.sign(PASS_KEY, claims)}
        key = more.pop("key", None)
        return self.intake.call("voting", "cast", request | more, key=key)

    def asked(self, door: str) -> int:
        """How often voting was asked at a door."""
        return sum(1 for name, *_ in self.caller.asked if name == f"voting.{door}")


@pytest.fixture
def booth() -> Iterator[Booth]:
    """An intake whose poll is open."""
    made = Booth()
    yield made
    for wire in made.wires:
        wire.gate.set()
    made.intake.close()


def together(count: int, cast: Callable[[], Any]) -> list[Any]:
    """What so many get who cast at once: a receipt, or the code of the refusal."""
    found: list[Any] = []

    def one() -> None:
        try:
            found.append(cast())
        except Refusal as refusal:
            found.append(refusal.code)

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    return found


def until(condition: Callable[[], Any]) -> None:
    """Waits until something is so; fails if it never is."""
    last = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < last
        time.sleep(0.005)


def test_a_ballot_goes_to_the_broker_and_voting_is_not_asked(booth: Booth) -> None:
    receipt = booth.cast()
    assert receipt["accepted_at"] == NOW.isoformat()
    assert len(receipt["receipt"]) == 32
    assert booth.cast("garden")["receipt"] != receipt["receipt"]
    (wire,) = booth.wires
    assert wire.ballots() == [[], ["wool"], ["garden"]]
    named = [(each["poll"], each["number"]) for each in wire.sent]
    assert named == [("poll1", number) for number in range(3)]
    assert (booth.asked("lend_poll"), booth.asked("open_lane"), booth.asked("cast")) == (1, 1, 0)
    # Neither the choice nor the voter can be read on the way.
    assert not [each for each in wire.sent if "wool" in str(each) or "anne" in str(each)]


def test_those_who_come_while_a_batch_is_confirmed_are_the_next_batch(booth: Booth) -> None:
    booth.cast()
    (wire,) = booth.wires
    wire.gate.clear()
    threading.Thread(target=_open_once_many_wait, args=(booth, wire), daemon=True).start()
    answers = together(250, booth.cast)
    assert len({answer["receipt"] for answer in answers}) == 250
    sizes = [len(choices) for choices in wire.ballots()[2:]]
    assert sum(sizes) == 250 and max(sizes) == lanes.MOST


def _open_once_many_wait(booth: Booth, wire: Wire) -> None:
    until(lambda: len(booth.intake._lanes["poll1"].waiting) >= lanes.MOST)
    wire.gate.set()


def test_after_a_batch_of_many_the_next_gathers_a_moment_longer(
    booth: Booth, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "GATHER_S", 1.0)
    booth.cast()
    (wire,) = booth.wires
    wire.gate.clear()
    under_way = _late(booth, 0)
    many = [_late(booth, waiting) for waiting in range(1, lanes.MANY + 1)]
    wire.gate.set()
    for thread in [under_way, *many]:
        thread.join(10)
    for thread in [_late(booth, 1), _late(booth, 2)]:
        thread.join(10)
    assert [len(choices) for choices in wire.ballots()[2:]] == [1, lanes.MANY, 2]


def _late(booth: Booth, waiting: int) -> threading.Thread:
    """Somebody who casts, and is one of so many that wait; of none if theirs is under way."""
    lane = booth.intake._lanes["poll1"]
    thread = threading.Thread(target=booth.cast, args=("garden",))
    thread.start()
    until(lambda: len(lane.waiting) == waiting and (waiting or len(booth.wires[0].tried) == 3))
    return thread


@pytest.mark.parametrize(
    "request_",
    [
        {"project": "bakery"},
        {"voter": "a juror"},
        {"pass": "forged"},
        {"poll": "another"},
        {"project": None},
        {"pass": signed.sign(PASS_KEY, {"poll": "another", "voter": "anne"})},
        {"key": "repeated"},
    ],
)
def test_whatever_is_not_certainly_right_is_asked_of_voting(
    booth: Booth, request_: dict[str, Any]
) -> None:
    with pytest.raises(Refusal, match="pass_invalid"):
        booth.cast(**request_)
    assert booth.asked("cast") == 1
    assert [choices for wire in booth.wires for choices in wire.ballots() if choices] == []


def test_after_the_closing_voting_says_so(booth: Booth) -> None:
    booth.cast()
    booth.clock.move_by(timedelta(hours=1))
    with pytest.raises(Refusal, match="pass_invalid"):
        booth.cast()
    assert booth.asked("cast") == 1


def test_who_got_no_confirmation_is_told_to_vote_again(booth: Booth) -> None:
    booth.cast()
    (wire,) = booth.wires
    wire.trouble = [NotConfirmed("away", set())]
    with pytest.raises(Refusal, match="ballot_not_confirmed") as refused:
        booth.cast("garden")
    assert refused.value.status == 503
    # Nobody waits for a broker that may fail again.
    began = time.monotonic()
    assert together(1, booth.cast) == ["ballot_not_confirmed"]
    assert time.monotonic() - began < lanes.PAUSE_S
    # The same batch goes again under its number, for it may have arrived: no number is missing.
    until(lambda: not booth.intake._lanes["poll1"].troubled)
    assert booth.cast("wool")["receipt"]
    assert wire.ballots() == [[], ["wool"], ["garden"], ["wool"]]
    assert [each["number"] for each in wire.sent] == [0, 1, 2, 3]


def test_a_lane_that_confirms_nothing_is_given_up_for_another(booth: Booth) -> None:
    booth.cast()
    (wire,) = booth.wires
    lane = booth.intake._lanes["poll1"]
    lane.patience_s = 30.0
    wire.trouble = [NotConfirmed("away", set()) for _ in range(lanes.ATTEMPTS)]
    wire.gate.clear()

    def all_wait() -> bool:
        under_way = wire.tried.get(2, {"choices": []})["choices"]
        return len(lane.waiting) + len(under_way) == 300

    def fail_once_all_wait() -> None:
        until(all_wait)
        wire.gate.set()

    threading.Thread(target=fail_once_all_wait).start()
    assert set(together(300, booth.cast)) == {"ballot_not_confirmed"}
    assert sorted(wire.tried) == [0, 1, 2]
    until(lambda: together(1, booth.cast) and len(booth.wires) == 2)
    assert booth.cast()["receipt"]
    assert len(booth.wires) == 2
    assert booth.wires[1].name != wire.name


def test_a_closed_lane_gives_no_receipt(booth: Booth) -> None:
    booth.cast()
    booth.wires[0].trouble = [Returned("no queue", set())]
    assert together(1, booth.cast) == ["ballot_not_confirmed"]
    booth.caller.answers["voting.open_lane"] = Refusal("poll_closed", "Le vote est clos.")
    assert together(1, booth.cast) == ["poll_closed"]


class Crowd(deque[Any]):
    """Those that wait, and how many they were at most."""

    most = 0

    def append(self, one: Any) -> None:
        super().append(one)
        self.most = max(self.most, len(self))


def test_a_broker_that_does_not_answer_holds_few_and_not_for_long(
    booth: Booth, monkeypatch: pytest.MonkeyPatch
) -> None:
    booth.cast()
    lane = booth.intake._lanes["poll1"]
    monkeypatch.setattr(lanes, "MOST_WAITING", 20)
    lane.waiting = crowd = Crowd()
    lane.patience_s = 0.3
    booth.wires[0].gate.clear()
    assert set(together(60, booth.cast)) == {"ballot_not_confirmed"}
    assert 0 < crowd.most <= 20
    lane.patience_s = 5
    booth.wires[0].gate.set()
    # Nobody waits for them any more: of those only the batch that was under way is sent.
    assert booth.cast("garden")["receipt"]
    opening, first, under_way, last = booth.wires[0].ballots()
    assert (opening, first, last) == ([], ["wool"], ["garden"])
    assert 1 <= len(under_way) <= 20


def test_a_lane_that_can_not_be_made_is_not_tried_by_everybody(
    booth: Booth, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_wire: Wire) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(Wire, "open", away)
    assert together(20, booth.cast) == ["ballot_not_confirmed"] * 20
    assert len(booth.wires) == 1


def test_who_waits_for_a_lane_waits_no_longer_than_for_a_ballot(
    booth: Booth, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that is silent lets each attempt at a lane take its time: one is enough."""

    def silent(_wire: Wire) -> None:
        time.sleep(1.0)
        raise TimeoutError

    monkeypatch.setattr(Wire, "open", silent)
    began = time.monotonic()
    assert together(20, booth.cast) == ["ballot_not_confirmed"] * 20
    assert time.monotonic() - began < 2.0
    assert len(booth.wires) == 1


def test_voting_may_be_away_for_a_minute(booth: Booth, monkeypatch: pytest.MonkeyPatch) -> None:
    booth.cast()
    booth.caller.answers["voting.lend_poll"] = Unavailable("voting")
    booth.caller.answers["voting.cast"] = Unavailable("voting")
    booth.intake._learning.pause_s = booth.intake._opening.pause_s = 60.0
    later(monkeypatch, 59)
    assert booth.cast()["receipt"]
    later(monkeypatch, 61)
    assert together(20, booth.cast) == ["ballot_not_confirmed"] * 20
    # One found out; nobody else waits for what can't be answered.
    assert (booth.asked("lend_poll"), booth.asked("cast")) == (2, 0)


def test_no_key_of_a_poll_that_is_over_is_kept(
    booth: Booth, monkeypatch: pytest.MonkeyPatch
) -> None:
    booth.cast()
    booth.caller.answers["voting.lend_poll"] = REFUSED
    later(monkeypatch, 61)
    assert together(1, booth.cast) == [REFUSED.code]
    assert not booth.intake._known and not booth.intake._lanes


def test_no_key_of_a_poll_that_is_over_is_kept_where_nobody_votes_any_more(
    booth: Booth, monkeypatch: pytest.MonkeyPatch
) -> None:
    booth.caller.answers["voting.get_poll"] = {}
    booth.cast()
    later(monkeypatch, 61)
    booth.intake.call("voting", "get_poll", {"poll": "poll1"})
    assert "poll1" in booth.intake._known  # it may be that only voting is away
    booth.clock.move_to(NOW + timedelta(hours=1))
    booth.intake.call("voting", "get_poll", {"poll": "poll1"})
    assert not booth.intake._known and not booth.intake._lanes


def test_what_voting_is_asked_to_cast_has_a_key(booth: Booth) -> None:
    """A replica that dies before it answers leaves its call to another one: the same ballot."""
    booth.caller.answers["voting.cast"] = {"receipt": "r"}
    for key in ("mine", None, None):
        request = {"poll": "poll1", "project": "wool", "code": "C0DE"}
        booth.intake.call("voting", "cast", request, key=key)
    asked = [(name, key) for name, _request, _actor, key, _correlation in booth.caller.asked]
    first, *others = [key for name, key in asked if name == "voting.cast"]
    assert first == "mine"
    assert all(others) and len(set(others)) == 2


def test_a_crowd_at_the_start_asks_voting_once(booth: Booth) -> None:
    def slowly(request: dict[str, Any]) -> dict[str, Any]:
        time.sleep(0.5)
        return _lend(request)

    booth.caller.answers["voting.lend_poll"] = slowly
    assert len({answer["receipt"] for answer in together(30, booth.cast)}) == 30
    assert (booth.asked("lend_poll"), booth.asked("open_lane")) == (1, 1)


def test_what_voting_lends_anew_is_used(booth: Booth, monkeypatch: pytest.MonkeyPatch) -> None:
    booth.cast()
    booth.caller.answers["voting.lend_poll"] = LENT | {"candidates": ["garden"]}
    assert booth.cast("wool")["receipt"]
    later(monkeypatch, 11)
    # Nobody waits for the news: who comes before it is there still votes by what was known.
    asked = booth.asked("lend_poll")
    assert booth.cast("wool")["receipt"]
    until(lambda: booth.asked("lend_poll") > asked and together(1, booth.cast) == ["pass_invalid"])
    assert booth.cast("garden")["receipt"]


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """What the gateway knows of polls is so many seconds old."""
    monkeypatch.setattr("gateway.intake.known.Known.age", property(lambda known: seconds))


def test_stopping_hands_over_what_waits(booth: Booth) -> None:
    booth.cast()
    (wire,) = booth.wires
    wire.gate.clear()
    threading.Thread(target=_close_once_all_wait, args=(booth, wire), daemon=True).start()
    assert len({answer["receipt"] for answer in together(30, booth.cast)}) == 30


def _close_once_all_wait(booth: Booth, wire: Wire) -> None:
    lane = booth.intake._lanes["poll1"]
    until(lambda: len(lane.waiting) + len(wire.tried.get(2, {"voters": []})["voters"]) == 30)
    closing = threading.Thread(target=booth.intake.close)
    closing.start()
    until(lambda: lane.ending)
    wire.gate.set()
    closing.join()


def test_a_paper_ballot_without_an_answer_is_not_confirmed(booth: Booth) -> None:
    booth.caller.answers["voting.cast"] = Unavailable("voting")
    with pytest.raises(Refusal, match="ballot_not_confirmed"):
        booth.intake.exchange("voting", "cast", {"poll": "poll1", "code": "c", "project": "wool"})


def test_page_and_api_say_that_it_is_not_confirmed(tmp_path: Path, booth: Booth) -> None:
    booth.caller.answers["voting.cast"] = Refusal(
        "ballot_not_confirmed",
        "Your vote is not confirmed.",
        "Vote again: only one vote counts, even if the first one arrived.",
        503,
    )
    app = create_app(settings(tmp_path), booth.caller)
    app.test_client_class = Browser
    client = app.test_client()
    given = {"pass": "p", "project": "wool"}
    answer = client.post("/api/v1/polls/poll1/ballots", json=given)
    assert answer.json is not None
    assert (answer.status_code, answer.json["code"]) == (503, "ballot_not_confirmed")
    assert int(answer.headers["Retry-After"]) >= 1
    page = client.post("/vote/changer", data={"poll": "poll1", **given})
    assert page.status_code == 503 and page.headers["Retry-After"]
    assert "un seul vote compte" in page.text
