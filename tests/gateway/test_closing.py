"""The closing at the desk: nothing happens before the town's name, and then once."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from gateway.desk.closing_plan import next_of
from services.chassis.tables import copies
from services.registration.tables import Host
from tests.gateway.crawl import Visitor, gateway_of
from tests.gateway.endings import copied
from tests.gateway.stage import TroupeCaller, bearer, parts_of
from tests.journeys.tour import LEGS, Tour

LEG = LEGS[0]
PATH = f"/bureau/marathons/{LEG}/cloture"
TOWN = "Monsempron-Libos"
FIELD = re.compile(r'name="(seen|form_key)" value="(\w+)"')
ODILE = Visitor("odile", "odile-key", frozenset({("organiser", LEG)}))
OSCAR = Visitor("oscar", "oscar-key", frozenset({("organiser", LEG)}))


class Desk:
    """An organiser with the page open."""

    def __init__(self, tour: Tour, who: Visitor = ODILE, path: str = PATH) -> None:
        self.app = gateway_of(tour.troupe, [who])
        self.headers = bearer(who.name)
        self.path = path
        self.look()

    def look(self) -> str:
        """Opens the page (again)."""
        answer = self.app.test_client().get(self.path, headers=self.headers)
        assert answer.status_code == 200
        self.text = _plain(answer)
        return self.text

    def close(self, name: str = TOWN, **more: str) -> TestResponse:
        """Sends the form as it stands, with this name typed."""
        data = {**dict(FIELD.findall(self.text)), "name": name, **more}
        return self.app.test_client().post(self.path, data=data, headers=self.headers)


def _plain(answer: TestResponse) -> str:
    return html.unescape(answer.text).replace("\u00a0", " ").replace("\u202f", " ")


@pytest.fixture
def ended(ended_once: Path, tmp_path: Path) -> Tour:
    """A marathon whose 36 hours are over."""
    return copied(ended_once, tmp_path, 2)


@pytest.fixture
def tour(awarded_once: Path, tmp_path: Path) -> Tour:
    """A marathon whose awards are published."""
    return copied(awarded_once, tmp_path, 2)


def moves(tour: Tour) -> list[tuple[str, str]]:
    """To which states the marathon moved, and at whose word."""
    log = tour.ask("registration", "list_moves", marathon=LEG)
    return [(line["to"], line["actor"]) for line in log]


# --- before -------------------------------------------------------------------------------


def test_the_page_says_what_the_closing_does(tour: Tour) -> None:
    text = Desk(tour).text
    assert "Il ne manque rien." in text
    assert "1 local est rendu à son propriétaire." in text
    assert "Restent réservés au lauréat d’un prix : Ancienne poste." in text
    assert "Les clés de 2 équipes ne sont pas rendues :" in text
    assert "détruit dès la clôture, définitivement : personne ne peut le rétablir" in text
    assert "Le jury est scellé avec l’édition 1 du palmarès" in text
    second = tour.ask("registration", "get_marathon", marathon=LEGS[1])
    assert f"Le relais est proposé à l’étape suivante : {second['title']}" in re.sub(
        r"<[^>]+>", "", text
    )


def test_a_wrong_name_changes_nothing_and_loses_nothing(tour: Tour) -> None:
    desk = Desk(tour)
    before = moves(tour)
    answer = desk.close("Monflanquin", reason="Un motif long à taper.")
    assert answer.status_code == 422
    text = _plain(answer)
    assert "Le nom ne correspond pas : rien n’a été clôturé." in text
    assert 'value="Monflanquin"' in text
    assert 'aria-invalid="true"' in text
    assert moves(tour) == before
    # What stands in the form again is enough for the next try.
    desk.text = text
    assert desk.close().status_code == 303
    assert tour.is_in(LEG, "closed")


@pytest.mark.parametrize("typed", ["", "   ", "Libos"])
def test_no_name_does_not_close(tour: Tour, typed: str) -> None:
    assert Desk(tour).close(typed).status_code == 422
    assert tour.is_in(LEG, "deliberated")


def test_the_name_may_be_typed_as_people_type(tour: Tour) -> None:
    assert Desk(tour).close(" monsempron libos").status_code == 303
    assert tour.is_in(LEG, "closed")


def test_what_is_missing_needs_a_word_and_is_kept_in_the_log(tour: Tour) -> None:
    _forget_the_count(tour)
    desk = Desk(tour)
    assert "Le vote du public n’est pas dépouillé." in desk.text
    refused = desk.close()
    assert refused.status_code == 409
    assert 'value="Monsempron-Libos"' in _plain(refused)
    unsaid = desk.close(override="true", reason=" ")
    assert unsaid.status_code == 422
    assert "Un motif écrit est nécessaire." in _plain(unsaid)
    assert " checked" in _plain(unsaid)
    assert desk.close(override="true", reason="Le registre a brûlé.").status_code == 303
    line = tour.ask("registration", "list_moves", marathon=LEG)[-1]
    assert (line["to"], line["reason"]) == ("closed", "Le registre a brûlé.")
    assert [item["code"] for item in line["overridden"]] == ["poll_not_counted"]
    assert "Le registre a brûlé." in desk.look()


def test_before_the_awards_there_is_nothing_to_press(ended: Tour) -> None:
    tour, desk = ended, Desk(ended)
    assert "Il est trop tôt pour clôturer" in desk.text
    assert "Le palmarès n’est pas publié." in desk.text
    assert "<form" not in desk.text.split("<main")[1].split("</main>")[0]
    assert desk.close().status_code == 409
    assert tour.is_in(LEG, "ended")


def test_a_service_that_is_away_leaves_a_gap_and_no_false_word(tour: Tour) -> None:
    desk = Desk(tour)
    caller = parts_of(desk.app).caller
    assert isinstance(caller, TroupeCaller)
    caller.away |= {"venues", "voting", "jury"}
    text = desk.look()
    assert text.count("Ceci ne peut pas être consulté pour le moment.") == 3
    assert "Il n’y a pas eu de vote" not in text
    assert "rien à libérer" not in text
    # The closing is registration's alone; the others follow when they are back.
    assert desk.close().status_code == 303


# --- twice, together, and back ------------------------------------------------------------


def test_a_double_press_closes_once(tour: Tour) -> None:
    desk = Desk(tour)
    before = moves(tour)
    first, second = desk.close(), desk.close()
    assert [first.status_code, second.status_code] == [303, 303]
    assert first.location == second.location == f"{PATH}#done"
    assert moves(tour) == [*before, ("closed", "odile")]


def test_of_two_organisers_the_second_sees_that_it_is_closed(tour: Tour) -> None:
    one, other = Desk(tour), Desk(tour, OSCAR)
    before = moves(tour)
    assert one.close().status_code == 303
    assert other.close().status_code == 303
    assert moves(tour) == [*before, ("closed", "odile")]
    assert "Ce marathon est clos." in other.look()
    assert ", par odile" in other.text


def test_two_at_the_same_moment_close_once(tour: Tour) -> None:
    """The other closes between this one's look and this one's word."""
    one, other = Desk(tour), Desk(tour, OSCAR)
    caller = parts_of(other.app).caller
    exchange = caller.exchange

    def late(service: str, door: str, request: object = None, **how: object) -> object:
        if door == "move_marathon":
            assert one.close().status_code == 303
        return exchange(service, door, request, **how)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(caller, "exchange", late)
        assert other.close().status_code == 303
    assert [line for line in moves(tour) if line[0] == "closed"] == [("closed", "odile")]


def test_what_changed_since_it_was_read_is_read_again(tour: Tour) -> None:
    desk = Desk(tour)
    tour.call("registration", "change_marathon", marathon=LEG, settings={"hold_days": 3})
    answer = desk.close()
    assert answer.status_code == 412
    text = _plain(answer)
    assert "Quelqu’un d’autre a modifié ceci entre-temps" in text
    assert "il reste 3 jours pour examiner une réclamation" in text
    assert tour.is_in(LEG, "deliberated")
    desk.text = text
    assert desk.close().status_code == 303


def test_the_way_back_shows_what_is_and_not_the_form(tour: Tour) -> None:
    desk = Desk(tour)
    desk.close()
    answer = desk.app.test_client().get(PATH, headers=desk.headers)
    assert answer.headers["Cache-Control"] == "no-store"
    assert 'name="name"' not in answer.text


# --- after --------------------------------------------------------------------------------


def test_afterwards_the_page_shows_how_far_it_has_come(tour: Tour) -> None:
    desk = Desk(tour)
    desk.close()
    tour.settle()
    text = desk.look()
    assert "1 local est libéré." in text
    assert "Restent réservés au lauréat d’un prix : Ancienne poste." in text
    assert "Le jury est scellé avec l’édition 1 du palmarès." in text
    assert "Relais proposé" in text
    assert "réponse attendue avant le" in text
    tour.call("registration", "answer_relay", relay=tour.offers()[0], answer="accepted")
    tour.settle()
    assert "Relais reçu" in desk.look()


def test_it_is_its_own_organisers_page(tour: Tour) -> None:
    other = Visitor("other", "other-key", frozenset({("organiser", LEGS[1])}))
    app = gateway_of(tour.troupe, [other])
    assert app.test_client().get(PATH, headers=bearer("other")).status_code == 403
    data = {"name": TOWN}
    answer = app.test_client().post(PATH, data=data, headers=bearer("other"))
    assert answer.status_code == 403
    assert tour.is_in(LEG, "deliberated")


def test_without_a_host_town_the_title_is_typed(tour: Tour) -> None:
    with tour.troupe.players["registration"].session() as session:
        host = session.get(Host, LEG)
        assert host is not None
        session.delete(host)
    desk = Desk(tour)
    title = tour.ask("registration", "get_marathon", marathon=LEG)["title"]
    assert f"tapez le titre du marathon : {title}" in desk.text
    assert desk.close(TOWN).status_code == 422
    assert desk.close(title.upper()).status_code == 303


# --- where the relay goes -----------------------------------------------------------------


def _leg(number: int, state: str, finale: bool = False) -> dict[str, object]:
    return {"id": f"m{number}", "leg": number, "state": state, "finale": finale}


@pytest.mark.parametrize(
    ("legs", "here", "kind", "to"),
    [
        (["deliberated", "announced", "announced"], 1, "offer", "m2"),
        (["deliberated", "cancelled", "announced"], 1, "offer", "m3"),
        # What comes before is never next, and nothing that is announced would help.
        (["announced", "deliberated"], 2, "left", "m1"),
        (["mobilised", "deliberated", "cancelled"], 2, "left", "m1"),
        (["closed", "deliberated", "cancelled"], 2, "finish", None),
        (["closed", "cancelled", "deliberated"], 3, "finish", None),
        (["announced", "closed", "deliberated"], 3, "left", "m1"),
        (["deliberated"], 1, "finish", None),
    ],
)
def test_where_the_relay_goes(legs: list[str], here: int, kind: str, to: str | None) -> None:
    marathons = [
        _leg(number, state, finale=number == len(legs)) for number, state in enumerate(legs, 1)
    ]
    found = next_of({"marathon": marathons[here - 1], "holds_baton": True}, marathons)
    assert (found.kind, found.marathon and found.marathon["id"]) == (kind, to)


@pytest.mark.parametrize("known", [[1], [1, 3]])
def test_the_relay_waits_for_what_may_still_be_announced(known: list[int]) -> None:
    legs = {1: _leg(1, "deliberated"), 3: _leg(3, "cancelled", finale=True)}
    marathons = [legs[number] for number in known]
    assert next_of({"marathon": legs[1], "holds_baton": True}, marathons).kind == "wait"


def test_who_has_no_baton_passes_none_on() -> None:
    marathons = [_leg(1, "deliberated"), _leg(2, "announced")]
    found = next_of({"marathon": marathons[0], "holds_baton": False}, marathons)
    assert found.kind == "elsewhere"


def _forget_the_count(tour: Tour) -> None:
    """As if the letter that tells of the count were still on its way."""
    with tour.troupe.players["registration"].session() as session:
        row = session.execute(copies.select().where(copies.c.kind == "poll")).one()
        state = {**row.state, "state": "closed"}
        session.execute(copies.update().where(copies.c.kind == "poll").values(state=state))
