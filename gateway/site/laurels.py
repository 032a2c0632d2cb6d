"""Who won a leg: from the jury's awards here, or from what its operator's site shows of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.site.gaps import part
from gateway.site.operators import elsewhere


@dataclass(frozen=True)
class Laurels:
    """The winners' projects by their titles; several where a place is shared."""

    jury: tuple[str, ...]
    public: tuple[str, ...]


def of_marathon(marathon: Mapping[str, Any]) -> Laurels | None:
    """The winners of a marathon whose awards are published."""
    if not marathon["palmares"]:
        return None
    if elsewhere(marathon):
        shown = marathon.get("palmares_shown")
        return _of_shown(shown) if shown else None
    published = part("jury.get_palmares", {"marathon": marathon["id"]})
    return _of_published(published) if published else None


def _of_shown(shown: Mapping[str, Any]) -> Laurels:
    first = (line["projects"] for line in shown["ranks"] if line["rank"] == 1)
    return Laurels(tuple(title for titles in first for title in titles), _all(shown))


def _all(shown: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(shown["public_winners"])


def _of_published(palmares: Mapping[str, Any]) -> Laurels:
    named = [*palmares["ranks"], *palmares["prizes"]]
    titles = {line["project"]: line.get("project_title") for line in named}
    first = [line["project"] for line in palmares["ranks"] if line["rank"] == 1]
    return Laurels(_titles(first, titles), _titles(palmares["public_winners"], titles))


def _titles(projects: list[str], titles: Mapping[str, str | None]) -> tuple[str, ...]:
    found = (titles.get(project) for project in projects)
    return tuple(title for title in found if title)
