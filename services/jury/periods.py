"""How long the jury keeps what it holds on people (RULES D1).

Cards and recusals are under keys and stay, for results must be possible to check; the names to
the keys are registration's, and go with its purge.
"""

from __future__ import annotations

from services.chassis.retention import Kept

KEPT = (Kept("cards"),)
