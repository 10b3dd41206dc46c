"""What a run reads of a choice from its record is what the fields of its frame say, and bounds are bounds."""

import math

import numpy as np
import pytest
import torch
from driving import session_of
from models.small_networks import small_config
from tiny_models import PromptedModel, rnn

from s2sdap import S2sdapError
from s2sdap.debugger import finiteness, measures
from s2sdap.debugger.choice_values import ChoiceValues
from s2sdap.debugger.field_values import FieldValues
from s2sdap.debugger.fields import FIELDS
from s2sdap.debugger.sureness import entropy_at_most, margin_at_least
from s2sdap.decoding.edits import LogitEdit, TokenEdit

EIGHT = {"max_length": 8, "min_length": 8}
DECODES = {
    "greedy": (rnn(), "aabbcc", EIGHT),
    "beam": (rnn(), "abcdh", {**EIGHT, "beam_size": 3}),
    "ends before others": (rnn(), "abcdh", {"max_length": 12, "beam_size": 4}),
    "two layers": (rnn(small_config(layers=2)), "ab", {**EIGHT, "beam_size": 2}),
    "end symbol": (rnn(end=True), "abcdh", EIGHT),
    "no attention": (rnn(small_config(attention="none")), "abc", EIGHT),
    "no encoder": (PromptedModel(), "abc", EIGHT),
    "one focus": (rnn(), "a", EIGHT),
    "forbidden prefix": (rnn(), "abcdh", {**EIGHT, "prefix": "uuu", "no_repeat_ngram": 1}),
    "sampled": (rnn(), "abcdh", {**EIGHT, "sample": True, "n_best": 3, "top_k": 3}),
    "flat": (rnn(scale=0.1), "aabbcc", EIGHT),
    "sure": (rnn(scale=8.0), "aabbcc", {**EIGHT, "beam_size": 2}),
}


def told(fields, name):
    """A field, or what is wrong with asking for it."""
    try:
        return fields[name]
    except S2sdapError as error:
        return str(error)


def same(one, other):
    return repr(one) == repr(other)  # a NaN is not itself


def check(session):
    """Of every choice of every step; how many were sure."""
    branch = session.walk.branch
    telling = 0
    for record in branch.records:
        for chosen in (*record.after.live, *record.after.finished):
            if chosen.step != record.step:
                continue
            choice = ChoiceValues(session.walk.frame_of_choice, branch, record, chosen)
            fields = FieldValues(session.walk.frame_of_choice(chosen), chosen)
            for name in FIELDS:
                assert same(told(choice, name), told(fields, name)), (record.step, name)
            if choice.sure > 1e-5:
                assert choice.sure == fields["p"]
                assert fields["entropy"] <= entropy_at_most(choice.sure)
                assert fields["margin"] >= margin_at_least(choice.sure)
                telling += 1
    return telling


@pytest.mark.parametrize("name", DECODES)
def test_every_field_of_every_choice(name):
    model, source, settings = DECODES[name]
    session = session_of(model, source, reference="uvw", **settings)
    session.start()
    session.step_out()
    assert check(session) > 0 or name != "sure"


@pytest.mark.parametrize(
    "edit", [TokenEdit(3, 1, 5), LogitEdit(3, 1, 5, 40.0), LogitEdit(3, 1, 5, -math.inf)]
)
def test_after_an_edit(edit):
    session = session_of(rnn(scale=8.0), "aabbcc", **EIGHT)
    session.start()
    session.step_out()
    session.walk.timeline.edit(edit)
    while not session.walk.branch.tip.ended:
        session.walk.timeline.extend()
    assert session.walk.branch.edits == (edit,)
    assert check(session)


ODD = (math.nan, math.inf, -math.inf, -math.nan, 1e38, -1e38, -0.0)


@pytest.mark.parametrize("length", [1, 3, 64, 300, 5000])
def test_one_odd_number_among_many_is_found_wherever_it_stands(length):
    draw = np.random.default_rng(length)
    for odd in ODD:
        for place in {0, length // 2, length - 1}:
            values = draw.normal(size=length).astype(np.float32)
            values[place] = odd
            for shape in ((-1,), (1, -1), (length, 1), (1, 1, -1)):
                tensors = {"decoder.state": torch.from_numpy(values).view(shape)}
                known = bool(np.isfinite(values).all())
                assert finiteness._all_finite(tensors, tensors) == known
                tensors = {"prediction.logits": torch.from_numpy(values).view(shape)}
                assert finiteness._all_finite(tensors, tensors) == bool(values.max() < math.inf)


def test_the_largest_of_a_list_is_the_one_that_numpy_finds():
    draw = np.random.default_rng(1)
    for _ in range(300):
        values = draw.integers(0, 4, size=draw.integers(1, 9)).astype(np.float32)
        found = measures.place_of_largest(values.tolist())
        assert found == values.argmax()
        values[draw.integers(0, len(values))] = math.nan
        assert measures.place_of_largest(values.tolist()) is None


def test_margin_and_entropy_of_rows_with_forbidden_tokens():
    row = torch.tensor([0.7, 0.2, 0.1, 0.0]).log()
    assert measures.margin(row) == pytest.approx(0.5)
    assert measures.entropy(row) == pytest.approx(-sum(p * math.log(p) for p in (0.7, 0.2, 0.1)))
    only = torch.tensor([-math.inf, 0.0, -math.inf])
    assert (measures.margin(only), measures.entropy(only)) == (1.0, 0.0)
