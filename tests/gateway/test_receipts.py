"""A receipt: saved as a file, checked after the count (RULES V5)."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.gateway.evening import LEG, Evening, hidden_in, receipt_in


def test_a_receipt_is_checked_after_the_count_alone(evening: Evening) -> None:
    link = evening.link_for("anne@example.org", "Poterie")
    receipt = receipt_in(evening.client.post("/vote/confirm", data=link).text)
    path = f"/votes/{evening.poll_id}/recu"
    early = evening.client.post(path, data={"receipt": receipt})
    assert early.status_code == 409
    assert evening.counted() == {"Poterie": 1}
    assert (
        "Oui : ce reçu a été compté."
        in evening.client.post(
            path, data={"receipt": f" {receipt[:16].upper()} {receipt[16:]} "}
        ).text
    )
    assert "Non : ce reçu" in evening.client.post(path, data={"receipt": "0" * 32}).text


def test_a_receipt_is_saved_as_a_file(evening: Evening) -> None:
    link = evening.link_for("anne@example.org", "Poterie")
    voted = evening.client.post("/vote/confirm", data=link)
    receipt, path = receipt_in(voted.text), f"/votes/{evening.poll_id}/recu.txt"
    assert f'action="{path}"' in voted.text
    assert hidden_in(voted) == {"receipt": receipt}
    file = evening.client.post(path, data={"receipt": receipt})
    assert (file.status_code, file.mimetype) == (200, "text/plain")
    named = f"attachment; filename=recu-{evening.poll_id}.txt"
    assert file.headers["Content-Disposition"] == named
    assert file.headers["Cache-Control"] == "no-store"
    lines = file.text.splitlines()
    assert receipt in lines and evening.poll(LEG)["title"] in lines
    public = evening.troupe.settings.public_url
    assert f"{public}/votes/{evening.poll_id}/recu" in file.text
    assert "Poterie" not in file.text
    # While voting is away too: it is shown only once.
    evening.away.add("voting")
    assert receipt in evening.client.post(path, data={"receipt": receipt}).text.splitlines()


@pytest.mark.parametrize("receipt", ["", "0" * 31, "0" * 33, "g" * 32, "0" * 31 + "\u0660", "<b>"])
def test_what_is_no_receipt_is_not_saved(client: FlaskClient, receipt: str) -> None:
    page = client.post("/votes/poll1/recu.txt", data={"receipt": receipt})
    assert page.status_code == 422
    assert "Content-Disposition" not in page.headers
    assert "Ceci n’est pas un reçu." in page.text


def test_a_receipt_of_no_poll_is_not_saved(evening: Evening) -> None:
    page = evening.client.post("/votes/nowhere/recu.txt", data={"receipt": "0" * 32})
    assert page.status_code == 404


def test_another_site_s_page_saves_no_receipt(client: FlaskClient) -> None:
    there = {"Origin": "https://elsewhere.example"}
    form = {"receipt": "0" * 32}
    assert client.post("/votes/poll1/recu.txt", data=form, headers=there).status_code == 403
