"""A batch decodes what each of its sentences decodes by itself, under every setting, on many lines."""

import random

import pytest
import torch
from tiny_models import CONFIGS, rnn

from s2sdap.debugger.corpus.conditions import Untold, numbers, possibly, words
from s2sdap.decoding.batched.choices import ChoiceKeeper
from s2sdap.decoding.batched.grouping import BatchBounds, grouped
from s2sdap.decoding.batched.search import run_batch
from s2sdap.decoding.decode import decode
from s2sdap.decoding.settings import SearchSettings
from s2sdap.models.loading import load_model

torch.set_num_threads(1)  # sums keep their order

MONTHS = ("January", "mars", "Apr", "Mai", "6", "Juillet", "Aug.", "September", "Okt")
FORMS = ("{m} {d}, {y}", "{d} {m} {y}", "{m}/{d}/{y}", "{y} {m} {d}", "le {d} {m} {y}")
SETTINGS = {
    "greedy": SearchSettings(),
    "beam": SearchSettings(beam_size=4, n_best=4),
    "length": SearchSettings(beam_size=4, n_best=2, length_penalty=0.8),
    "coverage": SearchSettings(beam_size=4, n_best=2, length_penalty=0.6, coverage_penalty=0.3),
    "early": SearchSettings(beam_size=5, n_best=3, early_stopping=True),
    "repeats": SearchSettings(beam_size=3, no_repeat_ngram=2, min_length=12, max_length=15),
    "unigrams": SearchSettings(no_repeat_ngram=1, max_length=8),
    "prefix": SearchSettings(beam_size=3, n_best=2, prefix="20", max_length=7, coverage_penalty=0.2),
}
TOLERANCE = 5e-5
"""Above what any log-prob of these decodes is off by; 1.5e-5 was measured."""


def corpus(count: int) -> list[str]:
    draw = random.Random(3)
    return [
        draw.choice(FORMS).format(m=draw.choice(MONTHS), d=draw.randint(1, 31), y=draw.randint(1900, 2099))
        for _ in range(count)
    ]


def batches(model, lines, settings, bounds=None, **others):
    """The outputs of all lines, decoded in batches, and whether a decision was close."""
    sources = [model.tokenize(line) for line in lines]
    lengths = [len(source.tokens) for source in sources]
    found = {}
    for batch in grouped(lengths, settings.beam_size, bounds or BatchBounds()):
        prefix = model.target.encode(settings.prefix)
        outcome = run_batch(model, [sources[each] for each in batch], settings, prefix, **others)()
        found.update(zip(batch, zip(outcome.outputs, outcome.close, strict=True), strict=True))
    return [found[index] for index in range(len(lines))]


@pytest.mark.parametrize("name", SETTINGS)
def test_a_batch_decodes_what_each_sentence_does(name):
    model, settings, lines = load_model("dates"), SETTINGS[name], corpus(80 if name == "greedy" else 20)
    found = batches(model, lines, settings, tolerance=TOLERANCE)
    sure = 0
    for line, (outputs, close) in zip(lines, found, strict=True):
        if close:  # the corpus run decodes it by itself
            continue
        sure += 1
        alone = decode(model, line, settings)
        assert [each.tokens for each in outputs] == [each.tokens for each in alone]
        assert [each.text for each in outputs] == [each.text for each in alone]
        assert [each.pieces for each in outputs] == [each.pieces for each in alone]
        for one, other in zip(outputs, alone, strict=True):
            assert one.logprobs == pytest.approx(other.logprobs, abs=TOLERANCE)
            assert one.score == pytest.approx(other.score, abs=TOLERANCE * len(one.tokens))
            assert one.final == pytest.approx(other.final, abs=3 * TOLERANCE * len(one.tokens))
    assert sure > 0.8 * len(lines)


