"""An encoder-decoder without attention: nothing but (h, c) is handed over, and no view says otherwise.

The model is a very small one, trained for some seconds, so that it is right often and wrong often enough.
"""

import importlib.util
import math
import sys
from pathlib import Path

import pytest
import torch

from s2sdap import score
from s2sdap.client import Refused, Side
from s2sdap.debugger.corpus.run import Corpus
from s2sdap.debugger.program import read_program
from s2sdap.models.contract import untouched
from s2sdap.models.loading import load_model

EXAMPLE = Path(__file__).parents[2] / "examples" / "no_attention"


@pytest.fixture(scope="module")
def example():
    """The example's own modules, as its commands import them."""
    sys.path.insert(0, str(EXAMPLE))
    try:
        found = {}
        for name in ("train", "side_by_side"):
            spec = importlib.util.spec_from_file_location(f"no_attention_{name}", EXAMPLE / f"{name}.py")
            found[name] = importlib.util.module_from_spec(spec)
            sys.modules[spec.name] = found[name]
            spec.loader.exec_module(found[name])
        yield found
    finally:
        sys.path.remove(str(EXAMPLE))
        for name in ("number_words", "no_attention_train", "no_attention_side_by_side"):
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def folder(example, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain") / "plain"
    example["train"].main(output=folder, digits=4, lines=1500, epochs=6, size=64)
    return folder


@pytest.fixture(scope="module")
def model(folder):
    return load_model(str(folder))


@pytest.fixture(scope="module")
def results(folder, model):
    """What it writes for numbers that it has not seen."""
    return [decoded.result for decoded in Corpus(model, read_program(str(folder / "unseen.tsv")))]


@pytest.fixture(scope="module")
def wrong(results):
    """A number whose words begin right and then go wrong."""
    return next(
        result.sentence
        for result in results
        if result.text != result.sentence.reference
        and result.text.split()[:1] == result.sentence.reference.split()[:1]
    )


def test_words_of_numbers():
    sys.path.insert(0, str(EXAMPLE))
    try:
        from number_words import words_of
    finally:
        sys.path.remove(str(EXAMPLE))
    assert words_of(0) == "zero"
    assert words_of(417_302) == "four hundred seventeen thousand three hundred two"
    assert words_of(90_050) == "ninety thousand fifty"
    assert len(set(map(words_of, range(3000)))) == 3000


def test_it_learns_what_it_can_of_numbers_that_it_has_not_seen(results):
    right = sum(result.text == result.sentence.reference for result in results)
    assert len(results) > 200
    assert 0.5 < right / len(results) < 1


def test_only_the_last_state_of_the_encoder_is_handed_over(model):
    source = model.tokenize("4173")
    plain = model.begin(model.encode(source, untouched))

    def after_change(position):
        def change(site, value):
            if site != "encoder.states":
                return value
            value = value.clone()
            value[position] += 1
            return value

        return model.begin(model.encode(source, change))

    for position in range(3):
        state = after_change(position)
        assert torch.equal(state.hidden[0], plain.hidden[0])
    assert not torch.equal(after_change(3).hidden[0], plain.hidden[0])
    assert model.layout.stages == ("encoder", "decoder", "prediction", "search")
    assert not [site for site in model.layout.sites if site.startswith("attention")]


def test_both_are_the_same_up_to_the_first_divergence(example, folder, model, wrong):
    side_by_side = example["side_by_side"]
    reference = wrong.reference.split()
    free = side_by_side.free_running(str(folder), wrong.text)
    forced = side_by_side.teacher_forced(str(folder), wrong.text, reference)
    first = side_by_side.first_divergence(forced, reference)
    assert 0 < first < len(forced) == len(reference) + 1
    for t in range(first + 1):
        assert torch.equal(free[t].state, forced[t].state)
        assert (free[t].predicted, free[t].p) == (forced[t].predicted, forced[t].p)
    for one, other in zip(free[first + 1 :], forced[first + 1 :], strict=False):
        assert not torch.equal(one.state, other.state)
    logprobs = score(model, wrong.text, wrong.reference).logprobs
    for step, goal, logprob in zip(forced, (*reference, "</s>"), logprobs, strict=True):
        assert (
            step.p == pytest.approx(math.exp(logprob))
            if step.predicted == goal
            else step.p > math.exp(logprob)
        )


def test_the_table_tells_it(example, folder, results, wrong, capsys):
    example["side_by_side"].main(str(folder), int(wrong.text))
    told = capsys.readouterr().out
    assert "First divergence at step" in told
    assert all(word in told for word in wrong.reference.split())
    right = next(result.sentence for result in results if result.text == result.sentence.reference)
    example["side_by_side"].main(str(folder), int(right.text))
    assert "both are the same" in capsys.readouterr().out


def test_a_scripted_session_shows_no_attention(debugger, folder, wrong):
    debugger.launch(source=wrong.text, reference=wrong.reference, model=str(folder))
    debugger.next()
    names = [scope.name for scope in debugger.scopes()]
    assert "Attention" not in names
    assert {"Encoder", "Decoder", "Prediction", "Search"} <= set(names)
    with pytest.raises(Refused):
        debugger.set_stages(["attention"])
    assert debugger.request("s2s/decode")["heads"] == 0
    both = debugger.compare(Side(reference=True))
    assert 0 < both.divergence < len(wrong.reference.split()) + 1
    assert both.absent["attention"]
    assert both.parting.right.token.piece == wrong.reference.split()[both.divergence]
    assert all(row.attention_tv is None for row in both.rows)
    debugger.zero("encoder.states", index=[len(wrong.text) - 1])
    assert debugger.continue_().ended
    assert debugger.results()[0].outputs[0].score != both.left.score  # h counts, if only for its certainty
