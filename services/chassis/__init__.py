"""What every service stands on: envelope, outbox, inbox, calls, clock, people's parts.

Nothing of the domain is in here, and the chassis imports no service.
"""
