"""What is wrong with a field of a form."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Error:
    """One thing that was refused; ``anchor`` is the field's id, empty where there is none."""

    label: str
    message: str
    anchor: str
