"""What a benchmark measures, as a line of a table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of the table; its value should lie between ``at_least`` and ``at_most``."""

    what: str
    value: float
    unit: str
    at_most: float | None = None
    baseline: str = ""
    is_ratio: bool = False
    at_least: float | None = None
    target: float | None = None
    """As much is hoped for, where the bound is the least that will do."""

    @property
    def fine(self) -> bool:
        """Whether it is within its bounds."""
        over = self.at_most is not None and self.value > self.at_most
        under = self.at_least is not None and self.value < self.at_least
        return not (over or under)

    @property
    def bound(self) -> str:
        """Its bounds as they are written; empty where it has none."""
        least = "" if self.at_least is None else f"≥ {self.at_least:g}"
        return least if self.at_most is None else f"≤ {self.at_most:g}"

    @property
    def hoped(self) -> str:
        """Its target as it is written, and whether it is reached; empty where it has none."""
        if self.target is None:
            return ""
        return f"≥ {self.target:g}: {'yes' if self.value >= self.target else 'no'}"


def percentile(values: list[float], share: float) -> float:
    """The value below which ``share`` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
