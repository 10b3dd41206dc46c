"""Benchmarks: `make bench` runs them all and ends with a table.

Every speed is a ratio against a peer measured in the same run, in pairs (ours, theirs, ours, ...),
so that a machine that slows down slows both. Each module measures one thing.
"""
