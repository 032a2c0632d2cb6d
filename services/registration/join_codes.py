"""Join codes: unguessable, revocable, readable over the phone (RULES R2)."""

from __future__ import annotations

from services.chassis.work import Work

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # 32 signs, none looks like another
LENGTH = 16  # 80 bits


def new_code(work: Work) -> str:
    """A new code, in groups of four."""
    signs = [work.random.choice(ALPHABET) for _ in range(LENGTH)]
    return "-".join("".join(signs[at : at + 4]) for at in range(0, LENGTH, 4))


def as_written(code: str) -> str:
    """A code that somebody typed, as it is stored: case, spaces and dashes do not matter."""
    signs = [sign for sign in code.upper() if sign.isalnum()]
    return "-".join("".join(signs[at : at + 4]) for at in range(0, len(signs), 4))
