"""voting: what residents prefer.

Owns polls, the register of who voted, ballots, paper codes, the count and its record.
Says poll_prepared, poll_opened, poll_closed, poll_counted: no counts before the last one.
Hears marathons, projects, roles and erasures from registration; panels and the palmarès
from the jury.
Promises: one ballot counts per voter; counts stay secret from everyone until the count; once
the marathon is closed nothing links a voter to a ballot any more.
"""
