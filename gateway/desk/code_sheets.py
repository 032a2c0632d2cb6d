"""Printed codes as a PDF: ten a sheet to cut out, each with a QR code that fills the page in.

Made in a child process (``services.chassis.offload``): two thousand take some seconds.
"""

from __future__ import annotations

import base64
import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote

import segno
from fpdf import FPDF

COLUMNS, ROWS = 2, 5
WIDTH, HEIGHT = 105.0, 59.4
"""Of one slip, in mm: an A4 sheet without a rest, so that a guillotine cuts it straight."""

INSET = 6.0
QR_MM = 36.0


@dataclass(frozen=True)
class Sheets:
    """What is printed; the texts are in the language of who prints."""

    title: str
    place: str
    invitation: str
    address: str
    """A short one, to be typed by hand."""

    link: str
    """Of the page that takes a code, without one: for the QR code."""

    codes: Sequence[str]


def make(payload: dict[str, Any]) -> str:
    """The PDF of :class:`Sheets` given as JSON-able values; base64, for it travels as JSON."""
    return base64.b64encode(bytes(document(Sheets(**payload)).output())).decode()


def document(sheets: Sheets) -> FPDF:
    """The document, ready to be written."""
    pdf = FPDF(unit="mm", format="A4")
    pdf.set_auto_page_break(False)
    pdf.set_margin(0)
    pdf.set_title(_printable(f"{sheets.title} - {sheets.place}"))
    for number, code in enumerate(sheets.codes):
        at = number % (COLUMNS * ROWS)
        if at == 0:
            pdf.add_page()
            _cut_lines(pdf)
        _slip(pdf, sheets, code, at % COLUMNS * WIDTH, at // COLUMNS * HEIGHT)
    return pdf


def link_of(page: str, code: str) -> str:
    """What a QR code leads to: the page with the code filled in, and not used yet."""
    return f"{page}?code={quote(code)}"


def qr_image(text: str) -> io.BytesIO:
    """A QR code as PNG, with the quiet zone that readers need.

    Always under the same mask: trying all eight for the most even picture takes six times as
    long, and readers need none of it.
    """
    image = io.BytesIO()
    segno.make(text, error="m", micro=False, mask=3).save(image, kind="png", scale=4, border=4)
    image.seek(0)
    return image


def _slip(pdf: FPDF, sheets: Sheets, code: str, left: float, top: float) -> None:
    room = WIDTH - QR_MM - 2 * INSET
    pdf.image(qr_image(link_of(sheets.link, code)), left + WIDTH - QR_MM - 3, top + 8, QR_MM)
    for text, style, size, lines, height in (
        (sheets.title, "B", 11, 3, 5.0),
        (sheets.invitation, "", 9, 3, 4.2),
    ):
        pdf.set_xy(left + INSET, pdf.get_y() if style == "" else top + INSET)
        pdf.set_font("Helvetica", style, size)
        _lines(pdf, text, room, height, lines)
        pdf.set_y(pdf.get_y() + 1.5)
    pdf.set_xy(left + INSET, top + HEIGHT - 19)
    pdf.set_font("Courier", "B", 16)
    pdf.cell(room, 7, code)
    pdf.set_font("Helvetica", "", 7.5)
    for text, offset in ((sheets.address, 11.0), (sheets.place, 7.5)):
        pdf.set_xy(left + INSET, top + HEIGHT - offset)
        _lines(pdf, text, WIDTH - 2 * INSET, 3.5, 1)


def _lines(pdf: FPDF, text: str, width: float, height: float, most: int) -> None:
    """A text over at most so many lines; what has no room is left out."""
    left = pdf.get_x()
    for line in _broken(pdf, text, width)[:most]:
        pdf.set_x(left)
        pdf.cell(width, height, line)
        pdf.set_y(pdf.get_y() + height)


def _broken(pdf: FPDF, text: str, width: float) -> list[str]:
    """A text in lines of this width; on all slips they are the same."""
    known: dict[object, list[str]] = pdf.__dict__.setdefault("broken_lines", {})
    key = (text, width, pdf.font_style, pdf.font_size_pt)
    if key not in known:
        lines = pdf.multi_cell(width, 1, _printable(text), dry_run=True, output="LINES")
        known[key] = cast("list[str]", lines)
    return known[key]


def _cut_lines(pdf: FPDF) -> None:
    pdf.set_draw_color(170)
    pdf.set_line_width(0.2)
    pdf.set_dash_pattern(dash=1, gap=2)
    for column in range(1, COLUMNS):
        pdf.line(column * WIDTH, 0, column * WIDTH, ROWS * HEIGHT)
    for row in range(1, ROWS):
        pdf.line(0, row * HEIGHT, COLUMNS * WIDTH, row * HEIGHT)
    pdf.set_dash_pattern()


def _printable(text: str) -> str:
    """A text in the letters that every PDF reader has of its own: those of Western Europe."""
    plain = text.translate(_SIGNS)
    try:
        plain.encode("latin-1")
    except UnicodeEncodeError:
        plain = "".join(map(_letter, plain))
    return plain


def _letter(letter: str) -> str:
    bare = unicodedata.normalize("NFKD", letter)[0]
    return letter if ord(letter) < 256 else bare if ord(bare) < 256 else "?"


_SIGNS = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "‑": "-", "…": "...",
     "œ": "oe", "Œ": "OE", "\u202f": "\xa0", "\u2009": " "}
)  # fmt: skip
