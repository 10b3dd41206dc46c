"""A corpus decoded with nobody watching: in batches, and exactly where a watch rule fires."""
