"""How values read on a page: instants in Paris time, states and kinds in words."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime

from gateway.languages import gettext as _
from gateway.languages import language

PARIS = ZoneInfo("Europe/Paris")  # stored in UTC, shown in Paris (RULES C3)
MOMENT = {"fr": "EEEE d MMMM y 'à' H 'h' mm", "en": "EEEE d MMMM y 'at' HH:mm"}
SHORT = {"fr": "d MMMM y 'à' H 'h' mm", "en": "d MMMM y 'at' HH:mm"}
DAY = {"fr": "d MMMM y", "en": "d MMMM y"}

# The phases a visitor sees, and the states in which each is the present one (RULES C1).
PHASES = (
    ("announced", ("draft", "announced")),
    ("mobilised", ("mobilised",)),
    ("running", ("running",)),
    ("ended", ("ended",)),
    ("deliberated", ("deliberated",)),
    ("closed", ("closed",)),
)


def moment(instant: str) -> str:
    """« vendredi 2 juin 2023 à 9 h »: an RFC 3339 instant, in Paris time."""
    return _written(instant, MOMENT)


def short_moment(instant: str) -> str:
    """« 2 juin 2023 à 9 h »."""
    return _written(instant, SHORT)


def day(value: str) -> str:
    """« 2 juin 2023 », of a date or an instant."""
    found = date.fromisoformat(value) if len(value) == 10 else _paris(value).date()
    return _polished(format_date(found, DAY[language()], locale=language()))


def days(first: str, last: str) -> str:
    """« du 2 au 3 juin 2023 », of two dates or instants."""
    start, end = day(first), day(last)
    if start == end:
        return start
    if start.split(" ")[1:] == end.split(" ")[1:]:
        start = start.split(" ")[0]
    return _("from %(start)s to %(end)s", start=start, end=end)


def number(value: int) -> str:
    """« 1 234 », with the narrow space that keeps it together."""
    separator = "\u202f" if language() == "fr" else ","
    return f"{value:,}".replace(",", separator)


def state(name: str) -> str:
    """A marathon's state in words."""
    return {
        "draft": _("In preparation"),
        "announced": _("Announced"),
        "mobilised": _("Mobilisation under way"),
        "running": _("Marathon under way"),
        "ended": _("Jury deliberating"),
        "deliberated": _("Awards announced"),
        "closed": _("Finished"),
        "cancelled": _("Cancelled"),
    }.get(name, name)


def phase(name: str) -> str:
    """A phase's name on the stepper."""
    return {
        "announced": _("Announcement"),
        "mobilised": _("Mobilisation"),
        "running": _("The 36 hours"),
        "ended": _("Deliberation"),
        "deliberated": _("Awards"),
        "closed": _("Relay passed on"),
    }.get(name, name)


def phases(present: str) -> list[dict[str, str]]:
    """The stepper: every phase as "done", "now" or "later"."""
    at = next((place for place, (_name, in_) in enumerate(PHASES) if present in in_), -1)
    # A finished marathon has nothing left to do.
    at = len(PHASES) if present == "closed" else at
    return [
        {"name": name, "when": "done" if place < at else "now" if place == at else "later"}
        for place, (name, _in) in enumerate(PHASES)
    ]


def is_over(present: str) -> bool:
    """Whether the 36 hours are over: teams have left their premises."""
    return present in ("ended", "deliberated", "closed")


def is_closed(present: str) -> bool:
    """Whether nobody does anything in the marathon any more."""
    return present in ("closed", "cancelled")


def prize_kind(name: str) -> str:
    """A kind of prize in words (RULES Z1)."""
    return {
        "rent": _("Months of rent"),
        "insurance": _("Months of insurance"),
        "support": _("Hours of support"),
        "money": _("Money"),
        "in_kind": _("In kind"),
        "public": _("Public prize"),
    }.get(name, name)


def tie_rule(name: str) -> str:
    """What decides a tie, in words (RULES V10)."""
    return {
        "shared": _("the prize is shared"),
        "jury_order": _("the jury's order decides"),
        "lots": _("lots are drawn, with a recorded seed"),
    }.get(name, name)


def project_status(name: str) -> str:
    """A project's status in words (RULES R1)."""
    return {
        "draft": _("Draft"),
        "submitted": _("Submitted"),
        "decided": _("Submitted"),
        "accepted": _("Accepted"),
        "waitlisted": _("On the waiting list"),
        "refused": _("Not taken"),
        "confirmed": _("Takes part"),
        "expired": _("Not confirmed in time"),
        "checked_in": _("On the spot"),
        "no_show": _("Did not come"),
        "withdrawn": _("Withdrawn"),
        "disqualified": _("Disqualified"),
    }.get(name, name)


