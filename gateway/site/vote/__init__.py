"""The voter's way: ask for a ballot, confirm it, change it; with a paper code; check a receipt."""

from __future__ import annotations

from flask import Blueprint

from gateway.site.vote import asking, casting, paper, receipts


def add_to(site: Blueprint) -> None:
    """Adds these pages."""
    for pages in (asking, casting, paper, receipts):
        pages.add_to(site)
