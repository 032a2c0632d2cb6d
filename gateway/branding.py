"""How a site looks and whose it is: ``MARATHON_INSTANCE_FILE``, read once at start.

The file is the one that ``marathon instance init`` writes. Of it the gateway reads what is for
everybody to see; without a file the site is the programme's own. What is wrong stops the start.

Templates have it as ``branding`` (a :class:`Branding`): ``branding.title`` is the site's name,
``branding.operator`` whose instance it is (may be empty), ``branding.logo`` the name of a picture
for ``asset(…)`` (None: the programme's mark), ``branding.css`` the name of a style sheet for
``asset(…)`` that sets the accent (None: nothing to set), ``branding.accent`` the colour itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from services.chassis.config import Settings, SettingsError

TITLE = "Mon Incroyable Territoire"
ACCENT = "#123c47"
# What stands on the accent, the darkest last (style.css: --water on --river).
ON_ACCENT = ("#ffffff", "#e7f0ef", "#ffdca8", "#8fd0c9")
# What stands on a page's head, through which the river runs (meander.svg: where its two strokes
# lie on one another, of WATER at .1 and .2).
ON_RIVER = ("#ffffff", "#e7f0ef", "#ffdca8")
WATER, RIVER_SHARE = "#8fd0c9", 1 - 0.9 * 0.8
LEAST_CONTRAST = 4.5
LOGO_KINDS = (".svg", ".png", ".webp")
LOGO_MOST = 200_000
# Pages load nothing but pictures from it, and the policy of the answer forbids the rest; a logo
# that comes with a programme is nevertheless none.
ACTIVE = re.compile(rb"<script|<foreignObject|<!ENTITY|\son\w+\s*=|javascript:", re.IGNORECASE)


@dataclass(frozen=True)
class Branding:
    """What distinguishes this instance's site from its partners'."""

    title: str = TITLE
    operator: str = ""
    epci: str = ""
    """SIREN of the intercommunality, empty for a joint body."""

    contact: str = ""
    accent: str = ACCENT
    logo_file: Path | None = None

    @property
    def logo(self) -> str | None:
        """The name under which the logo is an asset; None where there is none."""
        return f"logo{self.logo_file.suffix.lower()}" if self.logo_file else None

    @property
    def css(self) -> str | None:
        """The name of the style sheet that sets the accent; None where it is the usual one."""
        return None if self.accent == ACCENT else "brand.css"

    @property
    def files(self) -> dict[str, bytes]:
        """What an instance adds to the assets, by name."""
        found: dict[str, bytes] = {}
        if self.logo_file and self.logo:
            found[self.logo] = self.logo_file.read_bytes()
        if self.css:
            found[self.css] = f":root {{ --river: {self.accent}; }}\n".encode()
        return found


def load(settings: Settings) -> Branding:
    """The instance's branding. Raises ``SettingsError`` with the file and what is wrong in it."""
    path = settings.instance_file
    if path is None:
        return Branding()
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        values: dict[str, Any] = _Facts().load(found or {})
        return _made(values, path.parent)
    except ValidationError as error:
        raise _wrong(path, str(error.normalized_messages())) from error  # type: ignore[no-untyped-call]
    except (OSError, UnicodeError, yaml.YAMLError, ValueError) as error:
        raise _wrong(path, str(error)) from error


def check_accent(colour: str) -> None:
    """Raises ``ValueError`` for a ground on which the site's texts could not be read."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        raise ValueError(f"{colour!r} is no colour: write it as #rrggbb")
    river = _mixed(colour, WATER, RIVER_SHARE)
    pairs = [(text, colour) for text in ON_ACCENT] + [(text, river) for text in ON_RIVER]
    worst, found = min(
        ((text, contrast(text, ground)) for text, ground in pairs), key=lambda pair: pair[1]
    )
    if found < LEAST_CONTRAST:
        raise ValueError(
            f"{colour} is too light: text of the colour {worst} on it has a contrast of "
            f"{found:.1f} to 1, and {LEAST_CONTRAST} is needed. Take a darker one"
        )


def check_logo(path: Path) -> None:
    """Raises ``ValueError`` for what can't be a logo, ``OSError`` for what can't be read."""
    if path.suffix.lower() not in LOGO_KINDS:
        raise ValueError(f"{path.name} is no logo: {', '.join(LOGO_KINDS)} can be")
    content = path.read_bytes()
    if len(content) > LOGO_MOST:
        raise ValueError(f"{path.name} has {len(content)} bytes: at most {LOGO_MOST} are taken")
    if path.suffix.lower() == ".svg" and ACTIVE.search(content):
        raise ValueError(f"{path.name} holds a programme: save it as a plain picture")


def contrast(one: str, other: str) -> float:
    """The contrast of two colours (#rrggbb), from 1 to 21: WCAG 2.1, "contrast ratio"."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _mixed(one: str, other: str, share: float) -> str:
    """A colour under another that covers it by a share."""
    mixed = (a + (b - a) * share for a, b in zip(_parts(one), _parts(other), strict=True))
    return "#" + "".join(f"{round(part):02x}" for part in mixed)


def _parts(colour: str) -> list[int]:
    return [int(colour[start : start + 2], 16) for start in (1, 3, 5)]


def _luminance(colour: str) -> float:
    """WCAG 2.1, "relative luminance"."""
    parts = (part / 255 for part in _parts(colour))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _made(values: dict[str, Any], folder: Path) -> Branding:
    site = values.get("site", {})
    accent = site.get("accent", ACCENT)
    check_accent(accent)
    logo = folder / Path(site["logo"]).name if site.get("logo") else None
    if logo:
        check_logo(logo)
    return Branding(
        title=site.get("title", TITLE),
        operator=values.get("title", ""),
        epci=values.get("epci") or "",
        contact=values.get("contact", ""),
        accent=accent.lower(),
        logo_file=logo,
    )


def _wrong(path: Path, reason: str) -> SettingsError:
    return SettingsError(f"MARATHON_INSTANCE_FILE {path} can't be used: {reason}")


class _Site(Schema):
    title = fields.String(validate=validate.Length(1, 80))
    logo = fields.String(validate=validate.Length(1, 100))
    accent = fields.String()


class _Facts(Schema):
    """The part of the file that the site shows; the rest is the operator's."""

    class Meta:
        unknown = EXCLUDE

    title = fields.String(validate=validate.Length(1, 200))
    epci = fields.String(allow_none=True)
    contact = fields.Email()
    site = fields.Nested(_Site)
