"""What registration says, hears and answers: the cycle's messages and the people's."""

from __future__ import annotations

from services.chassis import mail_messages
from services.chassis.catalogue import Door, Heard, Says
from services.registration import (
    messages_cycle,
    messages_cycle_doors,
    messages_people,
    messages_personal_data,
    messages_relay,
)
from services.registration.periods import KEPT

__all__ = ["DOORS", "HEARS", "KEPT", "SAYS"]

SAYS = Says("registration", [*messages_cycle.SAYS, *messages_people.SAYS])
HEARS: list[Heard] = [*messages_cycle.HEARS, *messages_people.HEARS]
DOORS: dict[str, Door] = {
    **messages_cycle_doors.DOORS,
    **messages_relay.DOORS,
    **messages_people.DOORS,
    **messages_personal_data.DOORS,
    **mail_messages.DOORS,
}
