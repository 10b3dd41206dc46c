"""Edits of a decode by `generate`: a choice comes first, counts for what it is, and nothing else moves."""

import math

import pytest
import torch
from generating import EOS, Run, face_of, inputs, model_of, plain, run, written
from left_behind import assert_same_content, record_content, snapshot_content

from s2sdap.decoding.edits import TokenEdit
from s2sdap.decoding.generation.plan import GeneratePlan
from s2sdap.decoding.records import Fate, Reason
from s2sdap.vocabulary import sites

SEARCHES = {
    "greedy": {},
    "sampling": {"do_sample": True},
    "samples": {"do_sample": True, "num_return_sequences": 2},
    "beam 2": {"num_beams": 2},
    "beam 4": {"num_beams": 4, "num_return_sequences": 2},
    "early": {"num_beams": 3, "early_stopping": True, "eos_token_id": [1, *range(10, 99, 4)]},
    "never": {"num_beams": 3, "early_stopping": "never", "length_penalty": 2.0},
    "short ones": {"num_beams": 3, "length_penalty": -1.0, "eos_token_id": [1, *range(10, 99, 4)]},
    "beam sampling": {"num_beams": 3, "do_sample": True},
}


def unlikely(record, row):
    """A token far down in the row, and no end."""
    order = record.sites[sites.PREDICTION_LOGPROBS][row].argsort().tolist()
    return next(token for token in order[20:] if token > 2 and (token - 10) % 4)


def own_logprob(record, row, token):
    """What the model itself gives the token, whatever processors say."""
    return float(torch.log_softmax(record.sites[sites.PREDICTION_LOGITS][row], -1)[token])


def carrying(hypothesis, *edits):
    return all(hypothesis.tokens[edit.step] == edit.token for edit in edits)


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("step", [0, 2])
def test_a_forced_token_comes_first(search, step):
    done = run("bart", max_new_tokens=8, **SEARCHES[search])
    record = done.records[step]
    row = len(record.before.live) - 1
    token = unlikely(record, row)
    edit = TokenEdit(step, record.before.live[row].id, token)
    before = [record_content(each) for each in done.records]
    other = done.edited(edit)
    told = other.records[step].candidates
    taken = [
        each for each in zip(told.parent, told.token, told.fate, told.reason, strict=True) if each[0] == row
    ]
    assert [each[1:] for each in taken if each[2] != Fate.PRUNED] == [(token, Fate.SURVIVED, Reason.FORCED)]
    assert all(each[3] in {Reason.FORCED, Reason.CONSTRAINT} for each in taken if each[1] != token)
    first = other.best[row if "num_return_sequences" in SEARCHES[search] and search == "samples" else 0]
    assert first.forced
    assert carrying(first, edit)
    assert all(each.finished for each in other.best)
    # Its score is the sum of what its tokens count, the forced one as the model has it.
    node = next(each for each in first.path() if each.step == step)
    given = float(record.sites[sites.PREDICTION_LOGPROBS][row, token])
    ruled_out = given == -math.inf  # by the token that must come first, or by top-k
    expected = own_logprob(record, row, token) if ruled_out else given
    assert node.logprob == pytest.approx(expected, abs=1e-5)
    assert first.score == sum(each.logprob for each in reversed(list(first.path())))
    # The branch that was left is as it was.
    for each, content in zip(done.records, before, strict=True):
        assert_same_content(record_content(each), content)
    again = done.edited(TokenEdit(step, record.before.live[row].id, token))
    assert_same_content(snapshot_content(again.tip), snapshot_content(other.tip))
    assert other.tokens != done.tokens


@pytest.mark.parametrize("search", SEARCHES)
def test_the_returned_object_has_the_choice_and_true_scores(search):
    settings = {
        "max_new_tokens": 7,
        **SEARCHES[search],
        "return_dict_in_generate": True,
        "output_scores": True,
    }
    done = run("bart", **settings)
    record = done.records[1]
    edit = TokenEdit(1, record.before.live[0].id, unlikely(record, 0))
    other = done.edited(edit)
    returned = other.returned
    for row, each in zip(returned.sequences.tolist(), other.best, strict=True):
        assert tuple(row[1 : 1 + each.length]) == each.tokens
    if settings.get("num_beams"):
        finals = torch.tensor([each.final for each in other.best])
        torch.testing.assert_close(returned.sequences_scores, finals, rtol=0, atol=1e-5)
        assert returned.sequences_scores.dtype == torch.float32
    assert len(returned.scores) == len(other.records)
    torch.testing.assert_close(
        returned.scores[1][0], done.returned.scores[1][0], rtol=0, atol=0, msg="scores are the model's"
    )


