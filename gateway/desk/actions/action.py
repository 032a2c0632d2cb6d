"""A command of a person: its form, its route, its words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from gateway.forms.form import Sheet
from gateway.routes import BY_NAME, Route

Groups = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Action:
    """A command of a person. Texts are English keys of the catalogues, translated when shown."""

    name: str
    """In the page's address, in French."""

    endpoint: str
    """The route of the API that does it."""

    title: str
    submit: str
    done: str
    fields: tuple[str, ...] = ()
    groups: Groups = ()
    """Fields under legends, after ``fields``."""

    fixed: Mapping[str, Any] = field(default_factory=dict)
    """What the request holds in any case."""

    given: tuple[str, ...] = ()
    """What the page that leads here says beside the path's parts, and nobody types."""

    needs: tuple[str, ...] = ()
    """Fields that must be filled in here, although their door does without."""

    stored: str = ""
    """The door that tells what a form for a change begins with."""

    warning: str = ""
    danger: bool = False

    @cached_property
    def route(self) -> Route:
        """The row of the table of routes."""
        return BY_NAME[self.endpoint]

    @cached_property
    def sheet(self) -> Sheet:
        """Its form's fields."""
        return Sheet(self.name, self.route, (("", self.fields), *self.groups), self.needs)
