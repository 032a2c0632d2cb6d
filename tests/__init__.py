"""Tests mirror the tree; ``harness.py`` plays services without a broker, ``instance.py`` with."""
