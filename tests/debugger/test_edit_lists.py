"""Edits survive the way through JSON, and what is none is refused by its number."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2sdap.debugger.edit_lists import from_plain, to_plain, told
from s2sdap.decoding.edits import (
    LogitEdit,
    PruneEdit,
    ReviveEdit,
    SettingEdit,
    SiteEdit,
    SourceEdit,
    TokenEdit,
)
from s2sdap.vocabulary.errors import S2sdapError

whole = st.integers(0, 1000)
finite = st.floats(allow_nan=False, allow_infinity=False, width=32)
index = st.lists(st.none() | whole, max_size=3).map(tuple)
setting = st.booleans() | st.integers(-5, 5) | finite | st.text(max_size=5) | st.none()
values = st.lists(finite, max_size=4).map(tuple)
# Made in the tests: the shape checks of the package draw random numbers, which a strategy must not.
EDITS = st.one_of(
    st.tuples(st.just(TokenEdit), whole, whole, whole),
    st.tuples(st.just(SiteEdit), whole, st.none() | whole, st.just("decoder.state"), values, index),
    st.tuples(st.just(LogitEdit), whole, whole, whole, finite | st.just(-math.inf)),
    st.tuples(st.just(PruneEdit), whole, whole),
    st.tuples(st.just(ReviveEdit), whole, whole, whole),
    st.tuples(
        st.just(SettingEdit), whole, st.text(max_size=8), setting | st.lists(setting, max_size=3).map(tuple)
    ),
    st.tuples(st.just(SourceEdit), st.text(max_size=20)),
)


@given(st.lists(EDITS, max_size=6))
def test_a_list_comes_back_from_json_as_it_was(made):
    edits = [kind(*fields) for kind, *fields in made]
    assert from_plain(json.loads(json.dumps(to_plain(edits)))) == tuple(edits)


@given(EDITS)
def test_every_edit_is_told_in_one_line(made):
    kind, *fields = made
    assert told(kind(*fields), str).startswith(("encoder: ", "step "))


@pytest.mark.parametrize(
    ("plain", "reason"),
    [
        ({"step": 1}, "must be one of"),
        ({"edit": "token", "step": 1, "hypothesis": 1, "token": "x"}, "int"),
        ({"edit": "token", "step": 1, "hypothesis": 1, "token": 4, "more": 1}, "no `more`"),
        (5, "must be one of"),
    ],
)
def test_what_is_no_edit_is_refused(plain, reason):
    with pytest.raises(S2sdapError, match=reason) as refused:
        from_plain([{"edit": "prune", "step": 0, "hypothesis": 1}, plain])
    assert refused.value.name == "bad_edit"
    assert refused.value.details["number"] == 2
