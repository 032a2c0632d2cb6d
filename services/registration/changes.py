"""Changing a marathon: its title, dates and settings, as long as each may change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.chassis.errors import Invalid, Refusal
from services.chassis.work import Work
from services.registration import desk, hosts, marathons, schedule
from services.registration.messages_cycle import Settings
from services.registration.tables import Marathon

ORDER = ("draft", "announced", "mobilised", "running", "ended", "deliberated", "closed")

FIXED_FROM: Mapping[str, str] = {
    "title": "closed",
    "mobilises_at": "mobilised",
    "starts_at": "running",
    "ends_at": "ended",
    # The rules of the vote are declared before it: nobody changes them having seen who leads.
    "poll_opens_at": "running",
    "poll_closes_at": "ended",
    "who_may_vote": "running",
    "elsewhere_may_vote": "running",
    "tie_rule": "running",
    "hold_days": "closed",
    "suspect_network": "running",
    "suspect_domain": "running",
    "suspect_second": "running",
    "close_by_itself": "closed",
    "teams_formed_by": "running",
}
"""From which state on a value stands for good."""

FRENCH: Mapping[str, str] = {
    "title": "le titre",
    "mobilises_at": "le début de la mobilisation",
    "starts_at": "le début du marathon",
    "ends_at": "la fin du marathon",
    "poll_opens_at": "l’ouverture du vote",
    "poll_closes_at": "la clôture du vote",
    "who_may_vote": "qui peut voter",
    "elsewhere_may_vote": "le vote d’ailleurs",
    "tie_rule": "la règle d’égalité",
    "hold_days": "le délai avant destruction du lien",
    "suspect_network": "le seuil d’examen par réseau",
    "suspect_domain": "le seuil d’examen par domaine de courriel",
    "suspect_second": "le seuil d’examen par seconde",
    "close_by_itself": "la clôture automatique",
    "teams_formed_by": "la date limite des équipes",
}


def change(
    work: Work, marathon: str, settings: Mapping[str, Any] | None = None, **values: Any
) -> dict[str, Any]:
    """Changes what is given and says it once; the same again changes nothing.

    A start without an end gets the default length (RULES C3). Raises
    ``Refusal("change_too_late")`` for what stands already, ``Invalid`` for dates that
    contradict each other; then nothing is stored.
    """
    work.actor.must("organiser", marathon)
    row = marathons.locked(work, marathon)
    before = marathons.settings_of(row)
    new_settings = _different(settings or {}, before)
    wanted = _with_length(row, values)
    new_values = _different(wanted, {name: getattr(row, name) for name in wanted})
    _may_change(row, [*new_values, *new_settings])
    if new_values or new_settings:
        _apply(work, row, new_values, {**before, **new_settings})
    return {**marathons.view_of(work, row), "warnings": desk.warnings_of(work, row)}


def _different(wanted: Mapping[str, Any], present: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in wanted.items() if present[name] != value}


def _with_length(marathon: Marathon, values: Mapping[str, Any]) -> Mapping[str, Any]:
    starts_at = values.get("starts_at")
    if starts_at is None or marathon.ends_at is not None or "ends_at" in values:
        return values
    return {**values, "ends_at": starts_at + marathons.LENGTH}


def _may_change(marathon: Marathon, names: list[str]) -> None:
    late = [name for name in names if _is_fixed(marathon, name)]
    if late:
        raise Refusal(
            "change_too_late",
            f"Le marathon est « {marathons.FRENCH[marathon.state]} » ; ne changent plus : "
            + ", ".join(FRENCH[name] for name in late)
            + ".",
            fields=late,
        )


def _is_fixed(marathon: Marathon, name: str) -> bool:
    if marathon.state == "cancelled":
        return True
    return ORDER.index(marathon.state) >= ORDER.index(FIXED_FROM[name])


def _apply(
    work: Work, marathon: Marathon, values: Mapping[str, Any], settings: Mapping[str, Any]
) -> None:
    for name, value in values.items():
        setattr(marathon, name, value)
    check_dates(marathon.mobilises_at, marathon.starts_at, marathon.ends_at)
    check_window(settings["poll_opens_at"], settings["poll_closes_at"])
    _check_now(work, marathon, values)
    marathon.settings = Settings().dump(settings)
    work.session.flush()
    marathons.say(work, marathon)
    schedule.advance(work, marathon)


def _check_now(work: Work, marathon: Marathon, values: Mapping[str, Any]) -> None:
    host = marathons.host_of(work, marathon.id)
    if host is not None and host.revealed_at is None:
        hosts.check_reveal(host.reveal_at, marathon.mobilises_at)
    is_past = marathon.ends_at is None or marathon.ends_at <= work.now
    if marathon.state == "running" and "ends_at" in values and is_past:
        raise Invalid(
            "end_in_the_past",
            "La fin d’un marathon en cours est à venir.",
            "Pour le terminer maintenant, passez-le à « terminé ».",
        )


def check_dates(
    mobilises_at: datetime | None, starts_at: datetime | None, ends_at: datetime | None
) -> None:
    """Raises ``Invalid("dates_disordered")`` unless mobilisation ≤ start < end."""
    if starts_at and ends_at and ends_at <= starts_at:
        raise Invalid("dates_disordered", "Le marathon finit avant d’avoir commencé.")
    if mobilises_at and starts_at and mobilises_at > starts_at:
        raise Invalid("dates_disordered", "La mobilisation commence après le marathon.")


def check_window(opens_at: datetime | None, closes_at: datetime | None) -> None:
    """Raises ``Invalid("window_empty")`` unless the poll opens before it closes."""
    if opens_at and closes_at and closes_at <= opens_at:
        raise Invalid("window_empty", "Le vote ferme avant d’avoir ouvert.")
