"""A hostile partner: nothing of it has an effect among the honest, and all of it is seen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from services.chassis.people_tables import mails
from services.registration import roles
from services.registration.partners import chain, handing, incoming, keys, notices
from services.registration.partners.package import MOST_BYTES
from services.registration.tables import Partner
from tests.registration.partners.hostile import TEMPLATES, Hostile, altered
from tests.registration.partners.scenes import scene
from tests.registration.partners.stage import CYCLE, NAMES, Instance, Partners, key_of
from tests.registration.partners.world import Ledger

FUMEL, CONFLUENT, VILLENEUVE, BASTIDES, TOLZAC = NAMES


@pytest.fixture
def five(tmp_path: Path) -> Iterator[Partners]:
    """Five instances; the first leg is closed, the second has the baton and is mobilised."""
    made = scene(tmp_path, NAMES, FUMEL, passed=1)
    yield made
    made.finish()


@pytest.fixture
def hostile(five: Partners) -> Hostile:
    """The second leg's operator, which has the baton, and goes its own way from here."""
    assert five[CONFLUENT].state(2) == "mobilised"
    return Hostile(five, CONFLUENT)


def honest(five: Partners) -> list[Any]:
    return [instance for instance in five if instance.name != CONFLUENT]


def look(five: Partners, ledger: Ledger | None = None) -> Ledger:
    ledger = ledger or Ledger()
    ledger.look((one.name, one.path) for one in honest(five))
    return ledger


def known(five: Partners) -> list[list[tuple[int, int, str, bool]]]:
    return [instance.grants() for instance in honest(five)]


TWO = [(1, 1, "saison-1", True), (1, 2, "saison-2", True)]


def test_a_grant_of_a_leg_that_goes_on_is_refused(five: Partners, hostile: Hostile) -> None:
    for document in (
        hostile.grant(3, (1, 3), leg=None),
        hostile.grant(3, (1, 3), leg={**hostile.over(2), "palmares_digest": None}),
    ):
        receipt = five[VILLENEUVE].receive(document, CONFLUENT)
        assert receipt.verdict == "leg_not_closed"
    assert known(five) == [TWO] * 4
    assert five[VILLENEUVE].refusals() == {(CONFLUENT, "leg_not_closed"): 2}


def test_who_says_after_its_grant_that_its_leg_goes_on_has_not_passed_it(
    five: Partners, hostile: Hostile
) -> None:
    document = hostile.grant(3, (1, 3))
    five.move(timedelta(minutes=20))
    five.quiet()  # its notice says that the leg is mobilised
    assert five[VILLENEUVE].receive(document, CONFLUENT).verdict == "leg_not_closed"
    assert known(five) == [TWO] * 4


def test_another_ones_baton_can_not_be_forged(five: Partners, hostile: Hostile) -> None:
    of_fumel = hostile.grant(3, (1, 2), from_leg=1, sender=FUMEL, previous=None)
    in_own_name = hostile.grant(4, (1, 2), from_leg=1, previous=None)
    assert five[VILLENEUVE].receive(of_fumel, CONFLUENT).verdict == "unknown_key"
    assert five[BASTIDES].receive(in_own_name, CONFLUENT).verdict == "not_the_holder"
    assert known(five) == [TWO] * 4


def test_who_is_not_the_joint_body_does_not_raise_the_term(
    five: Partners, hostile: Hostile
) -> None:
    document = hostile.grant(3, (7, 3), reason="La ville est prête", previous=None)
    assert five[VILLENEUVE].receive(document, CONFLUENT).verdict == "not_allowed"
    assert known(five) == [TWO] * 4


def test_one_changed_byte_is_seen(five: Partners, hostile: Hostile) -> None:
    document = altered(hostile.grant(3, (1, 3)))
    assert five[VILLENEUVE].receive(document, CONFLUENT).verdict == "bad_signature"


def test_another_ones_package_on_ones_own_channel_is_refused(
    five: Partners, hostile: Hostile
) -> None:
    document = hostile.notice(BASTIDES)
    receipt = five[BASTIDES].receive(document, VILLENEUVE)
    assert receipt.verdict == "wrong_channel"
    assert five[BASTIDES].refusals() == {(VILLENEUVE, "wrong_channel"): 1}


