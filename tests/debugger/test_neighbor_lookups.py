"""`neighbors(...)` as people write it: what it means, and where a slip is pointed at."""

import pytest

from s2sdap.debugger.expressions import compile_expression
from s2sdap.debugger.fields import FIELDS, is_lookup
from s2sdap.debugger.neighbors.lookups import Lookup, Wanted, parse_lookup, written
from s2sdap.debugger.neighbors.places import StatePlace
from s2sdap.neighbors.states import StateSite
from s2sdap.vocabulary.errors import S2sdapError

STATE = StatePlace(StateSite("decoder.state"))
CONTEXT = StatePlace(StateSite("attention.context"))


def encoder(position, layer=None):
    site = StateSite("encoder.states") if layer is None else StateSite("encoder.layers", layer)
    return StatePlace(site, position)


@pytest.mark.parametrize(
    ("text", "lookup"),
    [
        ("neighbors(state)", Lookup(STATE)),
        (" neighbors ( state , k = 5 ) ", Lookup(STATE, Wanted(k=5))),
        ("neighbors(decoder.state, k=3, metric=cosine)", Lookup(STATE, Wanted(3, "cosine"))),
        ('neighbors(state, kind="exact")[2]', Lookup(STATE, Wanted(kind="exact"), 2)),
        ("neighbors(encoder[3], k=20)", Lookup(encoder(3), Wanted())),
        ("neighbors(encoder)", Lookup(encoder(None))),
        ("neighbors(states[0])", Lookup(encoder(0))),
        ("neighbors(encoder.layers[1][4])", Lookup(encoder(4, 1))),
        ("neighbors(encoder.layers.1[4])", Lookup(encoder(4, 1))),
        ("neighbors(layers[2])", Lookup(StatePlace(StateSite("decoder.layers", 2)))),
        ("neighbors(context, right=False)", Lookup(CONTEXT, Wanted(right=False))),
        ('neighbors(state, token="a, b")', Lookup(STATE, Wanted(token="a, b"))),
        ("neighbors(state, token=#12, others=True)", Lookup(STATE, Wanted(token="#12", others=True))),
        ("neighbors(state, sentences=(3, 9))", Lookup(STATE, Wanted(sentences=(3, 9)))),
    ],
)  # fmt: skip
def test_what_is_meant(text, lookup):
    assert is_lookup(text)
    assert parse_lookup(text) == lookup


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("neighbors()", 11, "a state is wanted"),
        ("neighbors(stat)", 11, "did you mean 'state'"),
        ("neighbors(logits)", 11, "a state is wanted"),
        ("neighbors(state", 16, "closing bracket"),
        ("neighbors(state) + 1", 18, "nothing more"),
        ("neighbors(state, 20)", 18, "can be named"),
        ("neighbors(state, kk=20)", 18, "did you mean `k=`"),
        ("neighbors(state, k=1, k=2)", 23, "named twice"),
        ("neighbors(state, k)", 19, "`=`"),
        ("neighbors(state, k=many)", 20, "how many"),
        ("neighbors(state, right=1)", 24, "True or False"),
        ("neighbors(state, token=x)", 24, "in quotes"),
        ("neighbors(layers)", 17, "the layer"),
        ("neighbors(encoder[x])", 19, "source position"),
        ("neighbors(encoder[1)", 20, "not closed"),
    ],
)
def test_a_slip_is_pointed_at(text, column, said):
    with pytest.raises(S2sdapError, match="S2S4201") as caught:
        parse_lookup(text)
    assert caught.value.details["column"] == column, str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize("k", [0, 1001])
def test_how_many_is_bounded(k):
    with pytest.raises(S2sdapError, match="S2S4107"):
        parse_lookup(f"neighbors(state, k={k})")


@pytest.mark.parametrize(
    "text", ["len(neighbors(state)) > 3", "neighbors(state)", "p < 0.5 and neighbors(state, k=1)"]
)
def test_a_condition_is_told_what_to_ask_instead(text):
    with pytest.raises(S2sdapError, match="training_percentile"):
        compile_expression(text, FIELDS)


@pytest.mark.parametrize("text", ["p", "neighbor(state)", "neighbors", "len(neighbors(state))", ""])
def test_other_texts_are_no_lookups(text):
    assert not is_lookup(text)


@pytest.mark.parametrize(
    "place", [STATE, encoder(3), encoder(None), encoder(2, 1), StatePlace(StateSite("decoder.layers", 1))]
)
def test_a_place_reads_back_as_it_is_written(place):
    assert parse_lookup(f"neighbors({written(place)})").place == place
