"""What people do from their pages: each is one form, one route of the API, one sentence after.

The route says who may (``gateway.access``) and what is taken; nothing is authorised here.
"""

from __future__ import annotations

from gateway.desk.actions import jury, mails, marathon, people, premises, relay
from gateway.desk.actions.action import Action

__all__ = ["ACTIONS", "Action"]

ACTIONS: dict[str, Action] = {
    action.name: action
    for actions in (
        people.ACTIONS,
        premises.ACTIONS,
        marathon.ACTIONS,
        relay.ACTIONS,
        jury.ACTIONS,
        mails.ACTIONS,
    )
    for action in actions
}