@pytest.mark.parametrize("search", ["greedy", "sampling", "beam 2", "early", "beam sampling"])
def test_forcing_what_a_processor_forbids(search):
    settings = {**SEARCHES[search], "suppress_tokens": [40, 41, 42], "min_new_tokens": 3}
    done = run("bart", max_new_tokens=6, **settings)
    record = done.records[1]
    row = 0
    assert float(record.sites[sites.PREDICTION_LOGPROBS][row, 41]) == -math.inf
    other = done.edited(TokenEdit(1, record.before.live[row].id, 41))
    assert other.best[0].tokens[1] == 41
    node = next(each for each in other.best[0].path() if each.step == 1)
    assert node.logprob == pytest.approx(own_logprob(record, row, 41), abs=1e-5)
    assert math.isfinite(other.best[0].score)
    told = other.records[1].candidates
    [place] = ((told.parent == row) & (told.token == 41)).nonzero()[0]
    assert told.logprob[place] == node.logprob
    assert not ((told.parent == row) & (told.token == 41) & (told.reason == Reason.CONSTRAINT)).any()


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("step", [0, 2])
def test_forcing_the_end(search, step):
    done = run("bart", max_new_tokens=7, **SEARCHES[search], forced_eos_token_id=None)
    identity = done.records[step].before.live[0].id
    other = done.edited(TokenEdit(step, identity, EOS))
    first = other.best[0]
    assert first.tokens[step:] == (EOS,)
    assert first.length == step + 1
    told = other.records[step].candidates
    [place] = ((told.parent == 0) & (told.token == EOS)).nonzero()[0]
    assert (told.fate[place], told.reason[place]) == (Fate.FINISHED, Reason.FORCED)
    assert told.child[place] == identity
    # Nobody goes on from where the end was put.
    assert all(each.row != 0 for each in other.records[step].after.live)


@pytest.mark.parametrize("search", SEARCHES)
def test_forcing_several_steps(search):
    done = run("bart", max_new_tokens=8, **SEARCHES[search])
    one = done.edited(TokenEdit(1, done.records[1].before.live[0].id, unlikely(done.records[1], 0)))
    first = TokenEdit(1, done.records[1].before.live[0].id, unlikely(done.records[1], 0))
    record = one.records[3]
    [row, *_] = [row for row, each in enumerate(record.before.live) if each.forced]
    second = TokenEdit(3, record.before.live[row].id, unlikely(record, row))
    both = one.edited(second)
    assert carrying(both.best[0], first, second)


@pytest.mark.parametrize("search", ["beam 2", "beam 4", "early", "beam sampling"])
@pytest.mark.parametrize("ends", [False, True])
def test_forcing_several_hypotheses(search, ends):
    done = run("bart", max_new_tokens=8, **SEARCHES[search])
    record = done.records[2]
    live = record.before.live
    edits = [TokenEdit(2, each.id, 51 + row) for row, each in enumerate(live)]
    if ends:
        edits[-1] = TokenEdit(2, live[-1].id, EOS)
    other = done.edited(*edits)
    after = other.records[2].after
    children = {each.token: each for each in (*after.live, *after.finished) if each.step == 2}
    assert set(children) == {
        edit.token for edit in edits
    }  # each went on with its own token, and no other did
    assert {each.token for each in after.live} == {edit.token for edit in edits} - {EOS}
    assert all(each.forced for each in other.best)
    assert all(math.isfinite(each.score) and each.score > -1e4 for each in other.best)
    assert all(carrying(each, edits[0]) or any(carrying(each, edit) for edit in edits) for each in other.best)


@pytest.mark.parametrize("penalty", [1.0, -1.0, 0.0])
def test_forced_ones_are_ranked_by_their_own_scores(penalty):
    # Two choices that end at different times: the better final score comes first, however long it is.
    settings = {"num_beams": 2, "num_return_sequences": 2, "length_penalty": penalty}
    done = run("bart", max_new_tokens=8, **settings)
    live = done.records[2].before.live
    other = done.edited(TokenEdit(2, live[0].id, EOS), TokenEdit(2, live[1].id, 61))
    finished = {each for record in other.records for each in record.after.finished if each.forced}
    assert {each.length for each in finished} >= {3, 8}
    expected = sorted(finished, key=lambda each: each.final, reverse=True)[:2]
    assert list(other.best) == expected


