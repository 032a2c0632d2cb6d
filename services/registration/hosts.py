"""Host towns: secret until their organiser, or the date, reveals them (RULES C4).

Neither an answer nor a refusal of this file names an unrevealed town: what is answered may be
kept, logged or shown on a shared screen.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from services.chassis import territory
from services.chassis.errors import Invalid, Refusal
from services.chassis.work import Work
from services.registration import marathons
from services.registration.tables import Host, Marathon

BEFORE_MOBILISATION = ("draft", "announced")


def set_host(
    work: Work, marathon: str, insee: str, reveal_at: datetime | None = None
) -> dict[str, Any]:
    """Sets, or sets again, the host town of a marathon; it stays secret.

    Raises ``Refusal`` once it is revealed, ``Invalid`` for a commune that is not in the
    marathon's intercommunality or a reveal after the start of mobilisation.
    """
    work.actor.must("organiser", marathon)
    row = marathons.locked(work, marathon)
    _may_be_set(work, row)
    check_reveal(reveal_at, row.mobilises_at)
    commune = commune_of(row.epci_siren, insee)
    host = marathons.host_of(work, marathon) or Host(marathon=marathon)
    host.insee, host.name, host.reveal_at = commune.insee, commune.name, reveal_at
    work.session.add(host)
    return {"marathon": marathon, "reveal_at": reveal_at, "revealed": False}


def _may_be_set(work: Work, marathon: Marathon) -> None:
    if marathon.state not in BEFORE_MOBILISATION:
        raise Refusal(
            "host_fixed",
            "La ville hôte ne change plus une fois la mobilisation commencée.",
            "Annulez ce marathon si la ville ne peut plus l’accueillir.",
        )
    if marathons.revealed_host(work, marathon.id):
        raise Refusal(
            "host_revealed",
            "La ville hôte est déjà révélée : elle ne change plus.",
            "Annulez ce marathon si la ville ne peut plus l’accueillir.",
        )


def commune_of(epci_siren: str, insee: str) -> territory.Commune:
    """The commune of this code. Raises ``Invalid`` unless it is in the intercommunality."""
    commune = territory.load().commune(insee)
    if commune is None or commune.epci != epci_siren:
        raise Invalid(
            "commune_not_in_epci",
            "Cette commune n’est pas dans l’intercommunalité du marathon.",
            "Choisissez une commune de l’intercommunalité, par son code INSEE.",
        )
    return commune


def check_reveal(reveal_at: datetime | None, mobilises_at: datetime | None) -> None:
    """Raises ``Invalid("reveal_too_late")`` for a reveal after the start of mobilisation."""
    if reveal_at and mobilises_at and reveal_at > mobilises_at:
        raise Invalid(
            "reveal_too_late",
            "La ville hôte est révélée au plus tard au début de la mobilisation.",
            "Avancez la révélation, ou repoussez la mobilisation.",
        )


def reveal_host(work: Work, marathon: str) -> dict[str, Any]:
    """Reveals the host town for good; doing it again changes nothing.

    Raises ``Refusal`` when none is set, or the marathon itself is not announced.
    """
    work.actor.must("organiser", marathon)
    row = marathons.locked(work, marathon)
    host = marathons.host_of(work, marathon)
    if host is None:
        raise Refusal(
            "host_not_set",
            "Aucune ville hôte n’est enregistrée pour ce marathon.",
            "Enregistrez d’abord la ville hôte.",
        )
    if host.revealed_at is None:
        _may_be_revealed(row)
        reveal(work, row, host)
    return marathons.view_of(work, row)


def _may_be_revealed(marathon: Marathon) -> None:
    if marathon.state != "announced":
        raise Refusal(
            "reveal_impossible",
            f"Le marathon est « {marathons.FRENCH[marathon.state]} » : "
            "sa ville hôte ne peut pas être révélée.",
            "La ville hôte se révèle après l’annonce du marathon et avant sa mobilisation.",
            state=marathon.state,
        )


def reveal(work: Work, marathon: Marathon, host: Host) -> None:
    """Makes the host town of a locked marathon public, and says it."""
    host.revealed_at = work.now
    work.session.flush()
    marathons.say(work, marathon, "host_revealed")


def reveal_if_due(work: Work, marathon: Marathon, holds_baton: bool) -> None:
    """Reveals at ``reveal_at``, at the latest when mobilisation would start (RULES C4).

    Without the baton mobilisation does not start at its date, and the town stays secret.
    """
    host = marathons.host_of(work, marathon.id)
    if marathon.state != "announced" or host is None or host.revealed_at is not None:
        return
    if _has_come(host.reveal_at, work.now) or (
        holds_baton and _has_come(marathon.mobilises_at, work.now)
    ):
        reveal(work, marathon, host)


def _has_come(instant: datetime | None, now: datetime) -> bool:
    return instant is not None and instant <= now
