"""What fields are called, on a form as among what is held on somebody."""

from __future__ import annotations

from gateway.languages import gettext as _


def field_words() -> dict[str, str]:
    """Labels by a field's name, in the language of the present request."""
    return {
        "title": _("Name"),
        "pitch": _("The idea, in a few sentences"),
        "activity": _("Activity"),
        "siren": _("SIREN number"),
        "commune": _("Commune"),
        "max_size": _("Largest size of the team"),
        "open_roles": _("Who is still wanted in the team"),
        "reason": _("Reason"),
        "surface_m2": _("Surface in m²"),
        "capacity": _("How many teams fit in"),
        "ground_floor": _("On the ground floor"),
        "step_free": _("Step-free access"),
        "power": _("Electricity"),
        "water": _("Water"),
        "toilets": _("Toilets"),
        "heating": _("Heating"),
        "internet": _("Internet"),
        "shop_window": _("Shop window"),
        "project": _("Project"),
        "role": _("Role"),
        "organisation": _("Organisation"),
        "elected_in": _("Elected in the commune"),
        "president": _("Presides over the jury"),
        "label": _("What it is for"),
        "values": _("Value"),
        "comment": _("Comment"),
    }
