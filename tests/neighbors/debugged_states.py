"""The states that the debugger records under teacher forcing, and how far others are from them."""

import numpy as np
import torch

from s2sdap.decoding.planning import planner_for
from s2sdap.decoding.reference import forced_steps, reference_tokens, with_room_for
from s2sdap.neighbors.states import INDEXABLE, StateSite
from s2sdap.vocabulary.sites import SITES


def debugged(model, source, target, settings=None):
    """Of one sentence: the target tokens, the likeliest tokens, and float32 states by site.

    `target` is a text, or the very tokens.
    """
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
