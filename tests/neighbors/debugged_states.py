"""The states that the debugger records under teacher forcing, and how far others are from them."""

import numpy as np
import torch

from s2sdap.decoding.planning import planner_for
from s2sdap.decoding.reference import forced_steps, reference_tokens, with_room_for
from s2sdap.neighbors.extraction import Extractor, available_sites
from s2sdap.neighbors.states import INDEXABLE, StateSite
from s2sdap.vocabulary.sites import SITES

BATCHED = 0.52
"""Steps of half precision by which a batch is off at most, of which half a step is the rounding itself.

0.5012 was measured, over every family of these tests; a step is that of the largest number of a row.
"""


_KNOWN = {}


def debugged(model, source, target, settings=None):
    """Of one sentence: the target tokens, the likeliest tokens, and float32 states by site.

    `target` is a text, or the very tokens. A sentence is forced once a run.
    """
    key = (model, source, target, repr(settings))  # the model itself is kept, so that no other has its place
    if key not in _KNOWN:
        _KNOWN[key] = _debugged(model, source, target, settings)
    return _KNOWN[key]


def _debugged(model, source, target, settings):
    plan = planner_for(model, settings)(source, sentence=0, line=1, where="here")
    encoder = plan.begin()
    tokens = reference_tokens(model.target, encoder, target) if isinstance(target, str) else target
    records = list(forced_steps(with_room_for(plan, len(tokens)), encoder, tokens))
    likeliest = [int(record.sites["prediction.logits"][0].argmax()) for record in records]
    states = {}
    for site in INDEXABLE:
        of_source = site.startswith("encoder.")
        if of_source and site in encoder.sites:
            value = encoder.sites[site]
        elif not of_source and records and site in records[0].sites:
            value = torch.cat([record.sites[site] for record in records])
        else:
            continue
        if "L" not in SITES[site].axes.split():
            states[StateSite(site)] = numbers(value)
            continue
        for layer in range(value.shape[0 if of_source else 1]):
            one = value.select(0 if of_source else 1, layer)
            states[StateSite(site, layer)] = numbers(one.flatten(1))
    return tuple(tokens[: len(records)]), likeliest, states


def numbers(value):
    return value.float().numpy()


def rounded(states):
    """States as an index holds them."""
    return states.astype(np.float16)


def steps_apart(found, exact):
    """How far rows of half precision are from float32 ones, in steps of half precision at the largest number
    of each row: half of one is the rounding itself."""
    largest = np.abs(exact).max(axis=1, keepdims=True).astype(np.float16)
    step = np.spacing(np.maximum(largest, np.float16(2**-14))).astype(np.float64)
    return float((np.abs(found.astype(np.float64) - exact) / step).max(initial=0.0))


def everything(model, example=None, **others):
    """An extractor of every site that the model has."""
    return Extractor(model, tuple(available_sites(model, example)), **others)


def by_sentence(extracted, number):
    """The parts of `extracted` that are of one sentence."""
    return {
        site: {name: getattr(states, name)[states.sentence == number] for name in states.__slots__}
        for site, states in extracted.items()
    }


def check(model, pair, found, most, settings=None):
    """`found`, of one sentence, against the debugger: everything equal, vectors within `most` steps."""
    tokens, likeliest, exact = debugged(model, pair.source, pair.target, settings)
    assert set(found) == set(exact)
    source = [token.id for token in model.tokenize(pair.source).tokens]
    for site, states in found.items():
        expected = source if site.of_source else list(tokens)
        assert states["token"].tolist() == expected
        assert states["position"].tolist() == list(range(len(expected)))
        assert states["predicted"].tolist() == ([-1] * len(source) if site.of_source else likeliest)
        assert states["vectors"].shape == exact[site].shape
        if most:
            assert steps_apart(states["vectors"], exact[site]) <= most, site
        else:
            np.testing.assert_array_equal(states["vectors"], rounded(exact[site]), err_msg=str(site))
