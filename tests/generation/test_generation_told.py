"""What is told of a step, held against what `generate` returns: candidates, fates, hypotheses, processors."""

import math

import numpy as np
import pytest
import torch
from generating import inputs, model_of, plain, run
from transformers import LogitsProcessor

from s2sdap.decoding.records import Fate, Reason
from s2sdap.vocabulary import sites

ENDS = [1, *range(10, 99, 4)]
CASES = {
    "greedy": ("bart", 3, {"eos_token_id": ENDS}),
    "greedy, prompt": ("gpt2", 2, {"eos_token_id": ENDS}),
    "sampling": ("gpt2", 2, {"do_sample": True, "num_return_sequences": 2, "eos_token_id": ENDS}),
    "beams": ("t5", 3, {"num_beams": 3, "num_return_sequences": 2, "eos_token_id": ENDS}),
    "beams, prompt": ("llama", 2, {"num_beams": 4, "eos_token_id": ENDS}),
    "early stopping": ("bart", 3, {"num_beams": 3, "early_stopping": True, "eos_token_id": ENDS}),
    "never early": ("marian", 2, {"num_beams": 3, "early_stopping": "never", "length_penalty": 2.0}),
    "beam sampling": ("bart", 2, {"num_beams": 3, "do_sample": True, "eos_token_id": ENDS}),
    "processors": (
        "marian",
        2,
        {
            "num_beams": 2,
            "no_repeat_ngram_size": 2,
            "min_new_tokens": 3,
            "forced_bos_token_id": 8,
            "renormalize_logits": True,
        },
    ),
}


@pytest.fixture(scope="module", params=CASES)
def case(request):
    name, batch, settings = CASES[request.param]
    settings = {"max_new_tokens": 9, **settings}
    return name, batch, settings, run(name, batch, **settings)


def test_candidates(case):
    _, _, settings, done = case
    for record in done.records:
        told, before = record.candidates, record.before
        rows = record.sites[sites.PREDICTION_LOGPROBS]
        pairs = list(zip(told.parent.tolist(), told.token.tolist(), strict=True))
        assert len(set(pairs)) == len(pairs)
        for place, (parent, token) in enumerate(pairs):
            # It is what the step's site says, and scores add up.
            given = float(rows[parent, token])
            if told.reason[place] == Reason.CONSTRAINT:
                assert given == -math.inf
                assert told.logprob[place] > -math.inf
            else:
                assert told.logprob[place] == given
            assert told.score[place] == before.live[parent].score + told.logprob[place]
            assert told.final[place] == told.score[place] / told.length_term
        length = record.step + 1
        penalty = settings.get("length_penalty", 1.0) if settings.get("num_beams") else 0.0
        assert told.length_term == length**penalty
        # The favourites of every hypothesis are told, whatever became of them.
        for parent in range(len(before.live)):
            best = rows[parent].topk(3)
            for token, value in zip(best.indices.tolist(), best.values.tolist(), strict=True):
                assert value == -math.inf or (parent, token) in pairs


def test_fates(case):
    _, _, settings, done = case
    for record in done.records:
        told, after = record.candidates, record.after
        born = [each for each in (*after.live, *after.finished) if each.step == record.step]
        assert {each.candidate for each in born} == set(np.flatnonzero(told.child >= 0).tolist())
        for each in born:
            fate = Fate.FINISHED if each.finished else Fate.SURVIVED
            assert told.fate[each.candidate] == fate
            assert told.token[each.candidate] == each.token
            assert told.child[each.candidate] == each.id
            assert told.parent[each.candidate] == each.row
            assert record.before.live[each.row] is each.parent
            assert each.sentence == each.parent.sentence
            assert each.logprob == told.logprob[each.candidate]
            assert each.final == told.score[each.candidate] / (told.length_term)
            if each.finished:
                ends = settings.get("eos_token_id", [1])
                by_length = each.token not in ends
                assert (told.reason[each.candidate] == Reason.LENGTH) == by_length
                assert not by_length or record.step == 8
        assert all(told.fate[place] == Fate.PRUNED for place in np.flatnonzero(told.child < 0))
        # Each hypothesis that has children left its identity to the best of them.
        ids = [each.id for each in born]
        assert len(set(ids)) == len(ids)
        for row, parent in enumerate(record.before.live):
            mine = [each for each in born if each.row == row]
            if mine:
                assert max(mine, key=lambda each: each.score).id == parent.id
                assert sum(each.id == parent.id for each in mine) == 1
        assert record.after.next_id > max((*ids, record.before.next_id - 1))
    if "do_sample" in settings:
        reasons = {Reason(reason) for record in done.records for reason in record.candidates.reason}
        assert Reason.DRAW in reasons


