"""Who shares a cycle: its partners by the cycle file, which of them we are, what is whose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from services.chassis.work import Work
from services.registration.partners import keys
from services.registration.partners.package import FindKey, KeyState, UnknownSender
from services.registration.tables import Cycle, LegNotice, Marathon, Partner


def me(work: Work) -> str:
    """This instance, by the name that the cycle file gives it."""
    return work.settings.instance


def names(cycle: Cycle) -> list[str]:
    """All partners of a cycle, in the file's order."""
    return [entry["name"] for entry in cycle.file["partners"]]


def joint_body(cycle: Cycle) -> str | None:
    """The partner whose word raises the term, if the file names one."""
    found: str | None = cycle.file.get("relay", {}).get("joint_body")
    return found


def participants(cycle: Cycle) -> list[str]:
    """The partners that take part in the relay: they operate a leg, or are the joint body."""
    operators = {leg["operated_by"] for leg in cycle.file["legs"]} | {joint_body(cycle)}
    return [name for name in names(cycle) if name in operators]


def others(work: Work, cycle: Cycle) -> list[str]:
    """The participants but us."""
    return [name for name in participants(cycle) if name != me(work)]


def is_shared(work: Work, cycle: Cycle) -> bool:
    """Whether several instances play this cycle, and this is one of them.

    An instance that the file does not name plays all of its legs, as before there were
    partners: a demonstration, or the joint body's for everybody.
    """
    return me(work) in names(cycle) and bool(others(work, cycle))


def is_elsewhere(work: Work, marathon: Marathon) -> bool:
    """Whether another instance operates this leg: what is here mirrors what that one says."""
    if marathon.operated_by == me(work):
        return False
    cycle = work.session.get_one(Cycle, marathon.cycle)
    return is_shared(work, cycle)


def touch(work: Work, cycle: str) -> None:
    """Notes that there may be something to tell the partners, or to do about the relay."""
    if is_shared(work, work.session.get_one(Cycle, cycle)):
        # Whatever we read before: a tick may have told them meanwhile what was so then.
        work.session.execute(
            update(Cycle).where(Cycle.id == cycle, Cycle.noticed.is_not(None)).values(noticed=None)
        )


def operator_of(work: Work, marathon: Marathon) -> dict[str, Any]:
    """Whose instance runs a marathon, as everybody may know it."""
    cycle = work.session.get_one(Cycle, marathon.cycle)
    entries = [one for one in cycle.file["partners"] if one["name"] == marathon.operated_by]
    entry = entries[0] if entries else {}
    return {
        "name": marathon.operated_by,
        "title": entry.get("title", marathon.operated_by),
        "url": entry.get("url"),
        "elsewhere": is_elsewhere(work, marathon),
    }


def palmares_shown(work: Work, marathon: str) -> dict[str, Any] | None:
    """The palmarès of a leg elsewhere, as its operator's last notice shows it."""
    notice = work.session.get(LegNotice, marathon)
    found: dict[str, Any] | None = None if notice is None else notice.body["palmares"]
    return found


def majority(number: int) -> int:
    """How many are more than half of so many."""
    return number // 2 + 1


# --- keys ---------------------------------------------------------------------------------


def partner(work: Work, name: str) -> Partner | None:
    """A partner that was added here and not removed."""
    row = work.session.get(Partner, name)
    return row if row is not None and row.removed_at is None else None


def signing_key(work: Work) -> keys.SigningKey | None:
    """The key with which this instance signs, if it has one that can be used."""
    path = work.settings.relay_key_file
    return None if path is None else _loaded(path, path.stat().st_mtime_ns if path.exists() else 0)


def can_sign(work: Work, cycle: Cycle) -> bool:
    """Whether what a cycle requires can be told its partners, if there are any."""
    return not is_shared(work, cycle) or signing_key(work) is not None


_KEYS: dict[tuple[Path, int], keys.SigningKey | None] = {}


def _loaded(path: Path, changed: int) -> keys.SigningKey | None:
    # By its time of change: a rotated key is used without a restart.
    if (path, changed) not in _KEYS:
        _KEYS.clear()
        try:
            _KEYS[path, changed] = keys.load_private(path)
        except keys.KeyUnusable:
            return None
    return _KEYS[path, changed]


def find_key(work: Work, cycles: list[Cycle] | None = None) -> FindKey:
    """Looks for keys among the added partners', then in the files of these cycles, or of all."""

    def find(sender: str, key: str) -> KeyState | None:
        known = _states(work, sender, cycles)
        if known is None:
            raise UnknownSender(sender)
        return next((state for state in known if keys.key_id(state.public) == key), None)

    return find


def find_past_key(work: Work, cycles: list[Cycle]) -> FindKey:
    """The same as if no partner had been removed, and no key replaced or revoked, since."""

    def find(sender: str, key: str) -> KeyState | None:
        known = _states(work, sender, cycles, past=True) or []
        publics = [state.public for state in known if keys.key_id(state.public) == key]
        return KeyState("active", publics[0]) if publics else None

    return find


def _states(
    work: Work, sender: str, cycles: list[Cycle] | None, past: bool = False
) -> list[KeyState] | None:
    row = work.session.get(Partner, sender)
    if row is not None and row.removed_at is not None and not past:
        return None
    states = [] if row is None else [_state(entry) for entry in row.keys]
    if sender == me(work) and (own := signing_key(work)) is not None:
        states.append(KeyState("active", own.public))
    if row is not None:
        return states
    files = list(work.session.scalars(select(Cycle))) if cycles is None else cycles
    entries = [
        entry for cycle in files for entry in cycle.file["partners"] if entry["name"] == sender
    ]
    if not entries and sender != me(work):
        return None
    written = {entry.get("public_key") for entry in entries} - {None}
    return states + [KeyState("active", keys.public_of(text)) for text in sorted(written)]


def _state(entry: dict[str, str | None]) -> KeyState:
    from services.registration.partners import bodies

    public = keys.decode(str(entry["public"]), keys.PUBLIC_BYTES) or b""
    return KeyState(str(entry["state"]), public, bodies.moment(entry.get("until")))
