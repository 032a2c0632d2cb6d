"""Before the start: host, dates, jury, teams, premises, poll."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any

from deploy.play.scene import Scene, Stuck, until
from deploy.play.script import Place, Team
from services.chassis import territory

BEFORE = ("draft", "announced", "mobilised")
STANDING = ("confirmed", "checked_in")
SEATED = ("confirmed", "handed_over", "returned")
GRID: list[dict[str, Any]] = [
    {"id": "utilite", "label": "Utilité pour le territoire", "weight": 2},
    {"id": "modele", "label": "Solidité du modèle", "weight": 2},
    {"id": "originalite", "label": "Originalité"},
    {"id": "equipe", "label": "L’équipe et son test de 36 heures"},
]


def announce(scene: Scene, reveal: bool) -> None:
    """Dates and host town; the town stays secret unless it is to be revealed."""
    view = until("the marathon is announced", scene.view)
    if scene.leg.starts_at and view["starts_at"] is None and view["state"] in BEFORE:
        starts_at = scene.leg.starts_at.isoformat()
        scene.api.patch(scene.path, scene.step("dates"), starts_at=starts_at)
    if view["revealed"] or scene.leg.host is None or view["state"] not in BEFORE[:2]:
        return
    scene.api.put(f"{scene.path}/host", scene.step("host"), insee=scene.leg.host)
    if reveal:
        scene.api.post(f"{scene.path}/host/reveal", scene.step("reveal"))


def must_be_to_come(scene: Scene) -> None:
    """Raises :class:`Stuck` where the 36 hours passed before the marathon began."""
    view = scene.view()
    if view["state"] not in BEFORE or view["ends_at"] is None:
        return
    shown = scene.api.find("/clock")
    present = datetime.fromisoformat(shown["now"]) if shown else datetime.now(UTC)
    if present >= datetime.fromisoformat(view["ends_at"]):
        raise Stuck(
            f"{scene.marathon} would be over before it began: the instance's clock shows"
            f" {present:%Y-%m-%d}. Play it on an instance that is new, with MARATHON_CLOCK_FILE."
        )


def mobilise(scene: Scene) -> None:
    """All that a start needs (RULES C2), until nothing is missing any more."""
    until("the marathon is mobilised", lambda: scene.state() not in BEFORE[:2])
    if scene.state() != "mobilised":
        return
    scene.tell("jury et coachs")
    convene(scene)
    scene.tell("projets et équipes")
    projects = register_teams(scene)
    scene.tell("locaux")
    open_premises(scene)
    until("every team has premises", partial(place, scene, set(projects)))
    scene.tell("scrutin")
    until("the poll lists the teams", partial(prepare_poll, scene, set(projects)))
    until("nothing is missing before the start", lambda: not _missing(scene))


def _missing(scene: Scene) -> Any:
    return scene.api.get(f"{scene.path}/missing", to="running")


# --- jury and coaches -----------------------------------------------------------------------


def convene(scene: Scene) -> None:
    """The roles, the grid, the panel."""
    present = {role["email"] for role in scene.api.get(f"{scene.path}/roles")}
    for number in range(scene.leg.jurors):
        _grant(scene, present, "juror", number, **_office(scene, number))
    for number in range(scene.leg.coaches):
        _grant(scene, present, "coach", number, organisation="Atelier des entreprises (inventé)")
    _grant(scene, present, "organiser", 0)
    until("the jury knows of the marathon", partial(_set_grid, scene))
    for gift in scene.leg.prizes:
        _add_prize(scene, gift)
    until("the panel is complete", lambda: _panel_is_complete(scene))


def _set_grid(scene: Scene) -> Any:
    return scene.api.put(f"{scene.path}/grid", scene.step("grid"), criteria=GRID)


def _add_prize(scene: Scene, gift: Any) -> None:
    values = {"kind": gift.kind, "title": gift.title, "quantity": gift.quantity}
    step = scene.step("prize", gift.title)
    scene.api.post(f"{scene.path}/prizes", step, donor=gift.donor, **values)


def _office(scene: Scene, number: int) -> dict[str, Any]:
    """Elected officials and partners in turn; the first presides."""
    if number % 2:
        return {"organisation": "Chambre de métiers (inventée)"}
    commune = host_commune(scene)
    office = {"organisation": f"Mairie de {commune.name}", "elected_in": commune.insee}
    return {**office, "president": number == 0}


def _grant(scene: Scene, present: set[str], role: str, number: int, **more: Any) -> None:
    somebody = scene.person(role, number)
    if somebody.email not in present:
        body = {"role": role, "person": somebody.named(), **more}
        scene.api.post(f"{scene.path}/roles", scene.step(role, number), **body)


def _panel_is_complete(scene: Scene) -> bool:
    scene.api.post(f"{scene.path}/panel", scene.step("panel"))
    panel = scene.api.get(f"{scene.path}/panel")
    return len(panel["jurors"]) >= scene.leg.jurors


# --- projects and teams ---------------------------------------------------------------------


def register_teams(scene: Scene) -> list[str]:
    """Registers, decides, confirms; answers the ids of the projects that stand."""
    present = _projects(scene)
    for number, team in enumerate(scene.leg.teams):
        project = present.get(team.title) or _register(scene, team, number)
        _enter(scene, project, team)
    if any(project["status"] == "decided" for project in _projects(scene).values()):
        scene.api.post(f"{scene.path}/decisions", scene.step("decisions"))
    coaches = scene.api.get(f"{scene.path}/coaches")
    for number, team in enumerate(scene.leg.teams):
        project = _projects(scene)[team.title]
        _confirm(scene, project, team, number)
        if coaches:
            coach = coaches[number % len(coaches)]["role_id"]
            step = scene.step("coach", team.title)
            scene.api.post(f"/projects/{project['id']}/coaches", step, role_id=coach)
    return [one["id"] for one in _projects(scene).values() if one["status"] in STANDING]


def _projects(scene: Scene) -> dict[str, dict[str, Any]]:
    return {one["title"]: one for one in scene.api.get(f"{scene.path}/projects")}


def _register(scene: Scene, team: Team, number: int) -> dict[str, Any]:
    body: dict[str, Any] = {
        "title": team.title,
        "pitch": team.pitch,
        "activity": team.activity,
        "holder": scene.person("holder", number).named(),
        "commune": host_commune(scene).insee,
        "needs": dict.fromkeys(team.needs, True) | {"surface_m2": team.surface_m2},
        "max_size": max(team.size, 6),
    }
    return dict(scene.api.post(f"{scene.path}/projects", scene.step("team", team.title), **body))


def _enter(scene: Scene, project: dict[str, Any], team: Team) -> None:
    path, step = f"/projects/{project['id']}", scene.step("team", team.title)
    if project["status"] == "draft":
        scene.api.post(f"{path}/submission", f"{step}/submission")
    if project["status"] in ("draft", "submitted"):
        scene.api.post(f"{path}/decision", f"{step}/decision", decision="accepted")


def _confirm(scene: Scene, project: dict[str, Any], team: Team, number: int) -> None:
    path, step = f"/projects/{project['id']}", scene.step("team", team.title)
    if project["status"] == "accepted":
        scene.api.post(f"{path}/confirmation", f"{step}/confirmation")
    known = scene.api.get(f"{path}/team")
    for member in range(known["size"], team.size):
        somebody = scene.person("member", number, member)
        body = {"code": known["join_code"], "person": somebody.named()}
        scene.api.post("/teams/joins", f"{step}/member/{member}", **body)


# --- premises -------------------------------------------------------------------------------


def open_premises(scene: Scene) -> None:
    """Offers and approves the leg's premises."""
    until("the call for premises is open", lambda: _premises(scene) is not None)
    present = _premises(scene)
    for number, place in enumerate(scene.leg.premises):
        offer = present.get(place.title)
        if offer is None:
            body = _offer(scene, place, number)
            step = scene.step("premises", place.title)
            offer = until("venues take offers", partial(_offered, scene, step, body))
        if offer["state"] == "offered":
            step = scene.step("approval", place.title)
            scene.api.post(f"/offers/{offer['id']}/decision", step, approve=True)