def test_the_end_is_what_generate_returns(case):
    name, batch, settings, done = case
    expected = plain(name, batch, **settings)
    sequences, model = expected.sequences, model_of(name)
    prompt = 1 if model.config.is_encoder_decoder else inputs(name, batch)["input_ids"].shape[1]
    assert torch.equal(done.returned, sequences)
    assert len(done.best) == len(sequences)
    for each, row in zip(done.best, sequences.tolist(), strict=True):
        end = prompt + len(each.tokens)
        assert tuple(row[prompt:end]) == each.tokens
        assert len(set(row[end:])) <= 1
    each_sentence = len(done.best) // batch
    assert [each.sentence for each in done.best] == [n for n in range(batch) for _ in range(each_sentence)]
    if settings.get("num_beams"):
        finals = torch.tensor([each.final for each in done.best])
        torch.testing.assert_close(finals, expected.sequences_scores, rtol=0, atol=2e-6)
    assert done.records[-1].after.ended
    assert all(each.finished for each in done.best)
    if "eos_token_id" in settings:  # sentences ended at different times
        assert len({each.length for each in done.best}) > 1


def from_scratch(name, batch, hypothesis):
    """The logits after a hypothesis' tokens, by one plain forward pass without any cache."""
    model, given = model_of(name), inputs(name, batch)
    ids, mask = (given[key][hypothesis.sentence][None] for key in ("input_ids", "attention_mask"))
    tokens = torch.tensor([hypothesis.tokens], dtype=torch.long)
    with torch.no_grad():
        if model.config.is_encoder_decoder:
            start = torch.tensor([[model.generation_config.decoder_start_token_id]])
            read = {"input_ids": ids, "attention_mask": mask}
            return model(**read, decoder_input_ids=torch.cat([start, tokens], 1)).logits[0, -1]
        whole = torch.cat([ids[mask.bool()][None], tokens], 1)
        return model(whole).logits[0, -1]


def test_rows_are_those_of_their_hypotheses(case):
    name, batch, _, done = case
    compared, unlike = 0, False
    for record in done.records[::2]:
        rows = record.sites[sites.PREDICTION_LOGITS]
        assert len(rows) == len(record.before.live)
        assert all(len(value) == len(rows) for value in record.sites.values())
        for row, hypothesis in zip(rows, record.before.live, strict=True):
            expected = from_scratch(name, batch, hypothesis)
            torch.testing.assert_close(row, expected, rtol=0, atol=2e-4)
            compared += 1
        unlike = unlike or (len(rows) > 1 and float((rows[0] - rows[-1]).abs().max()) > 1)
    assert compared >= 3
    assert unlike


def stages(done, step=0):
    told = done.records[step].candidates
    return told, dict(told.processed), [name for name, _ in told.processed]


def test_no_processor_no_stages():
    told, _, names = stages(run("gpt2", max_new_tokens=2))
    assert names == []
    assert told.processed == ()


def test_the_first_stage_is_what_the_model_gave():
    done = run("gpt2", max_new_tokens=3, do_sample=True, temperature=0.5, top_k=5)
    record = done.records[1]
    told, values, names = stages(done, 1)
    assert names == ["model", "Temperature", "TopK"]
    logits = record.sites[sites.PREDICTION_LOGITS]
    expected = logits[told.parent, told.token].double().numpy()
    assert np.array_equal(values["model"], expected)
    np.testing.assert_allclose(values["Temperature"], expected / 0.5, rtol=1e-6)
    kept = values["TopK"] > -np.inf
    assert kept.sum() == 5
    assert np.array_equal(values["TopK"][kept], values["Temperature"][kept])
    out = told.reason == Reason.CONSTRAINT
    assert out.any()
    assert not kept[out].any()


