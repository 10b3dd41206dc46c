"""Small plans whose search is edited, and when two of their decodes are the same."""

import math
from dataclasses import replace

from same_records import assert_same
from tiny_models import rnn

from s2sdap import SearchSettings
from s2sdap.decoding.step import Decode

TEXT = "abcdh"
BEAM = SearchSettings(beam_size=3, n_best=3, max_length=7)
GREEDY = SearchSettings(max_length=8, min_length=5)
DRAWS = SearchSettings(sample=True, n_best=3, max_length=8, seed=5)
BAN = -math.inf


def plan_of(settings=BEAM, config=None, text=TEXT):
    return Decode.of(rnn(config), text, settings)


def assert_same_decode(mine, others):
    """The same records but for the edits and the settings that they carry."""
    assert len(mine) == len(others)
    for one, other in zip(mine, others, strict=True):
        assert_same(dict(one.sites), dict(other.sites))
        assert_same(one.candidates, other.candidates)
        assert_same(replace(one.after, settings=None), replace(other.after, settings=None))


def named(settings):
    return {name: getattr(settings, name) for name in settings.__struct_fields__}
