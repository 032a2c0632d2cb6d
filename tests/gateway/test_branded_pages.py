"""An instance's own name, picture and colour on every page, and nothing of another's."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from gateway import branding
from tests.gateway.stage import StandIn, bearer, person, stand_in_app
from tests.gateway.test_branding import FILE, LOGO
from tests.gateway.test_pages import PAGES, season

DESK = "/bureau/marathons/m1"


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    """A stranger at Fumel's site."""
    (tmp_path / "instance.yaml").write_text(FILE)
    (tmp_path / "logo.svg").write_bytes(LOGO)
    caller = StandIn()
    season(caller)
    demo = {"demo": True, "smtp_url": f"folder:{tmp_path}/mails"}
    app = stand_in_app(tmp_path, caller, instance_file=tmp_path / "instance.yaml", **demo)
    return app.test_client()


@pytest.mark.parametrize("path", PAGES)
def test_every_page_has_the_instances_name_picture_and_colour(
    client: FlaskClient, path: str
) -> None:
    text = client.get(path).text
    assert " · Le marathon de Fumel</title>" in text
    # The cycle bears the programme’s name, whoever shows it.
    assert "Mon Incroyable Territoire" not in text.replace("Mon Incroyable Territoire 2023", "")
    assert '<meta name="theme-color" content="#5a1038">' in text
    head, top = text.split("</head>")[0], text.split("</header>")[0].split("<header")[1]
    assert head.index("/style.css") < head.index("/brand.css")
    assert "/logo.svg" in head
    assert "/logo.svg" in top
    assert "Le marathon de Fumel" in top
    bottom = text.split("<footer")[1]
    assert "CC Fumel Vallée du Lot" in bottom
    assert 'href="mailto:contact@example.org"' in bottom


def test_the_picture_and_the_colour_are_there(client: FlaskClient) -> None:
    text = client.get("/connexion").text
    for name, content in (("logo.svg", LOGO), ("brand.css", b":root { --river: #5a1038; }\n")):
        address = next(part for part in text.split('"') if part.endswith(f"/{name}"))
        assert client.get(address).data == content


def test_a_page_without_a_file_is_the_programmes_own(tmp_path: Path) -> None:
    text = stand_in_app(tmp_path, StandIn()).test_client().get("/connexion").text
    assert " · Mon Incroyable Territoire</title>" in text
    assert "brand.css" not in text
    assert "/mark.svg" in text
    assert "mailto:" not in text


def test_a_name_is_text(tmp_path: Path) -> None:
    (tmp_path / "instance.yaml").write_text("site: {title: 'A <b>& B'}")
    app = stand_in_app(tmp_path, StandIn(), instance_file=tmp_path / "instance.yaml")
    text = app.test_client().get("/connexion").text
    assert "A &lt;b&gt;&amp; B</title>" in text
    assert "<b>" not in text


@pytest.mark.parametrize("accent", ["#123c47", "#5a1038", "#1f3d2b", "#2b2f6b"])
def test_usual_colours_can_be_had(accent: str) -> None:
    branding.check_accent(accent)


@pytest.mark.parametrize("accent", ["#ffffff", "#f2a541", "#3a7d8c", "#335e6b"])
def test_a_ground_on_which_a_text_can_not_be_read_is_refused(accent: str) -> None:
    with pytest.raises(ValueError, match="too light"):
        branding.check_accent(accent)


def test_the_river_counts_as_ground() -> None:
    """On the colour itself all can be read; on the river that runs over it not."""
    accent = "#2c5560"
    assert min(branding.contrast(text, accent) for text in branding.ON_ACCENT) >= 4.5
    with pytest.raises(ValueError, match="#"):
        branding.check_accent(accent)


def test_the_desk_has_them_too(tmp_path: Path) -> None:
    (tmp_path / "instance.yaml").write_text(FILE)
    (tmp_path / "logo.svg").write_bytes(LOGO)
    caller = StandIn()
    caller.people["odile"] = person(("organiser", "m1"))
    app = stand_in_app(tmp_path, caller, instance_file=tmp_path / "instance.yaml")
    caller.answers["registration.list_roles"] = []
    caller.answers["registration.get_marathon"] = {"id": "m1", "title": "M", "state": "announced"}
    text = app.test_client().get(f"{DESK}/personnes", headers=bearer("odile")).text
    assert "Le marathon de Fumel</title>" in text
    assert "/logo.svg" in text
