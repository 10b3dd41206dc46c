"""Batches that give other states than the debugger are found out, and the slower way is taken."""

import dataclasses

import numpy as np
import pytest
import torch
from debugged_states import by_sentence, check, everything
from tiny_models import rnn
from worded import ROOM, face_of, pairs

from s2sdap.decoding.forced.checked import Way
from s2sdap.decoding.forced.rows import LARGEST, filled_up, halved, predictions
from s2sdap.neighbors.states import Pair, StateSite

torch.set_num_threads(1)  # sums keep their order

SOME = [Pair(0, "abcdefgh", "uvwx"), Pair(1, "ab", "zyx"), Pair(2, "hgfe", "xyzu")]


class Leaking:
    """A recurrent model whose batches differ: by default they forget which source positions are padding."""

    def __init__(self, **changed):
        self.inner, self.changed = rnn(), changed or {"mask": lambda _: None}

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def encode_batch(self, sources, *probe):
        encoded = self.inner.encode_batch(sources, *probe)
        changed = {name: change(getattr(encoded, name)) for name, change in self.changed.items()}
        return dataclasses.replace(encoded, **changed)


def test_padding_that_leaks_is_found_out():
    model = Leaking()
    extractor = everything(model)
    level = [Pair(3, "abc", "uvwx"), Pair(4, "fed", "zyx")]  # nothing is padded, so nothing leaks
    extractor(level)
    assert extractor.way is Way.BATCHES
    extracted = extractor(SOME)
    assert extractor.way is Way.SINGLY
    for pair in SOME:
        check(model.inner, pair, by_sentence(extracted, pair.sentence), 0)
    assert everything(model.inner)(SOME)[StateSite("decoder.state")].vectors.shape == (14, 6)


def test_how_far_a_batch_was_off_is_told():
    sound, near = everything(rnn()), everything(Leaking(states=lambda states: states * (1 + 2**-10)))
    assert (sound.apart, near.apart) == (0, 0)
    for extractor in (sound, near):
        extractor(SOME)
        assert extractor.way is Way.BATCHES
    assert sound.apart < 0.0005 < near.apart < 0.002


def test_a_decoder_that_looks_ahead_is_run_step_by_step(monkeypatch):
    """As one does whose causal mask is lost where it is given several tokens at once."""
    face, some = face_of("bart"), pairs(3)
    own = face.model.prepare_inputs_for_generation

    def seeing_all(ids, **arguments):
        inputs = own(ids, **arguments)
        length = inputs["decoder_input_ids"].shape[1]
        if length > 1:
            inputs["decoder_attention_mask"] = torch.zeros(len(ids), 1, length, length)
        return inputs

    monkeypatch.setattr(face.model, "prepare_inputs_for_generation", seeing_all)
    extractor = everything(face, settings=ROOM)
    extracted = extractor(some)
    assert extractor.way is Way.STEPS
    for pair in some:
        check(face, pair, by_sentence(extracted, pair.sentence), 0, ROOM)


def test_one_token_shows_nothing_so_batches_stay_on_trial():
    extractor = everything(face_of("prophetnet"), settings=ROOM)
    extractor([Pair(0, "w12 w13", "w14")])
    assert extractor.way is Way.BATCHES
    extractor([Pair(0, "w12 w13", "w14 w15 w16")])
    assert extractor.way is Way.STEPS


def test_half_precision_keeps_large_numbers_and_those_that_are_none():
    found = halved(torch.tensor([1.0, 70000.0, -1e30, torch.inf, torch.nan, 65519.0, 1e-9]))
    assert found.dtype == torch.float16
    np.testing.assert_array_equal(
        found, np.array([1, LARGEST, -LARGEST, LARGEST, np.nan, LARGEST, 0], np.float16)
    )
    half = torch.tensor([2.0, torch.inf], dtype=torch.float16)
    assert halved(half) is half


@pytest.mark.parametrize("size", [7, 1000])
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_the_likeliest_token_is_that_of_torch(size, kind):
    torch.manual_seed(size)
    logits = torch.randn(4, 5, size).to(kind)
    logits[1, 2, 3] = torch.nan
    logits[2] = -torch.inf
    logits[2, :, 6] = 0
    expected = logits.argmax(dim=-1)
    expected[1, 2] = -1
    assert predictions(logits).tolist() == expected.tolist()
    assert set(predictions(logits)[2].tolist()) == {6}


def test_rows_are_filled_up_to_the_longest():
    assert filled_up([(1, 2, 3), (), (4,)], 9).tolist() == [[1, 2, 3], [9, 9, 9], [4, 9, 9]]