def _offered(scene: Scene, step: str, body: dict[str, Any]) -> Any:
    return scene.api.post(f"{scene.path}/premises", step, **body)


def _premises(scene: Scene) -> dict[str, dict[str, Any]]:
    return {one["title"]: one for one in scene.api.get(f"{scene.path}/premises")}


def _offer(scene: Scene, place: Place, number: int) -> dict[str, Any]:
    commune, view = host_commune(scene), scene.view()
    around = timedelta(hours=6)
    free = {
        "from_at": datetime.fromisoformat(view["starts_at"]) - around,
        "to_at": datetime.fromisoformat(view["ends_at"]) + around,
    }
    return {
        "title": place.title,
        "owner": scene.person("owner", number).named() | {"phone": "00 00 00 00 00"},
        "address": {
            "house_number": place.house_number,
            "street": place.street,
            "postal_code": commune.postal_codes[0],
            "insee": commune.insee,
        },
        "surface_m2": place.surface_m2,
        "capacity": place.capacity,
        "step_free": "no" if "step_free" in place.lacks else "yes",
        "power": "power" not in place.lacks,
        "water": "water" not in place.lacks,
        "shop_window": True,
        "available": [{name: instant.isoformat() for name, instant in free.items()}],
    }


def place(scene: Scene, projects: set[str]) -> bool:
    """Proposes and confirms until every team is seated; whether it is so."""
    if _seated(scene) >= projects:
        return True
    # Asked anew each time, so without a key: venues may not have heard of every team yet.
    asked = scene.api.post(f"{scene.path}/allocations/proposal", _fresh(scene, "proposal"))
    if asked["possible"] and asked["allocations"]:
        scene.api.post(f"{scene.path}/allocations/confirmation", _fresh(scene, "confirmation"))
    return _seated(scene) >= projects


def _fresh(scene: Scene, name: str) -> str:
    """A step that is meant anew at every call."""
    return scene.step(name, uuid.uuid4().hex)


def _seated(scene: Scene) -> set[str]:
    found = scene.api.get(f"{scene.path}/allocations")
    return {one["project"] for one in found if one["status"] in SEATED}


def prepare_poll(scene: Scene, projects: set[str]) -> bool:
    """Prepares the poll; whether it lists these projects and no others."""
    poll = scene.api.post(f"{scene.path}/poll", _fresh(scene, "poll"))
    return {one["id"] for one in poll["candidates"]} == projects


@cache
def host_commune(scene: Scene) -> territory.Commune:
    """The host town, by the marathon's own word or else the play's; once mobilised it stays."""
    insee = scene.view()["host_insee"] or scene.leg.host
    found = territory.load().commune(str(insee))
    if found is None:
        raise LookupError(f"leg {scene.leg.leg}: no host town that is in the territory")
    return found
