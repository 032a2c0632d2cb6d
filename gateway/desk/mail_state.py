"""How the mails do, for the organisers' desk: figures for all, single mails for who may act."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.asking import ask_once, visitor
from gateway.desk.actions.mails import SERVICES
from gateway.languages import gettext as _
from gateway.site.gaps import part
from services.chassis.errors import Refusal

SHOWN_MOST = 20


@dataclass(frozen=True)
class Box:
    """The mails of one service; ``state`` is None while the service is away."""

    name: str
    """As the actions on it are called."""

    title: str
    state: dict[str, Any] | None
    parked: list[dict[str, Any]]
    may_act: bool

    @property
    def is_in_trouble(self) -> bool:
        """Whether there is anything that somebody should look at."""
        if self.state is None:
            return True
        return bool(self.state["put_off"] or any(self.state["parked"].values()))


def boxes() -> list[Box]:
    """The mails of every service that writes to people, as the present organiser may see them."""
    may_act = visitor().actor.has("organiser", None)
    return [_box(name, service, may_act) for name, service in SERVICES]


def _box(name: str, service: str, may_act: bool) -> Box:
    state = part(f"{service}.get_mail_state", {})
    titles = {"registration": _("Sign-in, projects and teams"), "voting": _("Public vote")}
    return Box(name, titles[service], state, _parked(service) if may_act else [], may_act)


def _parked(service: str) -> list[dict[str, Any]]:
    try:
        answer = ask_once(f"{service}.list_mail_troubles", {"limit": SHOWN_MOST})
    except Refusal:
        return []  # the figures beside say that the service is away
    found: list[dict[str, Any]] = answer["items"]
    return found
