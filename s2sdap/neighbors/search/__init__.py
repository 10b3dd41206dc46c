"""Which states are nearest to a given one: exactly, or faster with a recall that is measured and said.

`open_search` opens a site of a store; `Search.query` asks it.
"""

from s2sdap.neighbors.search.choice import Kind
from s2sdap.neighbors.search.filters import Filter
from s2sdap.neighbors.search.found import Found
from s2sdap.neighbors.search.metrics import Metric
from s2sdap.neighbors.search.opening import open_search
from s2sdap.neighbors.search.search import Search

__all__ = ["Filter", "Found", "Kind", "Metric", "Search", "open_search"]
