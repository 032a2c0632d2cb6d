"""Journeys in a real browser: phone and desktop, with and without JavaScript."""
