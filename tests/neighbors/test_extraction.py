"""Extracted states are those that the debugger records, row for row, for every recurrent network."""

import random

import numpy as np
import pytest
import torch
from debugged_states import BATCHED, by_sentence, check, everything
from hypothesis import given, settings
from hypothesis import strategies as st
from models.small_networks import config_name
from tiny_models import CONFIGS, PromptedModel, rnn

from s2sdap.attach.module_face import ModuleFace
from s2sdap.decoding.decode import decode
from s2sdap.decoding.forward_plan import Passed
from s2sdap.models.loading import load_model
from s2sdap.neighbors.extraction import Bounds, Extractor, Limits, available_sites
from s2sdap.neighbors.states import Pair, StateSite
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage

torch.set_num_threads(1)  # sums keep their order

DATES = (
    ("March 3, 1999", "1999-03-03"),
    ("J 4, 2005", "2005-01-04"),
    ("12 Dec 1987", "1987-12-12"),
    ("7/8/2011", "2011-07-08"),
    ("Tuesday, the 1st of April 2031", "2031-04-01"),
)


def letters(count, seed=5):
    """Pairs for the tiny networks, of many lengths."""
    draw = random.Random(seed)
    return [
        Pair(
            number,
            "".join(draw.choices("abcdefgh", k=draw.randint(1, 9))),
            "".join(draw.choices("uvwxyz.", k=draw.randint(1, 9))),
        )
        for number in range(count)
    ]


@pytest.mark.parametrize("config", CONFIGS, ids=config_name)
def test_every_network_gives_the_states_of_the_debugger(config):
    model = rnn(config, end=True)
    extractor, pairs = everything(model), letters(4)
    for pair in pairs[:1]:
        check(model, pair, by_sentence(extractor([pair]), pair.sentence), 0)
    together = extractor(pairs)
    assert not together.skipped
    for pair in pairs:
        check(model, pair, by_sentence(together, pair.sentence), BATCHED)


def test_the_bundled_model_gives_the_states_of_the_debugger():
    model = load_model("dates")
    extractor = everything(model)
    pairs = [Pair(10 + number, *texts) for number, texts in enumerate(DATES)]
    together = extractor(pairs)
    for pair in pairs:
        check(model, pair, by_sentence(extractor([pair]), pair.sentence), 0)
        check(model, pair, by_sentence(together, pair.sentence), BATCHED)
    state = together[StateSite("decoder.state")]
    assert len(state) == sum(len(target) + 1 for _, target in DATES)
    assert state.right.mean() > 0.9


def test_a_model_of_single_steps_is_forced_a_sentence_at_a_time():
    for model in (PromptedModel(), PromptedModel(encoder=True)):
        extractor = everything(model)
        pairs = [Pair(4, "abc", "uvw"), Pair(2, "fed", "w"), Pair(3, "a", "uu")]
        extracted = extractor(pairs)
        for pair in pairs:
            check(model, pair, by_sentence(extracted, pair.sentence), 0)


def test_without_a_target_the_greedy_output_is_forced():
    for model, sources in (
        (load_model("dates"), [source for source, _ in DATES]),
        (PromptedModel(), ["abc", "fed", "a"]),
    ):
        extractor = everything(model)
        mixed = [Pair(0, sources[0], "2" if model.name == "dates" else "u")]
        mixed += [Pair(1 + number, source) for number, source in enumerate(sources)]
        extracted = extractor(mixed)
        for pair in mixed[1:]:
            states = by_sentence(extracted, pair.sentence)[StateSite("decoder.state")]
            (output,) = decode(model, pair.source)
            assert tuple(states["token"]) == output.tokens
            assert (states["token"] == states["predicted"]).all()


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_rows_do_not_depend_on_their_companions(data):
    """In any order, in any batch, a sentence has the same rows: nothing of padding gets into them."""
    config = data.draw(st.sampled_from(CONFIGS))
    model, pool = rnn(config), letters(12, seed=9)
    chosen = data.draw(st.lists(st.sampled_from(pool), min_size=1, max_size=7, unique=True))
    extracted = everything(model)(chosen)
    assert list(dict.fromkeys(extracted[StateSite("decoder.state")].sentence.tolist())) == [
        pair.sentence for pair in chosen
    ]
    one = data.draw(st.sampled_from(chosen))
    check(model, one, by_sentence(extracted, one.sentence), BATCHED)


