"""The rules of the relay between instances, one by one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from services.chassis.actor import Actor
from services.chassis.errors import Refusal
from services.chassis.people_tables import mails
from services.registration import roles
from services.registration.partners import keys
from services.registration.tables import Consent, Partner, Role
from tests.harness import ORGANISER
from tests.registration.partners.hostile import Hostile
from tests.registration.partners.scenes import scene
from tests.registration.partners.stage import CYCLE, NAMES, Instance, Partners, cycle_file, key_of

FUMEL, CONFLUENT, VILLENEUVE = NAMES[:3]
DAY = timedelta(days=1)


OWN = {**cycle_file([FUMEL], None), "cycle": "seule"}
"""A cycle that one instance plays alone."""


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Partners]:
    """Three instances; the first leg is mobilised."""
    made = scene(tmp_path, NAMES[:3])
    yield made
    made.finish()


def refused(instance: Instance, door: str, **request: Any) -> str:
    with pytest.raises(Refusal) as caught:
        instance.call(door, **request)
    return caught.value.code


def letters(instance: Instance) -> list[tuple[str, str]]:
    """(address, subject) of everything written, oldest first."""
    with instance.player.session() as session:
        rows = session.execute(select(mails).order_by(mails.c.created_at))
        return [(row.to, row.subject) for row in rows]


# --- legs elsewhere -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("door", "request_"),
    [
        ("move_marathon", {"to": "running", "override": True, "reason": "x"}),
        ("change_marathon", {"title": "x"}),
        ("set_host", {"insee": "47323"}),
        ("reveal_host", {}),
    ],
)
def test_a_leg_elsewhere_is_not_moved_here(
    three: Partners, door: str, request_: dict[str, Any]
) -> None:
    code = refused(three[CONFLUENT], door, marathon="saison-3", **request_)
    assert code == "operated_elsewhere"


def test_a_leg_elsewhere_is_seen_as_its_operator_tells(three: Partners) -> None:
    three[FUMEL].close(1)
    three.quiet()
    for instance in (three[CONFLUENT], three[VILLENEUVE]):
        shown = instance.call("get_marathon", marathon="saison-1")
        assert (shown["state"], shown["operator"]["elsewhere"]) == ("closed", True)
        assert shown["operator"]["url"] == "https://fumel.example.org"
        assert shown["host_insee"] is not None
        assert shown["palmares_shown"]["ranks"] == []
        assert instance.types().count("marathon_closed") == 0
    assert three[FUMEL].call("get_marathon", marathon="saison-1")["palmares_shown"] is None


# --- refused, late, withdrawn, offered again ----------------------------------------------


def test_a_refused_baton_goes_to_the_next(three: Partners) -> None:
    three[FUMEL].close(1)
    three.quiet()
    three[CONFLUENT].answer("refused")
    three.quiet()
    assert three[FUMEL].relays() == [("saison-2", "refused"), ("saison-3", "offered")]
    assert three[VILLENEUVE].relays() == [("saison-3", "offered")]


def test_a_host_that_never_answers_does_not_block(three: Partners) -> None:
    three[FUMEL].close(1)
    three.quiet()
    three.move(14 * DAY)
    three.quiet()
    assert three[FUMEL].relays() == [("saison-2", "expired"), ("saison-3", "offered")]
    assert three[CONFLUENT].relays() == [("saison-2", "expired")]
    # Its yes comes too late.
    assert refused(
        three[CONFLUENT],
        "answer_relay",
        relay=three[CONFLUENT].relay("expired"),
        answer="accepted",
    ) == ("relay_superseded")


def test_an_instance_that_lost_its_key_goes_on_and_tells_when_it_is_back(three: Partners) -> None:
    fumel = three[FUMEL]
    fumel.close(1)
    three.quiet()
    key = fumel.folder / "relay.pem"
    key.rename(key.with_suffix(".lost"))
    fumel.call("open_cycle", file=OWN)
    mobilises_at = three.now + 14 * DAY
    fumel.call("change_marathon", marathon="seule-1", mobilises_at=mobilises_at)
    fumel.call("set_host", marathon="seule-1", insee="47106")
    three.move(14 * DAY)
    fumel.tick()
    assert fumel.call("get_marathon", marathon="seule-1")["state"] == "mobilised"
    assert fumel.relays() == [("saison-2", "offered")]
    key.with_suffix(".lost").rename(key)
    three.quiet()
    assert fumel.relays() == [("saison-2", "expired"), ("saison-3", "offered")]


def test_a_yes_that_crosses_the_deadline_is_told_that_it_is_late(three: Partners) -> None:
    three[FUMEL].close(1)
    three.quiet()
    three[CONFLUENT].call("answer_relay", relay=three[CONFLUENT].relay(), answer="accepted")
    three.move(14 * DAY)
    three[FUMEL].tick()
    three.quiet()
    assert three[CONFLUENT].relays()[0][1] in ("expired", "superseded")
    assert three[FUMEL].relays() == [("saison-2", "expired"), ("saison-3", "offered")]
    assert len(three[FUMEL].grants()) == 1


def test_an_organiser_chooses_who_is_asked_again(three: Partners) -> None:
    fumel, confluent = three[FUMEL], three[CONFLUENT]
    fumel.close(1)
    three.quiet()
    confluent.answer("refused")
    three.quiet()
    three.move(timedelta(minutes=1))
    fumel.call("offer_relay", cycle=CYCLE, to_marathon="saison-2")
    three.quiet()
    assert sorted(fumel.relays()) == [("saison-2", "offered"), ("saison-3", "withdrawn")]
    assert three[VILLENEUVE].relays() == [("saison-3", "withdrawn")]
    confluent.answer()
    three.quiet()
    assert confluent.state(2) == "mobilised"


def test_a_withdrawn_offer_can_not_be_accepted(three: Partners) -> None:
    three[FUMEL].close(1)
    three.quiet()
    three[FUMEL].call("withdraw_relay", relay=three[FUMEL].relay(), reason="Erreur")
    three.quiet()
    assert three[CONFLUENT].relays() == [("saison-2", "withdrawn")]
    assert three[CONFLUENT].types().count("relay_withdrawn") == 1
    assert three[VILLENEUVE].relays() == [("saison-3", "offered")]


def test_the_baton_of_a_cancelled_leg_moves_on(three: Partners) -> None:
    three[FUMEL].cancel(1)
    three.quiet()
    three[CONFLUENT].answer()
    three.quiet()
    three[CONFLUENT].cancel(2)
    three.quiet()
    three[VILLENEUVE].answer()
    three.quiet()
    assert three[VILLENEUVE].state(3) == "mobilised"


def test_delivered_is_what_the_partner_took_and_not_what_our_broker_did(three: Partners) -> None:
    fumel, confluent = three[FUMEL], three[CONFLUENT]
    fumel.close(1)
    three.quiet()

    def seen() -> tuple[bool, bool]:
        [offer] = fumel.call("relay_status", cycle=CYCLE)["offers"]
        return offer["sent_at"] is not None, offer["delivered_at"] is not None

    assert seen() == (True, False)
    confluent.call("answer_relay", relay=confluent.relay(), answer="accepted")
    assert seen() == (True, False)
    three.quiet()
    assert seen() == (True, True)


def test_what_was_posted_to_the_partner_itself_is_delivered(three: Partners) -> None:
    def by_https(work: Any) -> None:
        keys_ = [{"id": "k", "public": keys.encode(key_of(CONFLUENT).public), "state": "active"}]
        row = Partner(name=CONFLUENT, title="C", transport="https", keys=keys_, added_at=three.now)
        work.session.add(row)

    fumel = three[FUMEL]
    fumel.within(by_https)
    fumel.close(1)
    three.quiet()
    [offer] = fumel.call("relay_status", cycle=CYCLE)["offers"]
    assert offer["delivered_at"] == offer["sent_at"] is not None


# --- after a start ------------------------------------------------------------------------


def test_a_start_offers_nothing_at_an_organisers_word_before_most_partners_told(
    three: Partners,
) -> None:
    fumel = three[FUMEL]
    fumel.close(1)
    three.quiet()
    three[CONFLUENT].answer("refused")
    three.quiet()
    fumel.restart()
    again = {"cycle": CYCLE, "to_marathon": "saison-2"}
    assert refused(fumel, "offer_relay", **again) == "partners_unheard"
    assert fumel.relays() == [("saison-2", "refused"), ("saison-3", "offered")]
    three.quiet()
    fumel.call("offer_relay", **again)
    assert ("saison-2", "offered") in fumel.relays()


def test_a_start_grants_nothing_before_most_partners_told(three: Partners) -> None:
    fumel, confluent = three[FUMEL], three[CONFLUENT]
    fumel.close(1)
    three.quiet()
    confluent.answer()
    fumel.restart()
    three.collect()
    answer = next(parcel for parcel in three.on_the_way if parcel.kind == "baton.answer")
    three.on_the_way = []
    three.deliver(answer)
    fumel.tick()
    assert fumel.relays() == [("saison-2", "accepted")]
    assert len(fumel.grants()) == 1
    assert fumel.call("relay_status", cycle=CYCLE)["not_told_by"] == [CONFLUENT, VILLENEUVE]
    three.quiet()
    assert fumel.relays() == [("saison-2", "received")]


def test_who_opens_a_cycle_first_is_told_as_soon_as_the_others_open_it(tmp_path: Path) -> None:
    made = Partners(tmp_path, [FUMEL, CONFLUENT])
    try:
        made[FUMEL].open(made.file)
        made.move(timedelta(hours=5))
        made.quiet()  # the other knows no such cycle yet, and says nothing
        made[CONFLUENT].open(made.file)
        made.move(timedelta(seconds=3))
        made.quiet()
        for one in made:
            assert one.call("relay_status", cycle=CYCLE)["not_told_by"] == []
    finally:
        made.finish()


def test_a_restored_granter_learns_its_own_grant(three: Partners, tmp_path: Path) -> None:
    fumel = three[FUMEL]
    fumel.close(1)
    three.quiet()
    fumel.back_up(tmp_path / "old")
    three[CONFLUENT].answer()
    three.quiet()
    assert len(fumel.grants()) == 2
    fumel.restore(tmp_path / "old")
    assert len(fumel.grants()) == 1
    three.quiet()
    assert fumel.grants() == three[CONFLUENT].grants()
    assert fumel.relays() == [("saison-2", "received")]


def test_a_restored_holder_does_not_mobilise_again(three: Partners, tmp_path: Path) -> None:
    confluent = three[CONFLUENT]
    three.pass_on(1)
    confluent.back_up(tmp_path / "old")
    three.pass_on(2)
    confluent.restore(tmp_path / "old")
    assert confluent.holds(2) is False
    three.quiet()
    assert confluent.holds(2) is False
    assert confluent.grants()[-1] == (1, 3, "saison-3", True)


# --- the joint body -----------------------------------------------------------------------


def test_only_the_joint_body_reassigns_between_instances(three: Partners) -> None:
    request = {"cycle": CYCLE, "to_marathon": "saison-3", "reason": "Prête"}
    assert refused(three[CONFLUENT], "reassign_relay", **request) == "not_the_joint_body"


def test_the_joint_body_raises_the_term_and_everybody_obeys(three: Partners) -> None:
    three[FUMEL].close(1)
    three.quiet()
    request = {"cycle": CYCLE, "to_marathon": "saison-3", "reason": "Prête"}
    three[FUMEL].call("reassign_relay", **request)
    three.quiet()
    term = three[FUMEL].grants()[-1][0]
    assert term > 1
    assert [instance.grants()[-1] for instance in three] == [(term, 2, "saison-3", True)] * 3
    assert three[CONFLUENT].relays() == [("saison-2", "superseded")]
    assert three[VILLENEUVE].state(3) == "mobilised"


def test_a_grant_that_a_new_term_overtook_stops_at_its_granter(tmp_path: Path) -> None:
    four = scene(tmp_path, NAMES[:4], passed=1)
    confluent, villeneuve = four[CONFLUENT], four[VILLENEUVE]
    confluent.close(2)
    four.quiet()
    villeneuve.answer()
    four.collect()
    answer = next(one for one in four.on_the_way if one.kind == "baton.answer")
    four.deliver(answer)
    [grant] = [parcel for parcel in confluent.take_due() if parcel.kind == "baton.grant"]
    assert confluent.relays()[-1] == ("saison-3", "passed")
    four.on_the_way = []
    request = {"cycle": CYCLE, "to_marathon": "saison-4", "reason": "Villeneuve se tait"}
    four[FUMEL].call("reassign_relay", **request, even_unheard=True)
    four.quiet()
    assert confluent.relays()[-1] == ("saison-3", "superseded")
    # The grant is not sent again, and a receipt that comes now changes nothing.
    four.move(timedelta(hours=2))
    assert "baton.grant" not in [parcel.kind for parcel in confluent.take_due()]
    values = {"relay": None, "grant": grant.document["id"]}
    receipt = Hostile(four, VILLENEUVE).signed("baton.receipt", (1, 3), CONFLUENT, values)
    assert four[CONFLUENT].receive(receipt, VILLENEUVE).verdict == "accepted"
    assert confluent.relays()[-1] == ("saison-3", "superseded")
    assert "relay_received" not in confluent.types()[-3:]
    four.finish()


def test_the_joint_body_waits_to_be_told_unless_it_says_so(three: Partners) -> None:
    three[FUMEL].close(1)
    three.quiet()
    three[FUMEL].restart()
    request = {"cycle": CYCLE, "to_marathon": "saison-3", "reason": "Prête"}
    assert refused(three[FUMEL], "reassign_relay", **request) == "partners_unheard"
    three[FUMEL].call("reassign_relay", **request, even_unheard=True)
    three.quiet()
    assert three[VILLENEUVE].state(3) == "mobilised"


def test_the_joint_body_ends_a_leg_of_which_nothing_is_heard(three: Partners) -> None:
    request = {"marathon": "saison-3", "to": "cancelled"}
    assert refused(three[FUMEL], "move_marathon", **request) == "reason_missing"
    three[FUMEL].call("move_marathon", **request, reason="Sans nouvelles")
    three.quiet()
    assert [three[name].state(3) for name in (FUMEL, CONFLUENT)] == ["cancelled"] * 2
    assert three[VILLENEUVE].state(3) == "announced"  # its own word


# --- letters ------------------------------------------------------------------------------


def organiser(instance: Instance, leg: int) -> None:
    address = f"organiser-{leg}@example.org"
    instance.within(lambda work: roles.add_organiser(work, address, "Anne", f"{CYCLE}-{leg}"))


def test_organisers_are_told_reminded_and_answered(three: Partners) -> None:
    organiser(three[FUMEL], 1)
    organiser(three[CONFLUENT], 2)
    three[FUMEL].close(1)
    three.quiet()
    three.move(7 * DAY)
    three.quiet()
    three.move(6 * DAY)
    three.quiet()
    three[CONFLUENT].answer()
    three.quiet()
    assert letters(three[CONFLUENT]) == [
        ("organiser-2@example.org", subject)
        for subject in (
            "Le relais est proposé à « Marathon 2 – CC du Confluent et des Coteaux de Prayssas »",
            "Rappel : le relais attend la réponse de "
            "« Marathon 2 – CC du Confluent et des Coteaux de Prayssas »",
            "Rappel : le relais attend la réponse de "
            "« Marathon 2 – CC du Confluent et des Coteaux de Prayssas »",
            "Le relais est à « Marathon 2 – CC du Confluent et des Coteaux de Prayssas »",
        )
    ]
    assert [subject.split(" » ")[1] for _to, subject in letters(three[FUMEL])] == [
        "n’a pas encore répondu au relais",
        "accepte le relais",
    ]


def test_who_agreed_gets_the_next_hosts_link(three: Partners) -> None:
    fumel = three[FUMEL]

    def coach(work: Any, name: str, agreed: bool) -> None:
        who = {"email": f"{name}@example.org", "name": name}
        made = roles.grant(work, "coach", who, f"{CYCLE}-1")
        row = work.session.get(Role, made["id"])
        consent = Consent(person_key=row.person_key, kind="next_host", number=1, given=agreed)
        consent.at = work.now
        work.session.add(consent)

    actor = Actor(ORGANISER.key, ORGANISER.name, ORGANISER.roles)
    fumel.player.within(lambda work: coach(work, "agreed", True), actor)
    fumel.player.within(lambda work: coach(work, "declined", False), actor)
    three.pass_on(1)
    assert [to for to, _subject in letters(fumel)] == ["agreed@example.org"]
    with fumel.player.session() as session:
        text = session.scalars(select(mails.c.text)).one()
    assert "https://confluent.example.org/marathons/saison-2" in text


# --- what never leaves --------------------------------------------------------------------


def test_packages_name_no_person_and_no_secret_town(tmp_path: Path) -> None:
    """Everything that left an instance in a whole cycle, letter by letter."""
    made = Partners(tmp_path, list(NAMES[:3]))
    made.open()
    # The canary: a town that its organiser has set and not revealed.
    made[VILLENEUVE].call("set_host", marathon="saison-3", insee="47323")
    for leg, name in enumerate(NAMES[:3], 1):
        organiser(made[name], leg)
    for leg in (1, 2):
        made.operator(leg).mobilise(leg)
        made.quiet()
        made.pass_on(leg)
    text = json.dumps([parcel.document for parcel in made.sent], ensure_ascii=False)
    assert len(made.sent) > 30
    people = ("@", "example.org", "Anne", "Organisatrice", "person_key", "actor")
    for secret in ("47323", "Villeneuve-sur-Lot", *people):
        assert secret not in text, secret
    made.finish()
