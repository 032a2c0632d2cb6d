"""jury: what the jury decides.

Owns panels, grids, scorecards, recusals, deliberations, prizes and the palmarès.
Says panel_convened, scorecard_submitted (how many, never whose nor what), palmares_published.
Hears marathons, projects, roles and erasures from registration; allocations from venues;
polls from voting.
Promises: the ranking is a pure function of the cards, in exact fractions; nobody sees somebody
else's card; a published palmarès is never edited, only followed by a new edition.
"""
