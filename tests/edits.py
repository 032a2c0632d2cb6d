"""Edits that say what their asker saw, at the doors of one service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from services.chassis.actor import Actor
from services.chassis.errors import Refusal
from services.chassis.representation import etag_of
from tests.harness import ORGANISER, Player


@dataclass(frozen=True)
class Editor:
    """Somebody who looks before they edit."""

    player: Player
    actor: Actor = ORGANISER

    def look(self, door: str, **request: Any) -> str:
        """The tag of what they are shown."""
        return etag_of(self.player.answer(door, request, actor=self.actor))

    def edit(self, tag: str, door: str, **request: Any) -> str:
        """Edits what they saw; the tag of what is there now, or the code of the refusal."""
        try:
            given = self.player.exchange(door, request, actor=self.actor, if_match=(tag,))
        except Refusal as refusal:
            return refusal.code
        return str(given["etag"])