@pytest.mark.parametrize("number", range(0, len(CONFIGS), 9))
def test_every_kind_of_network_reads_a_padded_batch(number):
    model = rnn(CONFIGS[number])
    draw = random.Random(number)
    lines = ["".join(draw.choices("abcdefgh", k=draw.randint(1, 12))) for _ in range(12)]
    settings = SearchSettings(beam_size=3, n_best=2, max_length=12, coverage_penalty=0.1)
    for line, (outputs, close) in zip(lines, batches(model, lines, settings, tolerance=1e-5), strict=True):
        alone = decode(model, line, settings)
        if not close:
            assert [each.tokens for each in outputs] == [each.tokens for each in alone]
            assert outputs[0].final == pytest.approx(alone[0].final, abs=1e-4)


def test_a_close_decision_is_said():
    """Two outputs with the same score: the tie is noticed, whatever the batch took."""
    model = rnn(letters="uvwxyz.")
    with torch.no_grad():  # two tokens that the network cannot tell apart
        weight, bias = model.network.output.weight.clone(), model.network.output.bias.clone()
        first, second = (model.target.find(piece) for piece in "uv")
        model.network.output.weight[second] = model.network.output.weight[first]
        model.network.output.bias[[first, second]] = 20.0
    try:
        found = batches(model, ["abc", "defg"], SearchSettings(max_length=4), tolerance=1e-6)
        assert all(close for _, close in found)
    finally:
        with torch.no_grad():
            model.network.output.weight.copy_(weight)
            model.network.output.bias.copy_(bias)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_numbers_of_whole_rows_are_told_in_any_precision(dtype):
    logprobs = torch.tensor([[0.75, 0.25, 0.0], [1.0, 0.0, 0.0]], dtype=dtype).log()
    keeper = ChoiceKeeper(["entropy", "margin", "rank"], 1e-6)
    told = keeper.of_rows(logprobs, torch.tensor([1, 0]))
    assert told["entropy"].tolist() == pytest.approx([0.5623, 0.0], abs=5e-3)
    assert told["margin"].tolist() == pytest.approx([0.5, 1.0], abs=5e-3)
    assert told["rank"].tolist() == [1, 0]


def test_batches_keep_to_their_bounds():
    lengths = [3, 40, 7, 7, 5, 100, 2, 9]
    found = list(grouped(lengths, 2, BatchBounds(3, 60)))
    assert sorted(index for batch in found for index in batch) == list(range(len(lengths)))
    for batch in found:
        assert len(batch) == 1 or (
            len(batch) <= 3 and len(batch) * max(lengths[each] for each in batch) * 2 <= 60
        )
    flat = [lengths[index] for batch in found for index in batch]
    assert flat == sorted(lengths)


COLUMNS = {
    "p": numbers([0.2, 0.5, 0.9], [0.01, 0.01, 0.01]),
    "rank": numbers([0.0, 1.0, 5.0]),
    "step": numbers([0.0, 1.0, 2.0]),
    "token": words(["a", "b", "."]),
}


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("p < 0.5", [True, True, False]),
        ("p < 0.49", [True, True, False]),
        ("p < 0.48", [True, False, False]),
        ("not p >= 0.5", [True, True, False]),
        ("p == 0.5", [False, True, False]),
        ("p + 0.3 > 0.5", [True, True, True]),
        ("1 - p > 0.5 and rank > 0", [False, True, False]),
        ("0.1 < p < 0.3 or rank >= 5", [True, False, True]),
        ("token != '.'", [True, True, False]),
        ("token in ['a', '.']", [True, False, True]),
        ("p * 2 > 1.8", [False, False, True]),
        ("max(p, 0.6) > 0.6", [True, True, True]),
        ("log(p) < log(0.21)", [True, False, False]),
        ("step % 2 == 1", [False, True, False]),
        ("rank", [False, True, True]),
        ("len(token) == 1", [True, True, True]),
    ],
)
def test_a_condition_is_asked_of_all_rows_within_what_they_may_be_off(condition, rows):
    assert possibly(condition, 3, COLUMNS.__getitem__).tolist() == rows


@pytest.mark.parametrize("condition", ["p < token", "round(p) == 1", "p / (p - 0.5) > 1", "sum(rank) > 1"])
def test_what_a_batch_cannot_tell_is_not_guessed(condition):
    with pytest.raises(Untold):
        possibly(condition, 3, lambda name: COLUMNS[name] if name in COLUMNS else words(None))
