"""Of a token that is likely enough a condition does not hold, whatever the others have."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s2sdap.debugger import measures
from s2sdap.debugger.expressions import compile_expression
from s2sdap.debugger.sureness import NEVER, entropy_at_most, margin_at_least

NAMES = ("p", "entropy", "margin", "focus", "attention")

bounds = st.one_of(st.integers(-2, 4), st.floats(-2, 5).map(lambda number: round(number, 3)))
about_one = st.builds(
    "{} {} {}".format,
    st.sampled_from(("p", "entropy", "margin")),
    st.sampled_from(("<", "<=", ">", ">=")),
    bounds,
)
conditions = st.recursive(
    about_one,
    lambda parts: st.builds("({} {} {})".format, parts, st.sampled_from(("and", "or")), parts),
    max_leaves=3,
)
probabilities = st.floats(1e-6, 1.0)


def distribution(p, sizes):
    """Log-probs of a token of that probability, which comes first, and of others that share the rest so."""
    shares = np.asarray(sizes, np.float64)
    others = (1.0 - p) * shares / shares.sum()
    return np.log(np.maximum(np.concatenate([[p], others]), 1e-300)).astype(np.float32)


@given(conditions, probabilities, st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=300))
@settings(max_examples=400, deadline=None)
def test_a_condition_does_not_hold_of_a_token_that_is_likely_enough(text, p, sizes):
    condition = compile_expression(text, NAMES)
    row = distribution(p, sizes)
    values = {"p": math.exp(row[0]), "entropy": measures.entropy(row), "margin": measures.margin(row)}
    for sure in (values["p"], min(1.0, max(condition.sure_from, values["p"]))):
        row = distribution(sure, sizes)
        values = {"p": math.exp(row[0]), "entropy": measures.entropy(row), "margin": measures.margin(row)}
        if values["p"] >= condition.sure_from:
            assert not condition(values)


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("p < 0.5", 0.5, 0.5),
        ("p <= 0.5", math.nextafter(0.5, 1), math.nextafter(0.5, 1)),
        ("p < -1", -1, -1),
        ("entropy > 99", 1e-5, 1e-5),
        ("entropy > 2", 0.94, 0.97),
        ("entropy >= 2", 0.94, 0.97),
        ("margin < 0.1", 0.57, 0.58),
        ("margin < 0.6", 0.82, 0.83),
        ("p < 0.97 or entropy > 2", 0.97, 0.97),
        ("p < 0.5 or entropy > 2", 0.94, 0.97),
        ("p < 0.8 and attention[focus] > 0.9", 0.8, 0.8),
        ("entropy > 0.5", NEVER, NEVER),
        ("margin < 0.99", NEVER, NEVER),
        ("p > 0.5", NEVER, NEVER),
        ("entropy < 1", NEVER, NEVER),
        ("focus < 3", NEVER, NEVER),
        ("p < focus", NEVER, NEVER),
        ("0.5 > p", NEVER, NEVER),
        ("attention[focus] > 0.9 and p < 0.8", NEVER, NEVER),
        ("p < 0.5 or focus > 3", NEVER, NEVER),
        ("not p < 0.5", NEVER, NEVER),
    ],
)
def test_from_where_on(text, least, most):
    assert least <= compile_expression(text, NAMES).sure_from <= most


@pytest.mark.parametrize("bound", [1.0, 1.5, 2.0, 3.0, 9.0])
def test_it_is_where_the_bounds_meet_the_condition(bound):
    sure = compile_expression(f"entropy > {bound}", NAMES).sure_from
    assert entropy_at_most(sure) <= bound
    assert entropy_at_most(sure - 1e-9) > bound
    sure = compile_expression(f"margin < {bound / 12}", NAMES).sure_from
    assert margin_at_least(sure) >= bound / 12
    assert margin_at_least(sure - 1e-9) < bound / 12
