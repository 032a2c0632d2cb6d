"""Tests of the event catalogue."""
