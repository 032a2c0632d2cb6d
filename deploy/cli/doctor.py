"""``marathon doctor``: what is well here, and what to do about the rest."""

from __future__ import annotations

import json
import secrets
import shutil
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import click

from services.chassis.config import SERVICES, Settings, SettingsError

PYTHONS = ((3, 11), (3, 13))
DISK_GB = 1.0
HERE = "incroyable-territoire"


@dataclass(frozen=True)
class Finding:
    """One thing looked at: ``todo`` is what to do, empty when all is well."""

    what: str
    found: str
    todo: str = ""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """Look at all that an instance needs, legal pages too; exit code 1 if there is to do."""
    findings = list(examine())
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            click.echo(line(finding))
    raise SystemExit(1 if any(finding.todo for finding in findings) else 0)


def line(finding: Finding) -> str:
    """A finding as a person reads it."""
    if finding.todo:
        return f"TO DO  {finding.what}: {finding.found}. {finding.todo}"
    return f"ok     {finding.what}: {finding.found}"


def examine() -> Iterator[Finding]:
    """All findings, cheap ones first; what rests on something missing is left out."""
    yield python(sys.version_info[:2])
    yield packages()
    try:
        settings = Settings.from_env()
    except (SettingsError, OSError) as error:
        yield Finding("settings", str(error), "Correct the environment.")
        return
    yield disk(settings.data_dir)
    yield legal_pages(settings)
    yield port(settings)
    yield from broker(settings)
    yield storage(settings)
    for service in SERVICES:
        yield database(service, settings)
    yield from boxes(settings)


def python(version: tuple[int, ...]) -> Finding:
    """Whether this Python is one that is tested."""
    found = ".".join(str(part) for part in version)
    fits = PYTHONS[0] <= version <= PYTHONS[1]
    return Finding("python", found, "" if fits else "Use Python 3.11, 3.12 or 3.13: make setup.")


def packages() -> Finding:
    """Whether the Python packages are there, in the versions that pyproject.toml pins."""
    from packaging.requirements import Requirement

    try:
        wanted = [Requirement(text) for text in metadata.requires(HERE) or []]
    except metadata.PackageNotFoundError:
        return Finding("packages", "not installed", "Run: make setup")
    absent = [
        str(one)
        for one in wanted
        if not (one.marker and not one.marker.evaluate({"extra": ""})) and not _has(one)
    ]
    found = f"missing: {', '.join(absent)}" if absent else "all there"
    return Finding("packages", found, "Run: make setup" if absent else "")


def disk(folder: Path) -> Finding:
    """Whether there is room for data."""
    existing = next(
        path for path in (folder.absolute(), *folder.absolute().parents) if path.exists()
    )
    free = shutil.disk_usage(existing).free / 1e9
    todo = "" if free >= DISK_GB else f"Make room: at least {DISK_GB:.0f} GB."
    return Finding("disk", f"{free:.1f} GB free for {folder}", todo)


def legal_pages(settings: Settings) -> Finding:
    """Whether the operator has told what the law asks for."""
    from gateway import legal

    what = "legal pages"
    if settings.legal_file is None:
        todo = "Copy deploy/demo/legal.yaml, fill it in, and name it in MARATHON_LEGAL_FILE."
        return Finding(what, "nobody has said who publishes this", todo)
    try:
        missing = legal.load(settings).missing
    except SettingsError as error:
        return Finding(what, str(error), "Correct the file: the gateway does not start with it.")
    if missing:
        return Finding(what, f"missing: {', '.join(missing)}", f"Edit {settings.legal_file}.")
    return Finding(what, f"filled in by {settings.legal_file}")


def port(settings: Settings) -> Finding:
    """Whether the gateway's port is free, or taken by a gateway."""
    from deploy.local.process import is_port_free

    number = settings.gateway_port
    if is_port_free(number):
        return Finding("gateway's port", f"{number} is free")
    if _is_gateway(number):
        return Finding("gateway's port", f"a gateway answers on {number}")
    return Finding(
        "gateway's port",
        f"{number} is taken by another program",
        "Stop it, or set MARATHON_GATEWAY_PORT.",
    )


def broker(settings: Settings) -> Iterator[Finding]:
    """Whether the broker answers and has our queues."""
    if settings.embedded:
        yield Finding("broker", "embedded")
        return
    from services.chassis import topology

    absent = _attempt(lambda: topology.missing(settings))
    if isinstance(absent, Exception):
        yield Finding("broker", f"does not answer ({absent})", "Look at MARATHON_AMQP_URL.")
        return
    yield Finding("broker", "answers")
    if absent:
        yield Finding("topology", f"missing: {', '.join(absent)}", "Run: marathon topology apply")
    else:
        yield Finding("topology", "all queues there")


def database(service: str, settings: Settings) -> Finding:
    """Whether a service's database answers, has all migrations, and no event is parked."""
    what = f"database of {service}"
    url = settings.database_url_of(service)
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        return Finding(what, "not made yet", f"Run: marathon migrate {service}")
    at_head = _attempt(lambda: _look(service, settings))
    if isinstance(at_head, Exception):
        return Finding(what, f"does not answer ({at_head})", "Look at MARATHON_DATABASE_URL.")
    if at_head is None:
        return Finding(what, "migrations are missing", f"Run: marathon migrate {service}")
    if at_head:
        return Finding(what, f"parked events: {at_head}", f"Look: marathon events parked {service}")
    return Finding(what, "answers, at head, nothing parked")


def storage(settings: Settings) -> Finding:
    """Whether files can be stored, and found again."""
    from services.chassis.storage import storage_of

    probe = f"doctor/{secrets.token_hex(8)}"

    def look() -> bool:
        files = storage_of(settings)
        files.put(probe, [b"probe"])
        found = files.size(probe)
        files.delete(probe)
        return found == len(b"probe")

    found = _attempt(look)
    if found is True:
        return Finding("storage of files", "can be written")
    told = found if isinstance(found, Exception) else "what is written is not found"
    return Finding("storage of files", f"does not work ({told})", "Look at MARATHON_STORAGE.")


def boxes(settings: Settings) -> Iterator[Finding]:
    """The polls whose box the storage has lost, if any."""
    lost = _attempt(lambda: _lost_boxes(settings))
    if isinstance(lost, list) and lost:
        yield Finding("boxes", f"not in the storage: {', '.join(lost)}", "Run: marathon poll store")


def _lost_boxes(settings: Settings) -> list[str]:
    from services.chassis.database import Database
    from services.chassis.storage import storage_of
    from services.voting import box_store

    url = settings.database_url_of("voting")
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        return []
    opened = Database(url, settings)
    try:
        return box_store.missing(opened, storage_of(settings))
    finally:
        opened.close()


def _look(service: str, settings: Settings) -> int | None:
    """How many events are parked; nothing where migrations are missing."""
    from services.chassis import parked, schema_version
    from services.chassis.database import Database

    opened = Database(settings.database_url_of(service), settings)
    try:
        if not schema_version.is_at_head(service, opened):
            return None
        return len(parked.list_failed(opened))
    finally:
        opened.close()


def _attempt(look: Callable[[], Any]) -> Any:
    """What ``look`` gives, or what it raised: whatever is wrong there is the finding."""
    try:
        return look()
    except Exception as error:
        text = str(getattr(error, "orig", error)).strip() or type(error).__name__
        return LookupError(text.splitlines()[0])


def _has(wanted: Any) -> bool:
    try:
        return bool(wanted.specifier.contains(metadata.version(wanted.name)))
    except metadata.PackageNotFoundError:
        return False


def _is_gateway(number: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{number}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False
