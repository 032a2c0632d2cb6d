"""Finding a commune by what a person typed: its name, whatever the accents, or its code."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections import Counter
from functools import cache

from gateway.languages import gettext as _
from services.chassis import territory

ELSEWHERE = "elsewhere"
CLOSE_MOST = 3


def labels() -> list[str]:
    """How the communes of the territory are offered, by name."""
    return list(_by_label())


def code_of(typed: str) -> str | None:
    """The INSEE code of what was typed, "elsewhere", or None for what is on no list."""
    # Whoever types it rather than choose it types its first word.
    label = _plain(elsewhere())
    if _plain(typed) in {label, label.partition(" ")[0], ELSEWHERE}:
        return ELSEWHERE
    return _codes().get(_plain(typed))


def close_to(typed: str) -> list[str]:
    """Communes whose names look like what was typed, the closest first."""
    by_name = {_plain(label): label for label in labels()}
    found = difflib.get_close_matches(_plain(typed), by_name, CLOSE_MOST, cutoff=0.6)
    return [by_name[name] for name in found]


def elsewhere() -> str:
    """What who lives outside the territory chooses."""
    return _("Elsewhere, outside the territory")


@cache
def _by_label() -> dict[str, str]:
    communes = [each for epci in territory.load().epcis for each in epci.communes]
    named = Counter(each.name for each in communes)
    found = {
        each.name if named[each.name] == 1 else f"{each.name} ({each.insee})": each.insee
        for each in communes
    }
    return dict(sorted(found.items(), key=lambda pair: _plain(pair[0])))


@cache
def _codes() -> dict[str, str]:
    by_name = {_plain(label): code for label, code in _by_label().items()}
    return by_name | {_plain(code): code for code in _by_label().values()}


def _plain(text: str) -> str:
    """As people type it: no accents, no case, "st" for "saint", any mark for a space."""
    letters = unicodedata.normalize("NFKD", text.lower().replace("œ", "oe"))
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    words = re.sub(r"[^a-z0-9]+", " ", bare)
    short = {"saint": "st", "sainte": "ste"}
    return " ".join(short.get(word, word) for word in words.split())