FORBIDDING = {
    "NoRepeatNGram": ({"no_repeat_ngram_size": 1}, 4),
    "NoBadWords": ({"bad_words_ids": [[token] for token in range(10, 60)]}, 1),
    "SuppressTokens": ({"suppress_tokens": list(range(10, 60))}, 1),
    "SuppressTokensAtBegin": ({"begin_suppress_tokens": list(range(10, 60))}, 0),
    "ForcedBOSToken": ({"forced_bos_token_id": 8}, 0),
    "ForcedEOSToken": ({"forced_eos_token_id": 1}, 5),
    "MinLength": ({"min_new_tokens": 6, "eos_token_id": list(range(10, 60))}, 2),
}


@pytest.mark.parametrize("search", [{}, {"num_beams": 2}])
@pytest.mark.parametrize("processor", FORBIDDING)
def test_the_processor_that_ruled_a_favourite_out(processor, search):
    settings, step = FORBIDDING[processor]
    own = {"forced_bos_token_id": None, "forced_eos_token_id": None, "bad_words_ids": None}
    done = run("bart", max_new_tokens=6, **{**own, **search, **settings})
    told, values, names = stages(done, min(step, len(done.records) - 1))
    assert processor in names
    place = names.index(processor)
    gone = np.flatnonzero(told.reason == Reason.CONSTRAINT)
    assert len(gone)
    for each in gone:
        assert values[names[place - 1]][each] > -np.inf
        assert values[processor][each] == -np.inf
    # Of those that are left it changed nothing, but for the one that it forces.
    if not processor.startswith("Forced"):
        left = np.flatnonzero(values[processor] > -np.inf)
        assert len(left)
        assert np.array_equal(values[processor][left], values[names[place - 1]][left])


def test_a_processor_that_has_nothing_to_do_hides_no_other():
    # At the second token the one that forces the first gives back what it was given.
    done = run("bart", max_new_tokens=4, repetition_penalty=0.4, forced_bos_token_id=8)
    _, values, names = stages(done, 2)
    assert names == ["model", "RepetitionPenalty", "ForcedBOSToken"]
    assert np.array_equal(values["ForcedBOSToken"], values["RepetitionPenalty"])
    changed = values["model"] != values["RepetitionPenalty"]
    assert 0 < changed.sum() < len(changed)


class InPlace(LogitsProcessor):
    """A caller's own, which writes into what it is given."""

    def __call__(self, input_ids, scores):
        scores[:, ::2] -= 3.0
        return scores


def in_a_function(input_ids, scores):
    return scores * 2.0


@pytest.mark.parametrize("search", [{}, {"do_sample": True}, {"num_beams": 2}])
def test_processors_of_the_caller(search):
    settings = {**search, "max_new_tokens": 5, "logits_processor": [InPlace(), in_a_function, InPlace()]}
    done = run("gpt2", **settings)
    assert torch.equal(done.returned, plain("gpt2", **settings).sequences)
    record = done.records[1]
    told = record.candidates
    names = [name for name, _ in told.processed][:4]
    assert names == ["model", "InPlace", "in_a_function", "InPlace"]
    model, first, doubled, second = (values for _, values in told.processed[:4])
    lowered = 3.0 * (told.token % 2 == 0)
    np.testing.assert_allclose(first, model - lowered, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(doubled, first * 2, rtol=1e-6)
    np.testing.assert_allclose(second, doubled - lowered, rtol=1e-5, atol=1e-5)
    assert lowered.any()
    # The site is what the model gave, before anybody wrote into it.
    own = record.sites[sites.PREDICTION_LOGITS]
    for row, hypothesis in zip(own, record.before.live, strict=True):
        torch.testing.assert_close(row, from_scratch("gpt2", 1, hypothesis), rtol=0, atol=2e-4)


def test_a_stopping_criterion_of_the_caller():
    def after_four(input_ids, scores, **_):
        return torch.full((len(input_ids),), input_ids.shape[1] >= 5, dtype=torch.bool)

    for search in ({}, {"num_beams": 2}):
        settings = {**search, "stopping_criteria": [after_four], "eos_token_id": None}
        done = run("bart", **settings, forced_eos_token_id=None)
        expected = plain("bart", **settings, forced_eos_token_id=None).sequences
        assert torch.equal(done.returned, expected)
        assert len(done.records) == 4
        told = done.records[-1].candidates
        finished = told.fate == Fate.FINISHED
        assert finished.any()
        assert (told.reason[finished] == Reason.NONE).all()  # not for its length
