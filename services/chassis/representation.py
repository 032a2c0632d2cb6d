"""What an answer looks like right now, as an entity tag: for edits that must not overwrite.

Somebody who edits says what they saw (``If-Match``, RFC 9110 §13.1.1). The service compares it
with what it would answer them now, in the transaction of the edit: so a tag covers all that
this asker sees and nothing else, and tells nobody of a secret that is not in their answer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from services.chassis.errors import Refusal
from services.chassis.work import Work

DIGITS = 32
View = Callable[[Work, dict[str, Any]], Any]


def etag_of(answer: Any) -> str:
    """The tag of an answer as JSON-able values: the beginning of its SHA-256."""
    canonical = json.dumps(answer, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:DIGITS]


def must_match(
    work: Work,
    door: str,
    request: Mapping[str, Any],
    seen: tuple[str, ...] | None,
    views: Mapping[str, View],
) -> None:
    """Lets an edit go on if its asker saw what is there; ``seen`` None asks for nothing.

    ``views`` are the doors that show what ``door`` edits. Edits of one thing wait for each
    other here, so of two who saw the same, one wins. Raises ``Refusal("changed_meanwhile")``
    (412), and whatever a view refuses with; ``Refusal("if_match_unsupported")`` (400) where
    nothing is shown that a tag could be of.
    """
    doors = work.messages.DOORS
    edited = [(name, _part(request, doors[name].takes)) for name in doors[door].edits]
    if edited:
        work.lock(f"edit:{json.dumps(edited[0], sort_keys=True)}")
    if seen is None:
        return
    if not edited:
        raise Refusal(
            "if_match_unsupported",
            "L’en-tête If-Match ne s’emploie pas ici.",
            "Envoyez la demande sans cet en-tête.",
            400,
        )
    present = {etag_of(doors[name].dump(views[name](work, part))) for name, part in edited}
    if present.isdisjoint(seen):
        raise Refusal(
            "changed_meanwhile",
            "Quelqu’un d’autre a modifié ceci entre-temps ; rien n’a été enregistré.",
            "Relisez ce qui est enregistré, puis refaites votre changement.",
            412,
        )


def _part(request: Mapping[str, Any], takes: Any) -> dict[str, Any]:
    """What of an edit's request names the thing that a view shows."""
    names = takes().fields if takes is not None else ()
    return {name: request[name] for name in names if name in request}
