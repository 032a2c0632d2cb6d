"""The sheets of printed codes, as a PDF."""

from __future__ import annotations

import base64
import random
import re
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import pytest
import segno
from PIL import Image

from gateway.desk import code_sheets
from gateway.desk.code_sheets import Sheets, document, link_of, make, qr_image
from services.chassis import offload
from tests.gateway.crawl import Visitor, gateway_of
from tests.gateway.stage import bearer
from tests.gateway.test_non_interference import ALL
from tests.harness import Troupe
from tests.journeys.tour import LEGS, STARTS, Tour, cycle_file

LEG = LEGS[0]
CODES = [f"{random.Random(n).randrange(10**4):04}-ABCD-EF{n:02}" for n in range(23)]
SHEETS = Sheets(
    title="Marathon d’Aiguillon : le bœuf 🐮",
    place="Mairie",
    invitation="Votez !",
    address="https://vote.example.org/code",
    link="https://vote.example.org/votes/p/code",
    codes=CODES,
)


def texts_of(sheets: Sheets) -> str:
    """What is written in the PDF, without its compression."""
    pdf = document(sheets)
    pdf.set_compression(False)
    return bytes(pdf.output()).decode("latin-1")


def test_every_code_is_printed_once_ten_a_sheet() -> None:
    written = texts_of(SHEETS)
    assert len(re.findall(r"/Type /Page\b(?!s)", written)) == 3
    assert [written.count(f"({code})") for code in CODES] == [1] * len(CODES)
    # An image per code, none of them the same.
    assert len(re.findall(r"/Subtype /Image", written)) == len(CODES)


def test_what_a_reader_has_no_letters_for_is_written_otherwise() -> None:
    written = texts_of(SHEETS)
    assert "Marathon d'Aiguillon : le" in written
    assert "boeuf ?" in written


def test_a_qr_code_leads_to_the_page_with_the_code() -> None:
    link = link_of(SHEETS.link, CODES[0])
    assert link == f"https://vote.example.org/votes/p/code?code={CODES[0]}"
    image = Image.open(qr_image(link)).convert("1")
    matrix = segno.make(link, error="m", micro=False, mask=3).matrix
    side = len(matrix) + 8  # with its quiet zone
    scale = image.width // side
    assert (image.width, image.height) == (side * scale,) * 2
    dark = [
        [
            image.getpixel(((column + 4) * scale, (row + 4) * scale)) == 0
            for column in range(len(matrix))
        ]
        for row in range(len(matrix))
    ]
    assert dark == [[bool(cell) for cell in row] for row in matrix]


def test_a_child_process_makes_the_same() -> None:
    few = asdict(replace(SHEETS, codes=CODES[:3]))
    there = base64.b64decode(offload.run(f"{code_sheets.__name__}:make", few))
    here = base64.b64decode(make(few))
    made_at = re.compile(rb"/CreationDate \([^)]*\)|/ID \[[^]]*\]")
    assert made_at.sub(b"", there) == made_at.sub(b"", here)


@pytest.fixture
def tour(tmp_path: Path) -> Tour:
    """A prepared poll."""
    made = Tour(Troupe(tmp_path))
    made.call("registration", "open_cycle", file=cycle_file())
    made.until("mobilised", partial(made.is_in, LEG, "mobilised"))
    made.mobilise(LEG, STARTS[0])
    return made


def test_an_organiser_saves_the_sheets_and_nobody_else(tour: Tour) -> None:
    other = Visitor("other", "other-key", frozenset({("organiser", LEGS[1])}))
    client = gateway_of(tour.troupe, [ALL, other]).test_client()
    poll = tour.poll(LEG)["id"]
    path = f"/bureau/votes/{poll}/codes.pdf"
    made = client.post(
        "/faire/codes-papier",
        data={"poll": poll, "place": "Mairie", "count": "3"},
        headers=bearer(ALL.name),
    )
    (codes,) = re.findall(r'name="codes" value="([^"]+)"', made.text)
    assert len(codes.split()) == 3
    typed = {"codes": codes, "place": "Mairie"}
    saved = client.post(path, data=typed, headers=bearer(ALL.name))
    assert (saved.status_code, saved.mimetype) == (200, "application/pdf")
    assert saved.data.startswith(b"%PDF-")
    assert saved.headers["Cache-Control"] == "no-store"
    assert client.post(path, data=typed, headers=bearer(other.name)).status_code == 403
    assert client.post(path, data=typed, headers={"Origin": "http://localhost"}).status_code == 401
    for wrong in ("", "<script>", codes + " x", f"{codes} " * 700):
        bad = {"codes": wrong, "place": "Mairie"}
        assert client.post(path, data=bad, headers=bearer(ALL.name)).status_code == 400


def test_the_short_address_leads_to_the_open_vote(tour: Tour) -> None:
    client = gateway_of(tour.troupe, []).test_client()
    before = client.get("/code")
    assert before.status_code == 200
    assert "Aucun vote du public n’est ouvert" in before.text
    tour.at(STARTS[0])
    tour.until("the poll is open", lambda: tour.poll(LEG)["open"])
    poll = tour.poll(LEG)["id"]
    assert client.get("/code").headers["Location"] == f"/votes/{poll}/code"
