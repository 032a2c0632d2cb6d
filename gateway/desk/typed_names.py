"""Whether what was typed is a name: however one writes its accents, hyphens and « Saint »."""

from __future__ import annotations

import re
import unicodedata

# As they stand on maps and signs, each for the word that it is short for.
SHORT = {"st": "saint", "ste": "sainte", "sts": "saints", "stes": "saintes"}
LIGATURES = str.maketrans({"œ": "oe", "æ": "ae"})


def is_name(typed: str, name: str) -> bool:
    """Whether somebody typed this name. Capitals, accents, hyphens, apostrophes and blanks do
    not matter, nor whether « Saint » is written out; letters and figures do."""
    return bool(_words(name)) and _words(typed) == _words(name)


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text.casefold().translate(LIGATURES))
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return [SHORT.get(word, word) for word in re.findall(r"[^\W_]+", letters)]
