"""A condition that is asked without its guards says what it says with them, or the same is wrong with it."""

import math

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from s2sdap import S2sdapError
from s2sdap.debugger.expressions import compile_expression

NAMES = ("p", "entropy", "margin", "focus", "unknown", "token", "attention")
VALUES = (0.5, 0.1, -1.0, 2, 0, -3, 2**70, math.nan, math.inf, True, False, None, "a", "", "x" * 10_001)
VALUES = (*VALUES, [0.5, 2.0], [2**70, 1, "a", None], [])

names = st.sampled_from(NAMES)
constants = st.sampled_from(("0", "1", "-1", "0.5", "2", "-2.5", "1e999", "None", "True", "'a'", "''"))
items = st.builds("{}[{}]".format, names, names)
lengths = st.builds("len({})".format, names)
simple = st.one_of(names, names, constants, items, lengths)
computed = st.builds("({} {} {})".format, simple, st.sampled_from(("+", "-", "*", "/")), simple)
operands = st.one_of(simple, simple, computed)
compared = st.builds(
    "{} {} {}".format, operands, st.sampled_from(("<", "<=", ">", ">=", "==", "!=", "in", "not in")), operands
)
conditions = st.recursive(
    st.one_of(compared, compared, names),
    lambda parts: st.one_of(
        st.builds("({} and {})".format, parts, parts),
        st.builds("({} or {})".format, parts, parts),
        st.builds("({} and {} and {})".format, parts, parts, parts),
        st.builds("(not {})".format, parts),
    ),
    max_leaves=5,
)


def told(text, values):
    """What it comes to: a value with its type, or what is wrong and where."""
    try:
        value = compile_expression(text, NAMES)(values)
    except S2sdapError as error:
        return error.name, error.details
    return repr(value)


@given(conditions, st.fixed_dictionaries({name: st.sampled_from(VALUES) for name in NAMES}))
@hypothesis_settings(max_examples=800, deadline=None)
def test_the_same_with_and_without_guards(text, values):
    quick = told(f" {text}", values)
    guarded = told(f"[{text}]", values)  # a list is not of the commonest, and takes as much room as the blank
    assert guarded == (quick if isinstance(quick, tuple) else f"[{quick}]")
