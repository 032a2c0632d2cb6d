"""How long registration keeps what it holds on people (RULES D1); ``retention`` purges."""

from __future__ import annotations

from datetime import timedelta

from services.chassis.retention import PROGRAMME, Kept

SESSIONS = timedelta(days=14)
TEAMS = PROGRAMME
ACCOUNTS = PROGRAMME

KEPT = (
    Kept("sessions", SESSIONS),
    Kept("teams", TEAMS),
    Kept("accounts", ACCOUNTS),
    Kept("consents"),
)