@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), max_size=60),
    st.integers(1, 9),
    st.integers(1, 200),
)
@settings(max_examples=100, deadline=None)
def test_batches_hold_every_example_once_and_stay_within_their_bounds(lengths, most, tokens):
    model = rnn()
    extractor = Extractor(model, [StateSite("decoder.state")], bounds=Bounds(most, tokens))
    pairs = [Pair(number, "a" * s, "u" * t) for number, (s, t) in enumerate(lengths)]
    examples, _ = extractor.read(pairs)
    batches = list(extractor.batches(examples))
    assert sorted(each.pair.sentence for batch in batches for each in batch) == list(range(len(pairs)))
    for batch in batches:
        target, source = (max(side) for side in zip(*(each.lengths for each in batch), strict=True))
        assert len(batch) == 1 or (len(batch) <= most and len(batch) * (target + source) <= tokens)


def test_what_cannot_be_taken_is_told_and_left_out():
    model = PromptedModel(encoder=True, fails_at=1)
    extractor = everything(model, limits=Limits(source=6, target=4))
    extracted = extractor(
        [
            Pair(0, "", "u"),
            Pair(1, "ab", ""),
            Pair(2, "abcdefa", "u"),
            Pair(3, "ab", "uvwu"),
            Pair(4, "ag", "uv"),  # reading it fails
            Pair(5, "ah", "uv"),  # its second step fails
            Pair(6, "ab", "uv"),
        ]
    )
    told = {each.sentence: each.error for each in extracted.skipped}
    assert {number: error.name for number, error in told.items()} == {
        0: "pair_empty",
        1: "pair_empty",
        2: "pair_too_long",
        3: "pair_too_long",
        4: "model_failed",
        5: "model_failed",
    }
    assert "7 tokens; the limit is 6" in str(told[2])
    assert "5 tokens; the limit is 4" in str(told[3])
    for states in extracted.values():
        assert set(states.sentence) == {6}
    check(model, Pair(6, "ab", "uv"), by_sentence(extracted, 6), 0)
    nothing = extractor([Pair(0, "")])
    assert {len(states) for states in nothing.values()} == {0}
    assert set(nothing) == set(extractor.sites)


def test_a_model_without_numbers_gives_rows_that_predict_nothing():
    model = PromptedModel(nan_at=1)
    extracted = everything(model)([Pair(0, "ah", "uv"), Pair(1, "ab", "uv")])
    state = extracted[StateSite("decoder.state")]
    assert not extracted.skipped
    assert len(state) == 6
    assert state.predicted[1] == -1
    assert not state.right[1]
    assert (state.predicted[[0, 2, 3, 4, 5]] >= 0).all()

    broken = rnn(seed=8)
    before = broken.network.output.bias.clone()
    broken.network.output.bias.fill_(torch.nan)
    extracted = everything(broken)(letters(4))
    broken.network.output.bias.copy_(before)
    assert set(extracted[StateSite("decoder.state")].predicted) == {-1}
    assert set(extracted[StateSite("encoder.states")].predicted) == {-1}


def test_sites_that_a_model_lacks_are_refused():
    model = load_model("dates")
    with pytest.raises(S2sdapError, match=r"S2S4503.*dates has no decoder\.cells; it has encoder\.states"):
        Extractor(model, [StateSite("decoder.cells")])
    with pytest.raises(S2sdapError, match=r"S2S4504: decoder\.layers has no layer 1; it has 1"):
        Extractor(model, [StateSite("decoder.layers", 1)])([Pair(0, "a", "2")])


def test_what_cannot_be_forced_is_refused():
    passed = Passed(None, {}, {"decoder.state": torch.zeros(1, 4)})
    theirs = ModuleFace(torch.nn.Linear(4, 4), "theirs", None, passed, [Stage.DECODER])
    for ask in (available_sites, lambda model: Extractor(model, [StateSite("decoder.state")])):
        with pytest.raises(S2sdapError, match="S2S4502: No states can be taken from theirs"):
            ask(theirs)
    with pytest.raises(S2sdapError, match=r"S2S4502.*makes no tokens of ''"):
        available_sites(rnn(), "")


def test_an_extractor_is_made_from_plain_data():
    ours = everything(load_model("dates"))
    theirs = Extractor.load("dates", [str(site) for site in ours.sites], search={"max_length": 30})
    pairs = [Pair(number, *texts) for number, texts in enumerate(DATES)]
    for one, other in zip(ours(pairs).values(), theirs(pairs).values(), strict=True):
        for name in one.__slots__:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
