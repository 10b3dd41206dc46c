"""A whole decode: what it refuses, what its outputs say, and how much its records hold on to."""

import gc
import sys

import msgspec
import pytest
import torch
from same_records import run_again
from tiny_models import PromptedModel, rnn

from s2sdap import S2sdapError, SearchSettings, decode
from s2sdap.decoding.decode import steps
from s2sdap.decoding.records import Snapshot, StepRecord
from s2sdap.decoding.step import Decode


def test_an_output_says_its_tokens_pieces_and_scores():
    model = rnn()
    settings = SearchSettings(beam_size=3, n_best=3, max_length=6, length_penalty=1.0)
    for output in decode(model, "abc", settings):
        assert output.pieces == tuple(model.target.piece(token) for token in output.tokens)
        assert output.text == model.target.text(output.tokens)
        assert output.score == pytest.approx(sum(output.logprobs), rel=1e-12)
        assert output.final == pytest.approx(output.score / ((5 + len(output.tokens)) / 6))


def test_a_source_without_tokens_and_one_too_long_are_refused_with_their_line():
    with pytest.raises(S2sdapError, match=r"Line 4 of x\.txt") as refused:
        Decode.of(rnn(), "", SearchSettings(), line=4, where="x.txt")
    assert refused.value.name == "no_tokens"
    with pytest.raises(S2sdapError, match=r"Line 4 of x\.txt has 6 tokens; the limit is 5") as refused:
        Decode.of(rnn(), "abcdef", SearchSettings(max_source_length=5), line=4, where="x.txt")
    assert refused.value.name == "source_too_long"
    with pytest.raises(S2sdapError, match="the limit is 8"):  # the model's own
        decode(PromptedModel(), "abcabcabc")


def test_a_search_that_has_ended_goes_no_further():
    plan = Decode.of(rnn(), "abc", SearchSettings(max_length=2))
    encoder, records = run_again(plan)
    with pytest.raises(S2sdapError) as refused:
        plan.step(encoder, records[-1].after)
    assert refused.value.name == "ended"
    assert len(list(steps(plan))) == len(records) == 2


# ---------------------------------------------------------------- memory


def own_bytes(record: StepRecord, before: set[int]) -> tuple[int, set[int]]:
    """The bytes that are reachable from a record and were not from the record before it, and all of them."""
    seen, total, stack = set(before), 0, [record]
    while stack:
        value = stack.pop()
        if id(value) in seen or isinstance(value, type | str | int | float | None.__class__):
            continue
        if type(value).__module__.startswith("tiny_models"):
            continue
        seen.add(id(value))
        total += value.untyped_storage().nbytes() if isinstance(value, torch.Tensor) else sys.getsizeof(value)
        stack += gc.get_referents(value)
    return total, seen


@pytest.mark.parametrize("width", [1, 4])
def test_a_record_is_as_large_at_the_end_as_at_the_start(width):
    """Hypotheses share the ones they continue: nothing grows with the step."""
    settings = SearchSettings(beam_size=width, max_length=110, prefix="uvwxyz." * 15, coverage_penalty=0.1)
    _, records = run_again(Decode.of(rnn(), "abcdh", settings))
    assert len(records) == 110
    sizes, seen = [], set()
    for record in records:
        size, seen = own_bytes(record, seen)
        sizes.append(size)
    assert max(sizes[50:101]) <= max(sizes[5:20])


def test_a_hypothesis_shares_the_path_before_it():
    _, records = run_again(
        Decode.of(rnn(), "abcdh", SearchSettings(beam_size=3, max_length=20, min_length=20))
    )
    for record in records[:-1]:
        for each in record.after.live:
            assert each.parent is record.before.live[each.row]
    assert {field.name for field in Snapshot.__dataclass_fields__.values()} == {
        "step",
        "live",
        "finished",
        "state",
        "next_id",
        "ended",
        "settings",
    }


# ---------------------------------------------------------------- settings

BAD = [
    ("beam_size", 0),
    ("beam_size", 1025),
    ("beam_size", 1.5),
    ("beam_size", True),
    ("n_best", 0),
    ("length_penalty", -0.1),
    ("length_penalty", float("nan")),
    ("length_penalty", float("inf")),
    ("length_penalty", "1"),
    ("coverage_penalty", 11.0),
    ("coverage_penalty", float("nan")),
    ("early_stopping", 1),
    ("max_length", 0),
    ("max_length", 100_001),
    ("min_length", -1),
    ("no_repeat_ngram", -1),
    ("sample", "yes"),
    ("temperature", 0.0),
    ("temperature", float("nan")),
    ("temperature", float("inf")),
    ("top_k", -1),
    ("top_p", 0.0),
    ("top_p", 1.01),
    ("top_p", float("nan")),
    ("prefix", 3),
    ("prefix", "x" * 100_001),
    ("seed", -1),
    ("seed", 2**63),
    ("max_source_length", 0),
]


def camel(name):
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


@pytest.mark.parametrize(("setting", "value"), BAD)
def test_a_bad_setting_is_refused_by_name(setting, value):
    with pytest.raises(S2sdapError, match=f"`{camel(setting)}`") as refused:
        SearchSettings(**{setting: value})
    assert refused.value.name == "bad_setting"
    assert refused.value.details["setting"] == camel(setting)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"sample": True, "beam_size": 2}, ("sample", "beamSize")),
        ({"temperature": 0.5}, ("temperature", "sample")),
        ({"top_k": 3}, ("topK", "sample")),
        ({"top_p": 0.5}, ("topP", "sample")),
        ({"n_best": 2}, ("nBest", "beamSize")),
        ({"beam_size": 3, "n_best": 4}, ("nBest", "beamSize")),
        ({"min_length": 5, "max_length": 4}, ("minLength", "maxLength")),
    ],
)
def test_settings_that_clash_are_refused_by_name(changes, named):
    with pytest.raises(S2sdapError) as refused:
        SearchSettings(**changes)
    assert refused.value.name == "settings_clash"
    assert all(f"`{name}`" in str(refused.value) for name in named)


def test_a_message_is_held_to_the_same_bounds():
    assert msgspec.convert({"beamSize": 3, "nBest": 2}, SearchSettings) == SearchSettings(
        beam_size=3, n_best=2
    )
    assert msgspec.to_builtins(SearchSettings(top_k=3, sample=True)) == {"topK": 3, "sample": True}
    for message in ({"beamSize": 0}, {"beam_size": 1}, {"unknown": 1}, {"topP": "x"}):
        with pytest.raises((S2sdapError, msgspec.ValidationError)):
            msgspec.convert(message, SearchSettings)
    with pytest.raises(S2sdapError):
        msgspec.convert({"nBest": 2}, SearchSettings)


def test_settings_at_their_bounds_are_taken():
    SearchSettings(beam_size=1024, n_best=1024, length_penalty=10, max_length=100_000, min_length=100_000)
    SearchSettings(sample=True, n_best=1024, temperature=1000.0, top_p=1.0, top_k=10**9, seed=2**63 - 1)
