"""The web: the only door to the outside.

The gateway owns nothing: no database, no rules. It finds out who asks (``identity``), decides
by the table in ``routes`` who may (``access``), asks a service (``asking``) and shows the
answer: as JSON under ``/api/v1`` (``api``), as pages in French (``site``). It imports the
services' messages, never their rules or tables.
"""
