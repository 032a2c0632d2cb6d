"""The voter's pages where something goes wrong, and the tablet that many use."""

from __future__ import annotations

import html
import re

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.chassis.errors import Refusal, Unavailable
from tests.gateway import samples
from tests.gateway.evening import LEG, Evening, hidden_in, main_of, pass_in, receipt_in, told
from tests.gateway.stage import StandIn


def test_a_link_that_is_pressed_again_votes_once(evening: Evening) -> None:
    link = evening.link_for("anne@example.org", "Poterie")
    query = {name: link[name] for name in ("poll", "token")}
    for method in ("GET", "HEAD", "GET"):
        page = evening.client.open("/vote/confirm", method=method, query_string=query)
        assert page.status_code == 200
    assert evening.poll(LEG)["voters"] == 0
    first = evening.client.post("/vote/confirm", data=link)
    # The answer was lost on its way: she presses again, and is not told that she was late.
    again = evening.client.post("/vote/confirm", data=link)
    assert receipt_in(first.text) != receipt_in(again.text)
    assert evening.poll(LEG)["voters"] == 1
    assert evening.counted() == {"Poterie": 1}


def test_who_changes_and_changes_back_is_counted_as_last_said(evening: Evening) -> None:
    link = evening.link_for("anne@example.org", "Poterie")
    given = pass_in(evening.client.post("/vote/confirm", data=link))
    for title in ("Jardin", "Poterie", "Jardin"):
        form = {"poll": link["poll"], "pass": given, "project": evening.titles[title]}
        assert evening.client.post("/vote/changer", data=form).status_code == 200
    assert evening.counted() == {"Jardin": 1}


def test_a_project_that_left_meanwhile_lets_one_choose_another(evening: Evening) -> None:
    link = evening.link_for("anne@example.org", "Laine")
    gone = evening.titles["Laine"]
    evening.call("registration", "disqualify_project", project=gone, reason="Inventé.")
    evening.settle()
    page = evening.client.get("/vote/confirm", query_string=link)
    assert "ne participe plus" in page.text
    refused = evening.client.post("/vote/confirm", data=link)
    assert refused.status_code == 409
    form = {"poll": link["poll"], "pass": pass_in(refused), "project": evening.titles["Jardin"]}
    receipt_in(evening.client.post("/vote/changer", data=form).text)
    assert evening.counted() == {"Jardin": 1}


def test_a_vote_that_is_not_confirmed_can_be_sent_again(
    client: FlaskClient, caller: StandIn
) -> None:
    caller.answers["voting.exchange_proof"] = {"pass": "pp"}
    caller.answers["voting.cast"] = caller.answers["voting.get_poll"] = Unavailable("voting")
    page = client.post("/vote/confirm", data={"poll": "poll1", "token": "t", "project": "p1"})
    assert page.status_code == 503
    assert page.headers["Retry-After"]
    assert "Votez de nouveau : un seul vote compte" in page.text
    assert 'name="pass" value="pp"' in page.text


def test_a_commune_that_is_on_no_list_keeps_what_was_typed(evening: Evening) -> None:
    typed = {"email": "anne@example.org", "commune": "Vilneuve sur Lot"}
    page = evening.client.post(f"/projets/{evening.titles['Laine']}/voter", data=typed)
    assert page.status_code == 422
    text = html.unescape(page.text)
    assert 'value="anne@example.org"' in text
    assert "Villeneuve-sur-Lot" in text
    assert evening.letters_to("anne@example.org") == []


def test_who_guesses_a_used_code_gets_no_pass(evening: Evening) -> None:
    form = evening.code_form("anne@example.org", "Poterie")
    receipt_in(evening.client.post("/vote/code", data=form).text)
    # Her answer was lost: the same page, once more.
    receipt_in(evening.client.post("/vote/code", data=form).text)
    guesses: list[dict[str, str]] = [{**form, "attempt": "another"}, {**form, "attempt": ""}]
    guesses += [{name: form[name] for name in form if name != "attempt"}]
    for guess in guesses:
        refused = evening.client.post("/vote/code", data=guess)
        assert refused.status_code == 422, refused.text
        assert 'name="pass"' not in refused.text
        # Who does not see the page hears at the field what is wrong with it.
        assert 'aria-describedby="refused" aria-invalid="true"' in refused.text
        assert 'role="alert" tabindex="-1" id="refused"' in refused.text


def test_a_paper_ballot_that_is_not_confirmed_can_be_cast_again(
    client: FlaskClient, caller: StandIn
) -> None:
    caller.answers["voting.cast"] = caller.answers["voting.get_poll"] = Unavailable("voting")
    form = {"code": "ABCD-EFGH-JKLM", "project": "p1", "attempt": "a", "order": "o"}
    for path in ("/votes/poll1/code", "/votes/poll1/borne"):
        page = client.post(path, data=form)
        assert page.status_code == 503
        assert page.headers["Retry-After"]
        assert "Votez de nouveau : un seul vote compte" in page.text
        assert f'action="{path}"' in page.text
        assert hidden_in(page) == form


def test_a_code_in_an_address_is_filled_in_and_not_used(evening: Evening) -> None:
    (code,) = evening.codes(1)
    path = f"/votes/{evening.poll_id}/code"
    for method in ("HEAD", "GET", "GET"):
        page = evening.client.open(path, method=method, query_string={"code": code})
        assert page.status_code == 200
    assert f'value="{code}"' in page.text
    assert evening.poll(LEG)["voters"] == 0


