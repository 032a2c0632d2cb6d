"""The organisers' desk: everything that is needed to move a marathon on, and what to know."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.chassis.work import Work
from services.registration import holidays, marathons, missing, relay
from services.registration.partners import sharing, status, told
from services.registration.tables import Marathon

PARIS = ZoneInfo("Europe/Paris")


def desk(work: Work, marathon: str) -> dict[str, Any]:
    """One marathon's desk, for its organisers: the only answer with a secret host (RULES C4)."""
    work.actor.must("organiser", marathon)
    row = marathons.found(work, marathon)
    return {
        "marathon": marathons.view_of(work, row),
        "settings": marathons.settings_of(row),
        "host": marathons.host_of(work, marathon),
        "holds_baton": relay.holds(work, row),
        "next": _next(work, row),
        "warnings": warnings_of(work, row),
        "log": marathons.log_of(work, marathon),
        "relays": status.offers_with(work, row.id),
        "teams": _teams(work, marathon),
        "poll": missing.poll_of(work, marathon),
        "panel": missing.panel_of(work, marathon),
        "progress": work.copies("progress", marathon),
    }


def _next(work: Work, marathon: Marathon) -> list[dict[str, Any]]:
    if sharing.is_elsewhere(work, marathon):
        return []  # its own organisers' instance moves it on
    return [
        {"to": to, "missing": missing.before(work, marathon, to)}
        for to in marathons.MOVES[marathon.state]
    ]


def _teams(work: Work, marathon: str) -> dict[str, int]:
    standing = {project.id for project in missing.standing_projects(work, marathon)}
    return {
        "confirmed": len(standing),
        "with_premises": len(standing & missing.housed(work, marathon)),
        "seats": missing.seats(work, marathon),
    }


# --- warnings -----------------------------------------------------------------------------


def warnings_of(work: Work, marathon: Marathon) -> list[dict[str, str]]:
    """What should be known of a marathon's dates and partners; nothing of it stops anything."""
    of_dates = [*_holidays(marathon), *_length(marathon), *_missed(work, marathon)]
    return [*of_dates, *_partners(work, marathon)]


def days_of(marathon: Marathon) -> tuple[date, date] | None:
    """The first and the last day, in Paris, as far as they are known."""
    if marathon.starts_at is not None:
        last = marathon.ends_at or marathon.starts_at + marathons.LENGTH
        # The end is not part of the marathon: one that ends at midnight spares that day.
        last -= timedelta(microseconds=1)
        return marathon.starts_at.astimezone(PARIS).date(), last.astimezone(PARIS).date()
    if marathon.first_day is not None:
        return marathon.first_day, marathon.last_day or marathon.first_day
    return None


def _holidays(marathon: Marathon) -> list[dict[str, str]]:
    days = days_of(marathon)
    found = holidays.holidays_between(*days) if days else []
    return [
        _warning(
            "public_holiday",
            f"Le marathon « {marathon.title} » tombe un jour férié : {name}, le {day:%d/%m/%Y}.",
        )
        for day, name in found
    ]


def _length(marathon: Marathon) -> list[dict[str, str]]:
    if marathon.starts_at is None or marathon.ends_at is None:
        return []
    hours = (marathon.ends_at - marathon.starts_at) / timedelta(hours=1)
    if marathon.ends_at - marathon.starts_at == marathons.LENGTH:
        return []
    message = f"Le marathon « {marathon.title} » dure {hours:g} heures, au lieu de 36."
    return [_warning("unusual_length", message)]


def _missed(work: Work, marathon: Marathon) -> list[dict[str, str]]:
    if marathon.state not in ("announced", "mobilised") or marathon.ends_at is None:
        return []
    if marathon.ends_at > work.now:
        return []
    message = f"Les dates du marathon « {marathon.title} » sont passées : il n’a pas commencé."
    return [_warning("dates_past", message)]


def _partners(work: Work, marathon: Marathon) -> list[dict[str, str]]:
    cycle = relay.found_cycle(work, marathon.cycle)
    if not sharing.is_shared(work, cycle) or sharing.is_elsewhere(work, marathon):
        return []
    if sharing.signing_key(work) is None:
        message = "Cette instance n’a pas de clé : elle ne peut rien envoyer à ses partenaires."
        return [_warning("relay_key_missing", message)]
    if not told.is_told(work, cycle):
        names = ", ".join(told.missing(work, cycle))
        message = f"Depuis le démarrage, ces partenaires n’ont pas encore répondu : {names}."
        return [_warning("partners_unheard", message)]
    return []


def _warning(code: str, message: str) -> dict[str, str]:
    return {"code": code, "message": message}
