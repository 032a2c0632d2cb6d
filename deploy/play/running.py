"""The 36 hours: check-in, keys, ballots by paper codes, scorecards."""

from __future__ import annotations

import random
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any

from deploy.play.api import Api, Problem
from deploy.play.mobilising import GRID, STANDING
from deploy.play.scene import Scene, Stuck, until

PLACES = ("Mairie", "Office de tourisme", "Médiathèque", "Marché")
THREADS = 4
CODE = re.compile(r"\b\d{6}\b")
RUNNING = "running"


def start(scene: Scene) -> None:
    """Moves the clock to the start, waits for it, and lets the teams in."""
    view = scene.view()
    if view["state"] == "mobilised":
        scene.move_clock(datetime.fromisoformat(view["starts_at"]))
    until("the marathon is running", lambda: scene.state() not in ("announced", "mobilised"))
    if scene.state() != RUNNING:
        return
    scene.tell("accueil et remise des clés")
    for project in scene.api.get(f"{scene.path}/projects"):
        if project["status"] == "confirmed":
            scene.api.post(f"/projects/{project['id']}/check-in", scene.step("in", project["id"]))
    for seat in scene.api.get(f"{scene.path}/allocations"):
        if seat["status"] == "confirmed":
            step = scene.step("keys", seat["id"])
            scene.api.post(f"/allocations/{seat['id']}/hand-over", step)


# --- ballots --------------------------------------------------------------------------------


def vote(scene: Scene) -> None:
    """Casts the leg's ballots with paper codes; those that were cast already count."""
    if scene.state() != RUNNING:
        return
    poll = until("the poll is open", lambda: _open_poll(scene))
    wanted = round(scene.leg.ballots * scene.scale)
    cast = int(poll["voters"])
    if cast >= wanted:
        return
    scene.tell(f"{wanted - cast} bulletins")
    codes = _codes(scene, poll["id"], cast, wanted)
    choices = _choices(scene, [one["id"] for one in poll["candidates"]], wanted)[cast:]
    with ThreadPoolExecutor(THREADS) as pool:
        list(
            pool.map(lambda pair: _cast(scene, poll["id"], *pair), zip(codes, choices, strict=True))
        )


def _open_poll(scene: Scene) -> Any:
    poll = scene.api.get(f"{scene.path}/poll")
    return poll if poll["open"] else None


def _codes(scene: Scene, poll: str, cast: int, wanted: int) -> list[str]:
    """New paper codes for the ballots that are still to be cast, place by place."""
    codes: list[str] = []
    left = wanted - cast
    for number, place in enumerate(PLACES):
        share = left // len(PLACES) + (number < left % len(PLACES))
        if share:
            codes += _issue(scene, poll, place, share, cast)
    return codes


def _issue(scene: Scene, poll: str, place: str, count: int, cast: int) -> list[str]:
    """A batch of codes. An answer that was lost is never shown again: the batch is revoked."""
    for attempt in range(20):
        step = scene.step("codes", place, cast, attempt)
        try:
            made = scene.api.post(f"/polls/{poll}/codes", step, place=place, count=count)
        except Problem as problem:
            if problem.code != "answer_shown_once":
                raise
        else:
            return list(made["codes"])
    raise Stuck(f"Codes for {place} can't be made: their answers are lost again and again.")


def _choices(scene: Scene, projects: list[str], count: int) -> list[str]:
    """Who is voted for, ballot by ballot: some projects are liked better."""
    rng = random.Random(scene.rng_seed("ballots"))
    ordered = sorted(projects)
    weights = [rng.uniform(1, 6) for _ in ordered]
    return rng.choices(ordered, weights, k=count)


def _cast(scene: Scene, poll: str, code: str, project: str) -> None:
    step = scene.step("ballot", code)
    scene.api.post(f"/polls/{poll}/ballots", step, code=code, project=project)


# --- scorecards -----------------------------------------------------------------------------