# --- what pages show ----------------------------------------------------------------------


def orders_in(page: TestResponse) -> list[str]:
    """The candidates as the page has them."""
    return re.findall(r'id="project-(\w+)"', page.text)


def test_candidates_stand_in_the_visitor_s_order_on_every_page(evening: Evening) -> None:
    link = evening.link_for("anne@example.org", "Poterie")
    confirmed = evening.client.post("/vote/confirm", data=link)
    changed = {"poll": link["poll"], "pass": pass_in(confirmed), "project": "gone"}
    refused = evening.client.post("/vote/changer", data=changed)
    path = f"/votes/{evening.poll_id}/code"
    at_home = orders_in(evening.client.get(path))
    assert len(at_home) == len(evening.titles)
    assert orders_in(confirmed) == orders_in(refused) == at_home
    others = [evening.client.get(path, headers={"User-Agent": f"B{n}"}) for n in range(12)]
    assert len({tuple(orders_in(each)) for each in others}) > 1


def test_a_change_that_is_refused_leaves_the_earlier_vote(evening: Evening) -> None:
    link = evening.link_for("anne@example.org", "Poterie")
    confirmed = main_of(evening.client.post("/vote/confirm", data=link))
    form = dict(re.findall(r'name="(poll|pass|again)" value="([^"]+)"', confirmed))
    form["project"] = evening.titles["Laine"]
    assert evening.counted() == {"Poterie": 1}
    late = evening.client.post("/vote/changer", data=form)
    assert told(late) == (409, ["Votre vote n’est pas modifié", "Le vote est clos."])
    assert "Votre vote précédent compte toujours." in main_of(late)
    # Who had none before is not told of one.
    first = {name: form[name] for name in ("poll", "pass", "project")}
    late = evening.client.post("/vote/changer", data=first)
    assert told(late) == (409, ["Votre vote n’est pas confirmé", "Le vote est clos."])
    assert "précédent" not in main_of(late)


def test_a_vote_that_is_not_confirmed_is_said_once(client: FlaskClient, caller: StandIn) -> None:
    caller.answers["voting.cast"] = Refusal("ballot_not_confirmed", "x", "y", 503)
    for poll in (samples.poll(), Unavailable("voting")):
        caller.answers["voting.get_poll"] = poll
        page = client.post("/vote/changer", data={"poll": "p", "pass": "pp", "project": "p1"})
        assert main_of(page).count("n’est pas confirmé") == 1
        assert main_of(page).count("Votez de nouveau") == 1


def test_the_page_of_the_mailed_code_says_when_it_is_too_late(evening: Evening) -> None:
    form = evening.code_form("anne@example.org", "Poterie")
    assert evening.counted() == {}
    late = evening.client.post("/vote/code", data=form)
    assert late.status_code == 409
    assert "Le vote est clos." in main_of(late)
    assert "<form" not in main_of(late) and "anne@example.org" not in main_of(late)


@pytest.mark.parametrize("path", ["/vote/code", "/vote/changer", "/vote/confirm"])
def test_who_reloads_an_answer_is_told_that_nothing_is_lost(
    client: FlaskClient, caller: StandIn, path: str
) -> None:
    caller.answers["registration.list_cycles"] = [{"id": samples.CYCLE}]
    caller.answers["registration.get_cycle"] = samples.cycle()
    caller.answers["voting.get_poll"] = samples.poll()
    for method in ("HEAD", "GET"):
        page = client.open(path, method=method)
        assert page.status_code == 200
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Referrer-Policy"] == "strict-origin"
    assert "Si vous avez vu votre reçu, votre vote est enregistré" in main_of(page)
    assert f'href="/marathons/{samples.CYCLE}-3"' in main_of(page)
    for away in ("registration.list_cycles", "voting.get_poll"):
        caller.answers[away] = Unavailable(away.partition(".")[0])
        assert client.get(path).status_code == 200


def test_a_project_that_left_is_said_before_one_asks(evening: Evening) -> None:
    gone = evening.titles["Laine"]
    evening.call("registration", "disqualify_project", project=gone, reason="Inventé.")
    evening.settle()
    typed = {"email": "anne@example.org", "commune": "Villeneuve-sur-Lot"}
    path = f"/projets/{gone}/voter"
    for page in (evening.client.get(path), evening.client.post(path, data=typed)):
        assert "au nombre des candidats" in main_of(page)
        assert "<form" not in main_of(page)
        links = set(re.findall(r'href="/projets/(\w+)/voter"', main_of(page)))
        assert links == set(evening.titles.values()) - {gone}
    assert evening.letters_to("anne@example.org") == []


def test_a_project_has_its_button_from_the_instant_of_the_opening(
    client: FlaskClient, caller: StandIn
) -> None:
    caller.answers["registration.get_project"] = samples.projects()[0]
    caller.answers["registration.get_marathon"] = samples.marathon(3)
    caller.answers["venues.list_allocations"] = []
    of_today = {"open": True, "candidates": samples.projects()}
    caller.answers["voting.get_poll"] = {**samples.poll("prepared"), **of_today}
    assert "/projets/p1/voter" in client.get("/projets/p1").text
