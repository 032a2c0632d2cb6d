"""How long venues keeps what it holds on people (RULES D1); ``retention`` purges."""

from __future__ import annotations

from services.chassis.retention import PROGRAMME, Kept

CONTACTS = PROGRAMME

KEPT = (Kept("contacts", CONTACTS),)