def test_passing_twice_makes_no_two_holders(five: Partners, hostile: Hostile) -> None:
    ledger = look(five)
    one, other = hostile.grant(3, (1, 3)), hostile.grant(4, (1, 3))
    assert five[VILLENEUVE].receive(one, CONFLUENT).verdict == "accepted"
    assert five[BASTIDES].receive(other, CONFLUENT).verdict == "accepted"
    five.quiet()
    look(five, ledger)
    holding = [instance.name for instance in honest(five) if instance.holds(3) or instance.holds(4)]
    effective = {
        marathon
        for instance in honest(five)
        for term, hop, marathon, is_effective in instance.grants()
        if (term, hop) == (1, 3) and is_effective
    }
    assert len(effective) <= 1
    assert holding == [] or len(effective) == 1
    seen = [instance.refusals().get((CONFLUENT, "double_grant"), 0) for instance in honest(five)]
    assert all(seen), seen
    # The joint body raises the term, and the relay goes on.
    request = {"cycle": CYCLE, "to_marathon": "saison-5", "reason": "Relais donné deux fois"}
    five[FUMEL].call("reassign_relay", **request, even_unheard=True)
    five.quiet()
    look(five, ledger)
    assert [instance.grants()[-1][2] for instance in honest(five)] == ["saison-5"] * 4
    assert five[TOLZAC].state(5) == "mobilised"