def test_the_last_choice_comes_first():
    done = run("bart", max_new_tokens=8, num_beams=3)
    first = done.edited(TokenEdit(2, done.records[2].before.live[0].id, unlikely(done.records[2], 0)))
    live = first.records[3].before.live
    [row, *_] = [row for row, each in enumerate(live) if not each.forced]
    edit = TokenEdit(3, live[row].id, unlikely(first.records[3], row))
    best = first.edited(edit).best[0]
    assert carrying(best, edit)
    assert best.tokens[:3] == live[row].tokens


@pytest.mark.parametrize("early", [True, False])
def test_a_choice_is_waited_for(early):
    # So many ends that all places are taken in the step of the choice, or in the one after it.
    settings = {"num_beams": 2, "early_stopping": early, "eos_token_id": [1, *range(10, 99, 2)]}
    done = run("bart", max_new_tokens=8, forced_bos_token_id=None, **settings)
    waited = 0
    for step, record in enumerate(done.records):
        for row, each in enumerate(record.before.live):
            for token in (43, 61, 77):
                edit = TokenEdit(step, each.id, token)
                other = done.edited(edit)
                assert carrying(other.best[0], edit)
                places = sum(not one.forced for one in other.tip.finished)
                waited += len(other.records) > len(done.records) and (places > 0 or row > 0)
    assert waited > 0


@pytest.mark.parametrize("search", ["greedy", "sampling", "early", "beam 4", "beam sampling"])
def test_another_sentence_of_the_batch_is_not_touched(search):
    settings = {
        **SEARCHES[search],
        "max_new_tokens": 8,
        "return_dict_in_generate": True,
        "output_scores": True,
    }
    done = run("bart", 2, **settings)
    record = done.records[1]
    [row, *_] = [row for row, each in enumerate(record.before.live) if each.sentence == 0]
    other = done.edited(TokenEdit(1, record.before.live[row].id, unlikely(record, row)))

    def second(it):
        return [(each.tokens, each.score, each.final) for each in it.best if each.sentence == 1]

    assert second(other) == second(done)
    assert [each.tokens for each in other.best] != [each.tokens for each in done.best]
    if settings.get("num_beams"):
        half = len(done.best) // 2
        assert torch.equal(other.returned.sequences_scores[half:], done.returned.sequences_scores[half:])


def launched(name, prefix=(), **settings):
    """The plan as a launch makes it, with a prefix in tokens."""
    face = face_of(name)
    arguments = {**inputs(name), **settings}
    return GeneratePlan(face, face.sources_of(arguments), arguments, given=settings, prefix=prefix, seed=0)


@pytest.mark.parametrize("search", SEARCHES)
def test_a_prefix_begins_every_output(search):
    prefix = (40, 41, 43)
    done = Run(launched("bart", prefix, max_new_tokens=8, **SEARCHES[search]))
    assert done.best
    for each in done.best:
        assert each.tokens[:3] == prefix
        assert not each.forced
        assert each.score == sum(node.logprob for node in reversed(list(each.path())))
        assert each.length > 3
    for step, token in enumerate(prefix):
        told = done.records[step].candidates
        survived = told.fate == Fate.SURVIVED
        assert set(told.token[survived].tolist()) == {token}
        assert set(told.reason[survived].tolist()) == {Reason.FORCED}
    # After it the search is the very one that it would be.
    beams = SEARCHES[search].get("num_beams", 1)
    assert len(done.records[4].before.live) <= max(beams, SEARCHES[search].get("num_return_sequences", 1))
    if beams > 1 and "eos_token_id" not in SEARCHES[search]:
        assert len(done.records[4].before.live) == beams


def test_a_prefix_and_greedy_search_is_decoding_from_there():
    prefix = (40, 41)
    done = Run(launched("bart", prefix, max_new_tokens=8))
    start = torch.tensor([[model_of("bart").generation_config.decoder_start_token_id, *prefix]])
    expected = plain("bart", decoder_input_ids=start, max_new_tokens=6, forced_bos_token_id=None)
    assert done.best[0].tokens[2:] == written(expected.sequences[0], 3)
