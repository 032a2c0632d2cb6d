"""registration: who takes part, and in which marathon.

Owns cycles, marathons, the host towns until they are revealed, the baton; people, all roles,
sign-in, projects, teams, coaches.
Says every change of a marathon, a project, a role, the relay; cycle_finished; person_erased.
Hears premises, allocations, panels, polls, scorecards' progress and the palmarès: what is
missing before a move. Hears itself, so that each arrow of the relay survives a crash.
Promises: a host town is nowhere before its reveal; never two grants of one baton; nobody is
both juror and competitor in one marathon.
"""