def test_the_check_sees_two_holders_where_witnesses_do_not_count(
    five: Partners, hostile: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checks can fail: without the rule that most partners must hold a grant, two do."""
    monkeypatch.setattr(chain, "needed", lambda cycle, grant: 0)
    ledger = look(five)
    five[VILLENEUVE].receive(hostile.grant(3, (1, 3)), CONFLUENT)
    five[BASTIDES].receive(hostile.grant(4, (1, 3)), CONFLUENT)
    with pytest.raises(AssertionError, match="two grants of term 1, hop 3"):
        look(five, ledger)


def test_old_packages_come_again_without_effect(tmp_path: Path) -> None:
    five = scene(tmp_path, NAMES[:3], FUMEL)
    five.pass_on(1)
    before = [instance.grants() for instance in five]
    old = [parcel for parcel in five.sent if parcel.kind.startswith("baton.")]
    assert {parcel.kind for parcel in old} == {
        *("baton.offer", "baton.answer", "baton.grant", "baton.receipt")
    }
    for parcel in old:
        assert five.deliver(parcel).verdict == "repeated"
    five.quiet()
    assert [instance.grants() for instance in five] == before
    five.move(timedelta(days=61))
    for parcel in old:
        assert five.deliver(parcel).verdict == "time_off"
    five.finish()


def test_lies_about_grants_convince_nobody(five: Partners, hostile: Hostile) -> None:
    forged = hostile.grant(5, (1, 2), from_leg=1, sender=FUMEL, previous=None)
    document = hostile.notice(VILLENEUVE, chain=[forged])
    assert five[VILLENEUVE].receive(document, CONFLUENT).verdict == "accepted"
    assert known(five) == [TWO] * 4
    assert five[VILLENEUVE].refusals() == {(CONFLUENT, "unknown_key"): 1}


def test_a_notice_of_a_leg_that_is_not_its_senders_is_refused(
    five: Partners, hostile: Hostile
) -> None:
    leg = {
        "marathon": "saison-3",
        "leg": 3,
        "state": "cancelled",
        "epoch": 9,
        "version": 9,
        "title": "x",
        "host_insee": None,
        "host_name": None,
        "mobilises_at": None,
        "starts_at": None,
        "ends_at": None,
        "closed_at": None,
        "palmares": None,
        "reason": "faux",
    }
    five[BASTIDES].receive(hostile.notice(BASTIDES, legs=[leg]), CONFLUENT)
    assert five[BASTIDES].state(3) == "announced"
    assert five[BASTIDES].refusals() == {(CONFLUENT, "not_allowed"): 1}


def test_a_flood_leaves_one_line(five: Partners, hostile: Hostile) -> None:
    for _ in range(20):
        five[BASTIDES].receive(hostile.offer(4, (1, 2)), CONFLUENT)
        five[BASTIDES].receive(hostile.notice(BASTIDES, asks="x"), CONFLUENT)
    assert five[BASTIDES].refusals() == {(CONFLUENT, "not_the_holder"): 20}
    waiting = [parcel for parcel in five[BASTIDES].take_due() if parcel.recipient == CONFLUENT]
    assert len(waiting) == 1  # the newest answer takes the place of the others


@pytest.mark.parametrize(
    "given", [b"", b"{", b"[]", b"{}", b'{"id": 7, "id": 8}', "\ud800", b"\xff" * 9]
)
def test_rubbish_is_refused_and_counted(five: Partners, given: Any) -> None:
    receipt = five[BASTIDES].receive(given, CONFLUENT)
    assert receipt.verdict == "malformed"
    assert five[BASTIDES].refusals() == {(CONFLUENT, "malformed"): 1}


def test_two_legs_of_one_partner_do_not_pass_the_baton_to_and_fro(tmp_path: Path) -> None:
    operators = (FUMEL, CONFLUENT, CONFLUENT, VILLENEUVE)
    four = scene(tmp_path, operators, FUMEL, passed=1)
    hostile, villeneuve = Hostile(four, CONFLUENT), four[VILLENEUVE]
    forth = hostile.grant(3, (1, 3))
    back = hostile.grant(2, (1, 4), from_leg=3, previous=forth["id"])
    receipt = villeneuve.receive(hostile.notice(VILLENEUVE, chain=[forth, back]), CONFLUENT)
    assert receipt.verdict == "accepted"
    assert [grant[:3] for grant in villeneuve.grants()] == [
        *((1, 1, "saison-1"), (1, 2, "saison-2"), (1, 3, "saison-3"))
    ]
    assert villeneuve.refusals() == {(CONFLUENT, "not_allowed"): 1}
    four.finish()


def test_a_grant_has_no_room_for_more_links_than_hops(five: Partners, hostile: Hostile) -> None:
    link = {"term": 1, "hop": 1, "marathon": "saison-1", "granted_at": hostile.now}
    baton = {"leg": 2, "palmares_digest": None, "chain": [link] * 3, "templates": TEMPLATES}
    grant = hostile.grant(3, (1, 3), baton=baton)
    assert five[VILLENEUVE].receive(grant, CONFLUENT).verdict == "not_allowed"
    assert known(five) == [TWO] * 4


def test_a_notice_that_became_too_large_is_told_in_part_and_stops_nothing(
    five: Partners, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = {"number": 1, "digest": "ab" * 32, "prizes": [], "public_winners": []}
    ranks = [{"rank": 1, "projects": ["x" * 200] * 99}] * 99
    monkeypatch.setattr(notices, "palmares_shown", lambda work, leg: {**many, "ranks": ranks})
    five.on_the_way = []
    five[FUMEL].restart()
    five[FUMEL].tick()
    told = [parcel.document["body"] for parcel in five[FUMEL].take_due()]
    assert [(leg["marathon"], leg["palmares"]) for leg in told[0]["legs"]] == [("saison-1", None)]
    monkeypatch.setattr(chain, "documents", lambda work, cycle: [{"x": "y" * MOST_BYTES}])
    five[FUMEL].restart()
    five[FUMEL].tick()
    assert five[FUMEL].take_due() == []


def test_a_host_that_refused_does_not_begin_though_it_is_granted_the_baton_by_notices(
    five: Partners, hostile: Hostile
) -> None:
    assert five[VILLENEUVE].receive(hostile.offer(3, (1, 3)), CONFLUENT).verdict == "accepted"
    five[VILLENEUVE].answer("refused")
    grant = hostile.grant(3, (1, 3))
    assert five[VILLENEUVE].receive(grant, CONFLUENT).verdict == "not_allowed"
    for instance in honest(five):
        instance.receive(hostile.notice(instance.name, chain=[grant]), CONFLUENT)
    five.quiet()
    # It counts for all, who can't know of the refusal; but the town does not take it.
    assert known(five) == [[*TWO, (1, 3, "saison-3", True)]] * 4
    assert five[VILLENEUVE].relays() == [("saison-3", "refused")]
    assert (five[VILLENEUVE].holds(3), five[VILLENEUVE].state(3)) == (False, "announced")
    assert five[VILLENEUVE].refusals()[CONFLUENT, "not_allowed"] >= 2
    request = {"cycle": CYCLE, "to_marathon": "saison-4", "reason": "Villeneuve a refusé"}
    five[FUMEL].call("reassign_relay", **request)
    five.quiet()
    assert five[BASTIDES].state(4) == "mobilised"


def without(instance: Instance, name: str, state: str, removed: bool = False) -> None:
    """Lets an instance have a partner's key in another state, or the partner no more."""

    def run(work: Any) -> None:
        entry = {"id": "k", "public": keys.encode(key_of(name).public), "state": state}
        row = Partner(name=name, title=name, transport="amqp", keys=[entry], added_at=work.now)
        row.removed_at = work.now if removed else None
        work.session.add(row)

    instance.within(run)


@pytest.mark.parametrize(("state", "removed"), [("revoked", False), ("active", True)])
def test_who_forgot_a_grant_of_a_key_that_is_revoked_takes_it_of_most_others(
    tmp_path: Path, state: str, removed: bool
) -> None:
    five = scene(tmp_path / "all", NAMES, FUMEL)
    villeneuve = five[VILLENEUVE]
    villeneuve.back_up(tmp_path / "old")
    five.pass_on(1)
    villeneuve.restore(tmp_path / "old")
    without(villeneuve, FUMEL, state, removed)
    five.quiet()
    assert villeneuve.grants() == TWO
    five.move(timedelta(minutes=1))
    five.quiet()  # who told it before it could follow is asked again
    assert villeneuve.call("relay_status", cycle=CYCLE)["not_told_by"] == [FUMEL]
    assert {name for name, _verdict in villeneuve.refusals()} == {FUMEL}
    five.finish()


def test_what_a_stolen_key_signs_is_not_taken_because_one_partner_shows_it(
    five: Partners, hostile: Hostile
) -> None:
    without(five[VILLENEUVE], CONFLUENT, "revoked")
    notice = Hostile(five, BASTIDES).notice(VILLENEUVE, chain=[hostile.grant(4, (1, 3))])
    for _ in range(2):
        five[VILLENEUVE].receive({**notice}, BASTIDES)
    assert five[VILLENEUVE].grants() == TWO
    assert five[VILLENEUVE].refusals() == {(CONFLUENT, "revoked_key"): 2}


def test_what_can_not_be_followed_of_a_lower_term_keeps_nobody_out(
    five: Partners, hostile: Hostile
) -> None:
    villeneuve = five[VILLENEUVE]
    request = {"cycle": CYCLE, "to_marathon": "saison-4", "reason": "Sans nouvelles"}
    five[FUMEL].call("reassign_relay", **request, even_unheard=True)
    five.quiet()
    villeneuve.restart()
    villeneuve.tick()
    lost = hostile.grant(5, (1, 4), previous="nobody-knows")
    answers = villeneuve.core.run
    for name in (FUMEL, BASTIDES, TOLZAC):
        partner = Hostile(five, name)
        villeneuve.receive(partner.notice(VILLENEUVE, chain=[lost], answers=answers), name)
    assert villeneuve.call("relay_status", cycle=CYCLE)["told"] is True


def test_a_valid_flood_is_bounded(
    five: Partners, hostile: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "MOST_KEPT", 5)
    villeneuve = five[VILLENEUVE]
    address = "organiser@example.org"
    villeneuve.within(lambda work: roles.add_organiser(work, address, "Anne", f"{CYCLE}-3"))
    name = handing.relay_id(CYCLE, 1, 3, f"{CYCLE}-3")
    offers = [hostile.offer(3, (1, 3), relay=f"{name}.{number}") for number in (1, 2, 3)]
    assert [villeneuve.receive(one, CONFLUENT).verdict for one in offers] == ["accepted"] * 3
    with villeneuve.player.session() as session:
        assert session.scalars(select(mails.c.to)).all() == [address]  # one letter, not three
    answer = {"relay": f"{'cd' * 16}.1", "answer": "refused", "reason": None}
    answers = [hostile.signed("baton.answer", (1, 3), VILLENEUVE, answer) for _ in range(4)]
    verdicts = [villeneuve.receive(one, CONFLUENT).verdict for one in answers]
    assert verdicts == ["accepted"] * 2 + ["too_many"] * 2
    assert villeneuve.receive(answers[0], CONFLUENT).verdict == "repeated"
    assert villeneuve.receive(hostile.notice(VILLENEUVE), CONFLUENT).verdict == "accepted"
    [shown] = [
        one for one in villeneuve.call("list_partners")["partners"] if one["name"] == CONFLUENT
    ]
    assert (shown["waiting"], shown["refused"]) == (2, 2)


def test_a_reason_does_not_repeat_what_a_body_said(five: Partners, hostile: Hostile) -> None:
    offer = hostile.offer(4, (1, 3), from_marathon="somebody:who-is-named")
    receipt = five[BASTIDES].receive(offer, CONFLUENT)
    assert (receipt.verdict, receipt.reason) == ("not_allowed", "it names no leg of the cycle")


def test_what_comes_too_early_is_logged_and_nobody_is_blamed(
    five: Partners, hostile: Hostile
) -> None:
    offer = hostile.offer(4, (1, 4))
    notice = hostile.notice(BASTIDES, chain=[hostile.grant(4, (1, 4))])
    with capture_logs() as logged:
        assert five[BASTIDES].receive(offer, CONFLUENT).verdict == "early"
        assert five[BASTIDES].receive(notice, CONFLUENT).verdict == "accepted"
    early = [line for line in logged if line["event"] == "package_early"]
    assert [(line["partner"], line["kind"]) for line in early] == [
        *((CONFLUENT, "baton.offer"), (CONFLUENT, "leg.notice"))
    ]
    assert five[BASTIDES].refusals() == {}


def test_strangers_share_one_line(five: Partners) -> None:
    for name in ("a", "b", "c"):
        document = Hostile(five, FUMEL).signed(
            "baton.receipt", (1, 2), BASTIDES, {"relay": None, "grant": "x"}, sender=name
        )
        assert five[BASTIDES].receive(document).verdict == "unknown_sender"
    assert five[BASTIDES].refusals() == {("?", "unknown_sender"): 3}