def score(scene: Scene, jurors: int | None = None) -> None:
    """Every juror, or the first few, signs in and hands in a card for each team."""
    if scene.state() not in (RUNNING, "ended"):
        return
    until("the jury knows that it runs", lambda: _panel_knows(scene))
    recuse(scene)
    wanted = scene.leg.jurors if jurors is None else jurors
    if _are_in(scene, wanted):
        return
    scene.tell(f"grilles de {wanted} jurés")
    emails = [scene.person("juror", number).email for number in range(wanted)]
    for number, session in enumerate(sign_in(scene, emails)):
        _score(scene, number, session)


def _panel_knows(scene: Scene) -> bool:
    """Whether the jury has heard of all the teams that are here."""
    lines = scene.api.get(f"{scene.path}/progress")
    here = [p for p in scene.api.get(f"{scene.path}/projects") if p["status"] in STANDING]
    return {line["project"] for line in lines} == {project["id"] for project in here}


def _are_in(scene: Scene, jurors: int) -> bool:
    lines = scene.api.get(f"{scene.path}/progress")
    return all(line["cards_in"] >= min(jurors, line["cards_expected"]) for line in lines)


def _score(scene: Scene, number: int, session: str) -> None:
    cards = _as(scene, session).get(f"{scene.path}/scorecards/mine")
    for line in cards:
        if line["card"] is None and not line["recused"]:
            rng = random.Random(scene.rng_seed("card", number, line["title"]))
            values = {criterion["id"]: rng.randint(3, 10) for criterion in GRID}
            path = f"{scene.path}/scorecards/{line['project']}"
            step = scene.step("card", number, line["project"])
            hand_in = partial(scene.api.put, path, step, session, values=values)
            until("the jury takes the card", hand_in)


def _as(scene: Scene, session: str) -> Api:
    return Api(scene.api.url, session, scene.api.play)


def recuse(scene: Scene) -> None:
    """The leg's recusals: the last juror, for the first teams."""
    if not scene.leg.recusals:
        return
    panel = scene.api.get(f"{scene.path}/panel")
    last = scene.person("juror", scene.leg.jurors - 1)
    key = next(one["key"] for one in panel["jurors"] if one["name"] == last.name)
    standing = [p for p in scene.api.get(f"{scene.path}/projects") if p["status"] in STANDING]
    for project in sorted(standing, key=lambda p: str(p["title"]))[: scene.leg.recusals]:
        body = {"project": project["id"], "juror_key": key, "reason": "Lien d’affaires (inventé)."}
        scene.api.post(f"{scene.path}/recusals", scene.step("recusal", project["id"]), **body)


def sign_in(scene: Scene, emails: list[str]) -> list[str]:
    """Sessions of these people, by the codes that are mailed to them (RULES S1).

    The codes are read from the demonstration's mailbox: real instances have none.
    """
    before = {email: {mail["id"] for mail in _mails(scene, email)} for email in emails}
    for email in emails:
        step = scene.step("sign-in", email, len(before[email]))
        scene.api.post("/sign-in/requests", step, email=email)
    return [_session(scene, email, before[email]) for email in emails]


def _session(scene: Scene, email: str, before: set[str]) -> str:
    mail = until(f"a mail to {email}", lambda: _newest(scene, email, before))
    code = CODE.search(mail["text"])
    if code is None:
        raise Stuck(f"The mail to {email} holds no code.")
    step = scene.step("session", email, mail["id"])
    made = scene.api.post("/sign-in", step, email=email, code=code[0])
    return str(made["session"])


def _newest(scene: Scene, email: str, before: set[str]) -> Any:
    new = [mail for mail in _mails(scene, email) if mail["id"] not in before]
    return new[0] if new else None


def _mails(scene: Scene, email: str) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = scene.api.get("/mails", to=email)
    except Problem as problem:
        if problem.status != 404:
            raise
        raise Stuck(
            "Jurors sign in by mail, and this instance has no mailbox to read it from: start it"
            " with MARATHON_DEMO=1 and MARATHON_SMTP_URL=folder:PATH."
        ) from problem
    return found
