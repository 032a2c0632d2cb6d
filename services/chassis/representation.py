"""What an answer looks like right now, as an entity tag: for edits that must not overwrite.

Somebody who edits says what they saw (``If-Match``, RFC 9110 §13.1.1). The service compares it
with what it would answer them now, in the transaction of the edit: so a tag covers all that
this asker sees and nothing else, and tells nobody of a secret that is not in their answer. A
number that rises with every change would tell everybody of a host town that was set.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from services.chassis.errors import Refusal
from services.chassis.work import Work

DIGITS = 32
ANY = "*"
"""In the stead of a tag: whatever is there."""

View = Callable[[Work, dict[str, Any]], Any]
Views = Mapping[str, View]
"""By name the doors that show what another edits: the thing itself first."""


def etag_of(answer: Any) -> str:
    """The tag of an answer as JSON-able values: the beginning of its SHA-256."""
    canonical = json.dumps(answer, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:DIGITS]


def must_match(
    work: Work, request: Mapping[str, Any], seen: tuple[str, ...] | None, views: Views
) -> None:
    """Lets an edit go on if its asker saw what is there; ``seen`` None asks for nothing.

    What is edited concerns a marathon, whose lock is held from before the look until the end of
    the transaction (ADR 3): of two who saw the same, one wins. Raises
    ``Refusal("changed_meanwhile")`` (412) and whatever a view refuses with;
    ``Refusal("if_match_unsupported")`` (400) where nothing is shown that a tag could be of.
    """
    if seen is None:
        return
    may_be_asked(views)
    _hold(work, request, views)
    present = {etag_of(shown) for shown in _shown(work, request, views)}
    if ANY not in seen and present.isdisjoint(seen):
        raise changed_meanwhile()


def may_be_asked(views: Views) -> None:
    """Raises ``Refusal("if_match_unsupported")`` (400) where no view could have a tag."""
    if not views:
        raise Refusal(
            "if_match_unsupported",
            "L’en-tête If-Match ne s’emploie pas ici.",
            "Envoyez la demande sans cet en-tête.",
            400,
        )


def changed_meanwhile() -> Refusal:
    """What they are told who saw something else than what is there (412)."""
    return Refusal(
        "changed_meanwhile",
        "Quelqu’un d’autre a modifié ceci entre-temps ; rien n’a été enregistré.",
        "Relisez ce qui est enregistré, puis refaites votre changement.",
        412,
    )


def tag_after(work: Work, request: Mapping[str, Any], views: Views) -> str | None:
    """The tag of what was just edited, as its asker would be shown it; None without views."""
    if not views:
        return None
    work.session.flush()
    try:
        return etag_of(next(_shown(work, request, views)))
    except Refusal:
        # Who may not see it any more may have edited it all the same.
        return None


def _hold(work: Work, request: Mapping[str, Any], views: Views) -> None:
    """Takes the marathon's lock, and forgets what was read before it was held."""
    # What names no marathon is shown with its own.
    named = request if "marathon" in request else next(_shown(work, request, views))
    work.lock(f"marathon:{named['marathon']}")
    work.session.expire_all()


def _shown(work: Work, request: Mapping[str, Any], views: Views) -> Iterator[Any]:
    doors = work.messages.DOORS
    for name, view in views.items():
        yield doors[name].dump(view(work, _part(request, doors[name].takes)))


def _part(request: Mapping[str, Any], takes: Any) -> dict[str, Any]:
    """What of an edit's request names the thing that a view shows."""
    names = takes().fields if takes is not None else ()
    return {name: request[name] for name in names if name in request}