def offer_state(name: str) -> str:
    """The state of an offer of premises in words (RULES P2)."""
    return {
        "offered": _("Offered"),
        "approved": _("Approved"),
        "refused": _("Refused"),
        "withdrawn": _("Withdrawn"),
    }.get(name, name)


def place_status(name: str) -> str:
    """The status of a team's place in words (RULES P2)."""
    return {
        "proposed": _("Proposed"),
        "confirmed": _("Confirmed"),
        "declined": _("Declined"),
        "handed_over": _("Keys handed over"),
        "returned": _("Keys returned"),
        "released": _("Released"),
        "cancelled": _("Cancelled"),
    }.get(name, name)


def relay_state(name: str) -> str:
    """The state of an offer of the baton in words (DESIGN §5)."""
    return {
        "offered": _("Relay offered"),
        "refused": _("Relay refused"),
        "superseded": _("Answered too late"),
        "expired": _("Not answered in time"),
        "passed": _("Relay passed on"),
        "received": _("Relay received"),
    }.get(name, name)


def poll_state(name: str) -> str:
    """A poll's state in words."""
    return {
        "draft": _("In preparation"),
        "prepared": _("Prepared"),
        "open": _("Open"),
        "closed": _("Closed, not counted yet"),
        "counted": _("Counted"),
        "void": _("Cancelled"),
    }.get(name, name)


def case_reason(case: dict[str, Any]) -> str:
    """Why ballots wait for a look, in words (RULES V15)."""
    said = {
        "network": _("Many votes from one network: %(voters)s voters, looked at from %(limit)s on"),
        "domain": _(
            "Many votes from addresses in %(domain)s: %(voters)s voters, looked at from "
            "%(limit)s on"
        ),
        "second": _("Many votes in the same second: at least %(limit)s voters in one"),
        "again": _("Votes from addresses in %(domain)s, cast after that domain was invalidated"),
    }
    told = {name: number(case[name]) for name in ("voters", "limit")}
    sentence: str = said.get(case["kind"], case["kind"])
    return sentence % {**told, "domain": case["domain"] or ""}


def decision_kind(name: str) -> str:
    """What two organisers sign, in words (RULES V9)."""
    return {
        "invalidation": _("Invalidation"),
        "release": _("Count all the same"),
    }.get(name, name)


def decision_state(name: str) -> str:
    """How far a decision is, in words."""
    return {
        "signed": _("waits for a second signature"),
        "applied": _("carried out"),
        "withdrawn": _("withdrawn"),
    }.get(name, name)


def case_state(name: str) -> str:
    """What became of a case, in words."""
    return {
        "open": _("to be decided"),
        "released": _("counted"),
        "invalidated": _("invalidated"),
    }.get(name, name)


def role_name(name: str) -> str:
    """A role in words (RULES R3)."""
    return {
        "organiser": _("Organiser"),
        "juror": _("Juror"),
        "coach": _("Coach"),
        "scrutineer": _("Scrutineer"),
        "operator": _("Operator"),
    }.get(name, name)


def step_free(answer: str) -> str:
    """Whether a wheelchair gets in, in words (RULES P1)."""
    return {
        "yes": _("Step-free access"),
        "partly": _("Partly step-free"),
        "no": _("No step-free access"),
    }.get(answer, "")


def bound(text: str) -> str:
    """French texts of people and files, whose « ? » shall not stand alone on a line."""
    return re.sub(r" (?=[?!:;»%€])|(?<=«) ", "\u00a0", text)


def _paris(instant: str) -> datetime:
    return datetime.fromisoformat(instant).astimezone(PARIS)


def _written(instant: str, patterns: dict[str, str]) -> str:
    found = _paris(instant)
    return _polished(format_datetime(found, patterns[language()], locale=language()))


def _polished(text: str) -> str:
    """French writes « 1er » and leaves out « 00 »; an hour keeps to its unit and minutes."""
    if language() != "fr":
        return text
    text = re.sub(r"\b1 (?=[a-zûé]+ \d{4})", "1er ", text)
    text = re.sub(r" h 00$", " h", text)
    text = re.sub(r"(?<=\d) h\b", "\u00a0h", text)
    return re.sub(r"(?<=\u00a0h) (?=\d)", "\u00a0", text)


FILTERS: dict[str, Callable[..., Any]] = {
    "case_reason": case_reason,
    "case_state": case_state,
    "decision_kind": decision_kind,
    "decision_state": decision_state,
    "bound": bound,
    "moment": moment,
    "short_moment": short_moment,
    "day": day,
    "number": number,
    "state": state,
    "phase": phase,
    "offer_state": offer_state,
    "place_status": place_status,
    "poll_state": poll_state,
    "prize_kind": prize_kind,
    "relay_state": relay_state,
    "role_name": role_name,
    "project_status": project_status,
    "step_free": step_free,
    "tie_rule": tie_rule,
}
