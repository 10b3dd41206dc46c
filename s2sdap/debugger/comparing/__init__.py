"""Comparing: two decodes aligned at their first divergence, and where a reference went.

`runs` says what is compared and makes it, `sides` finds in a session what a person names, `comparison`
holds two runs against each other, `whereabouts` follows a reference through a search.
"""
