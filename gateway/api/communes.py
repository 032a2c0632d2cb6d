"""The commune of who asks for a ballot: one of the official list, or "elsewhere" (RULES V14)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gateway.languages import N_
from gateway.routes import Route
from services.chassis import territory
from services.chassis.errors import Invalid

DOOR = "voting.request_ballot"
INSEE = re.compile(r"\d[\dAB]\d{3}")


def must_be_listed(route: Route, wanted: Mapping[str, Any]) -> None:
    """Raises ``Invalid("commune_unknown")`` for a code of no commune of the territory.

    The list is of the territory only: whoever lives outside it says "elsewhere", as on the
    page. What is no code at all is left to the door's schema.
    """
    if route.door != DOOR:
        return
    given = str(wanted.get("commune"))
    if INSEE.fullmatch(given) and territory.load().commune(given) is None:
        raise Invalid(
            "commune_unknown",
            N_("This commune is not on the list."),
            N_("Outside the territory the commune is “elsewhere”."),
        )
