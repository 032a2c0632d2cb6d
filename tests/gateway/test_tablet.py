"""The tablet that one voter after another uses: nothing stays, and it never needs a hand."""

from __future__ import annotations

import re

from gateway.site.vote.receipts import picture_of
from tests.gateway.evening import Evening, hidden_in, main_of, receipt_in


def test_the_tablet_forgets_a_voter_who_was_refused_and_walked_away(evening: Evening) -> None:
    path = f"/votes/{evening.poll_id}/borne"
    form = {"code": "AAAA-AAAA-AAAA", "project": evening.titles["Poterie"]}
    refused = evening.client.post(path, data=form)
    assert refused.status_code >= 400
    assert refused.headers["Refresh"] == f"60; url={path}"
    at_home = evening.client.post(f"/votes/{evening.poll_id}/code", data=form)
    assert "Refresh" not in at_home.headers


def test_the_tablet_keeps_nothing_of_a_voter(evening: Evening) -> None:
    codes = evening.codes(2)
    path = f"/votes/{evening.poll_id}/borne"
    form = evening.paper(codes[0], "Poterie", "borne")
    voted = evening.client.post(path, data=form)
    assert voted.headers["Refresh"] == f"20; url={path}"
    assert "disparaît d’elle-même au bout de 20 secondes." in main_of(voted)
    assert voted.headers["Cache-Control"] == "no-store"
    assert voted.headers.getlist("Set-Cookie") == []
    receipt = receipt_in(voted.text)
    assert receipt_in(evening.client.post(path, data=form).text) == receipt
    fresh = evening.client.get(path)
    assert codes[0] not in fresh.text and " checked" not in fresh.text
    assert fresh.headers["Refresh"] == f"180; url={path}"
    assert "se vide d’elle-même au bout de 3 minutes." in main_of(fresh)
    assert hidden_in(fresh)["attempt"] != form["attempt"]
    # Not the same project first for everybody who votes here.
    pages = [evening.client.get(path).text for _ in range(20)]
    orders = {tuple(re.findall(r'id="project-(\w+)"', page)) for page in pages}
    assert len(orders) > 1


def test_the_tablet_comes_back_by_itself(evening: Evening) -> None:
    path = f"/votes/{evening.poll_id}/borne"
    evening.away.add("voting")
    gone = evening.client.get(path)
    assert (gone.status_code, gone.headers["Refresh"]) == (503, f"10; url={path}")
    assert "momentanément injoignable" in main_of(gone)
    evening.away.clear()
    assert "<form" in main_of(evening.client.get(path))


def test_the_tablet_leads_nowhere_else(evening: Evening) -> None:
    path = f"/votes/{evening.poll_id}/borne"
    (code,) = evening.codes(1)
    form = evening.paper(code, "Poterie", "borne")
    fresh = evening.client.get(path)
    refused = evening.client.post(path, data={**form, "code": "AAAA-AAAA-AAAA"})
    voted = evening.client.post(path, data=form)
    evening.away.add("voting")
    lost = evening.client.post(path, data=form)
    away = evening.client.get(path)
    assert [each.status_code for each in (refused, lost, away)] == [404, 503, 503]
    for page in (fresh, refused, voted, lost, away):
        led = re.findall(r'(?:href|action)="([^"]*)"', page.text.partition("<body")[2])
        assert set(led) <= {"#main", path}
        assert "Licence Ouverte 2.0" in page.text and "Accessibilité" in page.text


def test_a_phone_takes_the_receipt_along(evening: Evening) -> None:
    (code,) = evening.codes(1)
    path = f"/votes/{evening.poll_id}/borne"
    voted = evening.client.post(path, data=evening.paper(code, "Poterie", "borne"))
    check = f"{evening.troupe.settings.public_url}/votes/{evening.poll_id}/recu"
    assert 'role="img" aria-label="Code QR' in voted.text
    assert picture_of(f"{check}#{receipt_in(voted.text)}") in voted.text
    # A tablet saves nothing.
    assert "recu.txt" not in voted.text
