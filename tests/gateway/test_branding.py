"""Whose site it is: the file of the instance, and what it may not do to the pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import branding
from services.chassis.config import Settings, SettingsError

LOGO = b'<svg xmlns="http://www.w3.org/2000/svg"><circle r="4"/></svg>'
FILE = """
name: fumel
title: CC Fumel Vallée du Lot
epci: "200068930"
contact: contact@example.org
legs: [1]
site: {title: Le marathon de Fumel, logo: logo.svg, accent: "#5A1038"}
"""


def loaded(tmp_path: Path, text: str, logo: bytes = LOGO) -> branding.Branding:
    (tmp_path / "instance.yaml").write_text(text)
    (tmp_path / "logo.svg").write_bytes(logo)
    return branding.load(Settings(instance_file=tmp_path / "instance.yaml"))


def test_without_a_file_it_is_the_programmes_own() -> None:
    found = branding.load(Settings())
    assert found == branding.Branding()
    assert (found.title, found.css, found.logo, found.files) == (branding.TITLE, None, None, {})
    branding.check_accent(found.accent)


def test_a_file_gives_name_logo_and_accent(tmp_path: Path) -> None:
    found = loaded(tmp_path, FILE)
    assert (found.title, found.operator) == ("Le marathon de Fumel", "CC Fumel Vallée du Lot")
    assert (found.epci, found.contact) == ("200068930", "contact@example.org")
    assert (found.logo, found.css) == ("logo.svg", "brand.css")
    assert found.files == {"logo.svg": LOGO, "brand.css": b":root { --river: #5a1038; }\n"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("#5A1038", "#f2a541"), "too light"),
        (("#5A1038", "red; } body { display: none"), "no colour"),
        (("logo: logo.svg", "logo: logo.exe"), "no logo"),
        (("logo: logo.svg", "logo: ../../etc/passwd"), "no logo"),
        (("logo: logo.svg", "lgo: logo.svg"), "Unknown field"),
        (("contact@example.org", "nobody"), "Not a valid email"),
    ],
)
def test_what_can_not_be_used_stops_the_start(
    tmp_path: Path, change: tuple[str, str], reason: str
) -> None:
    with pytest.raises(SettingsError, match=r"MARATHON_INSTANCE_FILE .*instance\.yaml") as caught:
        loaded(tmp_path, FILE.replace(*change))
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "active", [b"<svg><script>1</script></svg>", b'<svg onload="x()"/>', b"<svg>" + b" " * 200_000]
)
def test_a_logo_is_a_small_picture_and_nothing_else(tmp_path: Path, active: bytes) -> None:
    with pytest.raises(SettingsError, match=r"programme|bytes"):
        loaded(tmp_path, FILE, active)


def test_contrast_is_that_of_wcag() -> None:
    assert branding.contrast("#ffffff", "#000000") == pytest.approx(21.0)
    assert branding.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
