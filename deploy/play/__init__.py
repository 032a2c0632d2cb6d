"""Plays a cycle against a running instance, through its public API alone.

A play file says who takes part and how far each leg goes; ``script`` reads it, ``tour`` plays
it, ``api`` is the only way to the instance. Every step first looks at what is there: a play
that was interrupted goes on, one that is done changes nothing.
"""
