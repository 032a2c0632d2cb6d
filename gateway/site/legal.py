"""The legal pages: who publishes, what is kept on people, how accessible this is."""

from __future__ import annotations

from flask import Blueprint, current_app, render_template

from gateway import legal
from gateway.asking import parts
from gateway.legal import retention
from gateway.memory import public

TECHNOLOGIES = ("HTML", "CSS", "SVG")


def add_to(site: Blueprint) -> None:
    """Adds these pages."""
    site.add_url_rule("/mentions-legales", "legal_notice", public(legal_notice))
    site.add_url_rule("/confidentialite", "privacy", public(privacy))
    site.add_url_rule("/accessibilite", "accessibility", public(accessibility))


def legal_notice() -> str:
    """Who publishes this site, who answers for it, who hosts it."""
    return render_template("legal_notice.html", legal=told())


def privacy() -> str:
    """What is kept on people, why and how long, the cookies, and one's rights."""
    return render_template(
        "privacy.html",
        legal=told(),
        table=retention.table(),
        cookie=current_app.config["SESSION_COOKIE_NAME"],
        cookie_days=current_app.permanent_session_lifetime.days,
    )


def accessibility() -> str:
    """The accessibility declaration."""
    return render_template(
        "accessibility.html",
        legal=told(),
        site=parts().settings.public_url,
        technologies=TECHNOLOGIES,
    )


def told() -> legal.Legal:
    """What the operator has told of this instance."""
    found: legal.Legal = current_app.extensions["legal"]
    return found
