"""The tag of what a form began with: of two who change the same, one is told so (412)."""

from __future__ import annotations

from typing import Any

from flask import request

from services.chassis.errors import Refusal
from services.chassis.representation import etag_of

FIELD = "seen"


def given() -> tuple[str, ...] | None:
    """The tags that a sent form stands on; None for one that stands on nothing."""
    tag = request.form.get(FIELD, "")
    return (tag,) if tag else None


def tag_for(shown: Any, refusal: Refusal | None = None) -> str:
    """What a form that shows ``shown`` carries; empty where nothing is there yet.

    A form that was refused still stands on what it began with, unless that is what changed.
    """
    kept = request.form.get(FIELD, "")
    if kept and not (refusal is not None and refusal.status == 412):
        return kept
    return etag_of(shown) if shown else ""
