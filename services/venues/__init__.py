"""Venues: where. Owners' premises, offers for a marathon, allocation of teams, keys.

Owns: premises and their owners' private contact, offers, allocations, who has which key.
Says: premises_offered, premises_allocated, premises_released.
Hears: marathons, projects and erased persons from registration; the palmarès from the jury
(premises tied to a prize are held).
"""
