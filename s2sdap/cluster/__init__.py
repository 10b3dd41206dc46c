"""Beyond one machine: the same work, in parts, on the workers of a Ray cluster.

It knows nothing of models: a worker is made from plain values on its machine, takes bytes and gives
bytes. What is Ray's stays in here.
"""

from s2sdap.cluster.connecting import Cluster, connected, parse_on
from s2sdap.cluster.mapping import Worker, mapped

__all__ = ["Cluster", "Worker", "connected", "mapped", "parse_on"]
