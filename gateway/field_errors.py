"""What is wrong with a field, in French and in English.

marshmallow and the services' schemas say it in English. Here is every such sentence, for the
catalogues to translate; a test holds this table against marshmallow's own and the services'.
"""

from __future__ import annotations

import re
from functools import cache

from babel.support import NullTranslations

from gateway.languages import N_

SENTENCES = (
    N_("Missing data for required field."),
    N_("Field may not be null."),
    N_("Unknown field."),
    N_("Invalid input type."),
    N_("Invalid value."),
    N_("Not a valid string."),
    N_("Not a valid utf-8 string."),
    N_("Not a valid integer."),
    N_("Not a valid number."),
    N_("Number too large."),
    N_("Special numeric values (nan or infinity) are not permitted."),
    N_("Not a valid boolean."),
    N_("Not a valid list."),
    N_("Not a valid mapping type."),
    N_("Not a valid date."),
    N_("Not a valid datetime."),
    N_("Not a valid aware datetime."),
    N_("Invalid type."),
    N_('"%(input)s" cannot be formatted as a date.'),
    N_('"%(input)s" cannot be formatted as a datetime.'),
    N_("String does not match expected pattern."),
    N_("Shorter than minimum length %(min)s."),
    N_("Longer than maximum length %(max)s."),
    N_("Length must be between %(min)s and %(max)s."),
    N_("Length must be %(equal)s."),
    N_("Must be greater than or equal to %(min)s."),
    N_("Must be greater than %(min)s."),
    N_("Must be less than or equal to %(max)s."),
    N_("Must be less than %(max)s."),
    N_("Must be greater than or equal to %(min)s and less than or equal to %(max)s."),
    N_("Must be one of: %(choices)s."),
    # The services' own:
    N_("give either poll or marathon"),
    N_("give either token, or email and code"),
    N_("give either session or token"),
    N_("give either pass or code"),
    N_("give a case, a domain or from_at"),
    N_("to_at must be after from_at"),
    N_("must be a number"),
    N_("must be from 0 to 1000"),
    N_("must have at most two decimals"),
    # The gateway's own:
    N_("Given by the address or by the server."),
    N_("Given twice."),
    N_("Not for a CSV file."),
)


def told(message: str, catalogue: NullTranslations) -> str:
    """A sentence in the catalogue's language; as it is where the table has it not."""
    for sentence, pattern in _patterns():
        found = pattern.fullmatch(message)
        if found is not None:
            return catalogue.gettext(sentence) % found.groupdict()
    return message


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Each sentence, and what it looks like when its values are filled in."""
    # The longer ones first: a sentence may begin as another does.
    ordered = sorted(SENTENCES, key=len, reverse=True)
    return tuple((sentence, _pattern(sentence)) for sentence in ordered)


def _pattern(sentence: str) -> re.Pattern[str]:
    pieces = re.split(r"%\((\w+)\)s", sentence)
    # Every second piece is a value's name.
    return re.compile(
        "".join(
            f"(?P<{piece}>.*?)" if place % 2 else re.escape(piece)
            for place, piece in enumerate(pieces)
        ),
        re.DOTALL,
    )
