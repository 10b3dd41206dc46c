"""Distances and alignment, against the formulas written out with numpy and plain loops."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from s2sdap.debugger.comparing import distances
from s2sdap.debugger.comparing.alignment import EDITED, aligned, common_prefix

weights = st.lists(st.floats(0, 1), min_size=2, max_size=6)
numbers = st.lists(st.floats(-100, 100), min_size=3, max_size=3)
letters = st.lists(st.sampled_from("abc"), max_size=12)


def distribution(values):
    raised = np.array(values) + 1e-3
    return raised / raised.sum()


def kl(p, q):
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True) if a > 0)


@given(weights, weights)
def test_distributions(first, second):
    size = min(len(first), len(second))
    p, q = distribution(first[:size]), distribution(second[:size])
    tensors = torch.tensor(p), torch.tensor(q)
    middle = (p + q) / 2
    assert distances.total_variation(*tensors) == pytest.approx(np.abs(p - q).sum() / 2, abs=1e-12)
    assert distances.jensen_shannon(*tensors) == pytest.approx((kl(p, middle) + kl(q, middle)) / 2, abs=1e-12)
    assert distances.symmetric_kl(*(each.log() for each in tensors)) == pytest.approx(
        kl(p, q) + kl(q, p), abs=1e-12
    )
    assert distances.total_variation(tensors[0], tensors[0]) == 0
    assert distances.jensen_shannon(tensors[0], tensors[0]) == 0


def test_disjoint_distributions_are_as_far_apart_as_can_be():
    p, q = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    assert distances.total_variation(p, q) == 1
    assert distances.jensen_shannon(p, q) == pytest.approx(math.log(2))


def test_what_both_rule_out_adds_nothing_and_what_one_does_is_infinitely_far():
    p = torch.tensor([0.25, 0.75, 0.0]).log()
    q = torch.tensor([0.5, 0.5, 0.0]).log()
    assert distances.symmetric_kl(p, q) == pytest.approx(kl([0.25, 0.75], [0.5, 0.5]) * 2, rel=0.1)
    assert distances.symmetric_kl(p, q) == pytest.approx(
        kl([0.25, 0.75], [0.5, 0.5]) + kl([0.5, 0.5], [0.25, 0.75])
    )
    assert distances.symmetric_kl(p, torch.tensor([0.5, 0.25, 0.25]).log()) == math.inf
    assert distances.symmetric_kl(p, p) == 0


@given(numbers, numbers)
def test_vectors(first, second):
    a, b = np.array(first), np.array(second)
    tensors = torch.tensor(a), torch.tensor(b)
    assert distances.euclidean(*tensors) == pytest.approx(math.dist(a, b), abs=1e-9)
    lengths = np.linalg.norm(a), np.linalg.norm(b)
    found = distances.cosine(*tensors)
    if min(lengths) == 0:
        assert found is None
    elif min(lengths) > 1e-6:
        assert found == pytest.approx(1 - float(a @ b) / float(lengths[0] * lengths[1]), abs=1e-9)
        assert distances.cosine(tensors[0], tensors[0]) == 0


@given(letters, letters)
def test_an_alignment_has_every_step_once_and_in_order(left, right):
    pairs = aligned(left, right)
    assert [i for i, _ in pairs if i is not None] == list(range(len(left)))
    assert [j for _, j in pairs if j is not None] == list(range(len(right)))
    assert (None, None) not in pairs
    prefix = common_prefix(left, right)
    assert list(pairs[:prefix]) == [(step, step) for step in range(prefix)]
    assert left[:prefix] == right[:prefix]
    assert prefix == min(len(left), len(right)) or left[prefix] != right[prefix]


def test_after_a_word_more_the_rest_goes_together_again():
    assert aligned("abcdef", "abxcdef")[2:] == ((None, 2), (2, 3), (3, 4), (4, 5), (5, 6))


def test_what_is_very_long_goes_by_place():
    left, right = ["a", "b"] * EDITED, ["b", "a"] * EDITED
    assert aligned(left, right) == tuple((step, step) for step in range(2 * EDITED))
