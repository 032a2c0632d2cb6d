"""How long voting keeps what it holds on people (RULES D1); ``retention`` purges."""

from __future__ import annotations

from datetime import timedelta

from services.chassis.retention import Kept

REGISTER = timedelta(days=90)
"""Three months after the results."""

KEPT = (Kept("register", REGISTER), Kept("ballot_link"))
