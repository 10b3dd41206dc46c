"""Words that only a source has, in every view of a session: each sentence has its own, behind the vocabulary.

The networks write the letters u, v, a, b and a dot; all other letters of a source can only be copied.
"""

import random
from functools import cache

import pytest
import torch
from comparing import compare
from driving import finish, session_of
from models.small_networks import small_config
from recordings import assert_recorded, reopened
from same_records import assert_same, run_again
from tiny_models import rnn

from s2sdap import S2sdapError
from s2sdap.debugger.comparing.runs import best_run
from s2sdap.debugger.corpus.run import Corpus
from s2sdap.debugger.program import Program, Sentence, make_program
from s2sdap.debugger.session import Session
from s2sdap.debugger.verdict.asking import answer, question_of
from s2sdap.debugger.verdict.telling import plain
from s2sdap.debugger.verdict.trials import at_once
from s2sdap.debugger.watch_rules import parse_rule
from s2sdap.decoding.batched.grouping import BatchBounds
from s2sdap.decoding.decode import decode, score
from s2sdap.decoding.edits import SourceEdit
from s2sdap.decoding.settings import SearchSettings
from s2sdap.decoding.step import Decode
from s2sdap.neighbors.batch_states import BatchTask, batch_states
from s2sdap.neighbors.extraction import Bounds, Extractor
from s2sdap.neighbors.states import Pair, StateSite
from s2sdap.vocabulary import sites

torch.set_num_threads(1)  # sums keep their order

POINTER = small_config(copying="pointer", cell="lstm", input_feed=True)
OWN = small_config(copying="attentional", copy_attention="general")
BEAM = {"beam_size": 3, "n_best": 3, "max_length": 7, "coverage_penalty": 0.2}


@cache
def copying(config=POINTER):
    """A network that copies more often than not."""
    model = rnn(config, letters="uvab.", seed=11, scale=1.5)
    with torch.no_grad():
        model.network.copying.gate.bias += 1.5
    return model


@pytest.fixture(scope="module")
def model():
    return copying()


def at_a_copied_word(model, source="cdeb", **search):
    """A session that has just written one of the source's own letters."""
    session = session_of(model, source, **(search or BEAM))
    session.start()
    session.next()
    session.force("e")
    return session


def test_a_copied_word_has_its_written_form_everywhere(model):
    session = at_a_copied_word(model)
    assert session.evaluate("[token, output, tokens[0]]") == ["e", "e", "e"]
    assert {"c", "d", "e"} <= {piece for piece, _ in session.top_tokens(12)}
    assert session.evaluate('rank_of("c")') < len(session.target)
    assert session.frame.piece(session.frame.token) == "e"
    finish(session)
    (output,) = [each for each in session.results[0].outputs if each.text.startswith("e")][:1]
    assert output.pieces[0] == "e"
    assert model.target.find("e") is None, "the model's own vocabulary is what it was"
    with pytest.raises(S2sdapError, match="'e'"):
        at_a_copied_word(model, "cdb")


def test_ids_are_of_the_sentence(model):
    session = session_of(model, "cd\ndc", max_length=4)
    session.start()
    session.next()
    session.force("c")
    first = session.frame.token
    session.step_out()
    session.next()
    session.next()
    session.force("c")
    assert session.frame.token == first + 1
    finish(session)
    assert [session.results[number].text[0] for number in (0, 1)] == ["c", "c"]


def test_a_debugged_decode_is_the_plain_one(model):
    for source in ("cdeb", "hgfedcba", "ab"):
        alone = decode(model, source, SearchSettings(**BEAM))
        session = session_of(model, source, **BEAM)
        session.start()
        while session.walk.placed and not session.walk.ended:
            if session.step_part().cursor is None:
                break
        assert session.results[0].outputs == alone


def test_edits_are_what_a_fresh_run_makes_of_them(model):
    session = at_a_copied_word(model)
    session.next()
    session.edit_site("prediction.copy", [1.0])
    assert session.evaluate("copy") == 1.0
    copied = {piece for piece, p in session.top_tokens(12) if p > 1e-6}
    assert copied == {"c", "d", "e", "b"}, "nothing but the source can be written"
    attended = session.evaluate("attention")
    assert session.evaluate('prob("d")') == pytest.approx(attended[1], abs=1e-6)
    session.next()
    session.edit_site("prediction.generated", [0.5], index=(session.target.find("u"),))
    finish(session)
    branch = session.walk.timeline_of(0).branch
    plan = Decode.of(model, "cdeb", SearchSettings(**BEAM))
    _, records = run_again(plan, branch.edits)
    for record, again in zip(branch.records, records, strict=True):
        assert_same(dict(record.sites), dict(again.sites), f"step {record.step}")
    with pytest.raises(S2sdapError, match="probability"):
        session_at_step(model).edit_site("prediction.copy", [1.5])


def session_at_step(model):
    session = session_of(model, "cdeb", **BEAM)
    session.start()
    session.next()
    return session


def test_an_attention_of_its_own_stays_a_distribution():
    session = session_at_step(copying(OWN))
    session.edit_site("prediction.pointer", [0.75], index=(2,))
    row = session.frame.site("prediction.pointer")
    assert row[2].item() == 0.75
    assert row.sum().item() == pytest.approx(1, abs=1e-6)
    session.edit_site("prediction.copy", [1.0])
    assert session.evaluate('prob("e")') == pytest.approx(0.75, abs=1e-6)


def test_a_source_that_lost_a_word_cannot_write_it(model):
    session = at_a_copied_word(model)
    before = session.walk.branch
    session.apply([SourceEdit("dub")])
    session.next()
    assert session.target.find("e") is None
    assert session.target.piece(len(model.target)) == "d"
    session.force("d")
    finish(session)
    after = session.walk.timeline_of(0).branch
    left, right = (best_run("", each.plan, each.encoder, each.records) for each in (before, after))
    comparison = compare(left, right)
    assert not comparison.same_vocabulary
    assert comparison.absent["distribution"] == "the vocabularies differ"


def test_score_and_references_know_the_words_of_the_source(model):
    whole = score(model, "cdeb", "ec")
    assert whole.text == "ec"
    assert whole.pieces == ("e", "c", "</s>")
    assert score(model, "db", "e").pieces[0] == "<unk>"


@pytest.mark.parametrize(
    ("config", "search"), [(OWN, {"max_length": 6}), (POINTER, BEAM)], ids=["greedy", "beam"]
)
def test_a_corpus_in_batches_is_what_each_sentence_is(config, search):
    model, draw = copying(config), random.Random(5)
    lines = ["".join(draw.choices("abcdefghuv", k=draw.randint(1, 9))) for _ in range(20)]
    program, settings = make_program(lines, path=None), SearchSettings(**search)
    alone = [decode(model, line, settings) for line in lines]
    assert any(token >= len(model.target) for (best, *_) in alone for token in best.tokens), "they copy"
    rules = (
        parse_rule("lowConfidence(token == 'c' and p > 0.9)"),
        parse_rule("overlongOutput(output == 'ub')"),
    )
    for armed in ((), rules):
        corpus = Corpus(model, program, settings, armed, bounds=BatchBounds(sentences=10))
        for decoded, expected in zip(corpus, alone, strict=True):
            assert [each.text for each in decoded.result.outputs] == [each.text for each in expected]
            assert [each.tokens for each in decoded.result.outputs] == [each.tokens for each in expected]
            assert [each.pieces for each in decoded.result.outputs] == [each.pieces for each in expected]
        assert corpus.counts.failed == 0
        assert corpus.counts.batched > 5


def test_a_prefix_may_have_words_of_the_source(model):
    settings = SearchSettings(prefix="ec", max_length=5)
    assert decode(model, "cdeb", settings)[0].text.startswith("ec")
    with pytest.raises(S2sdapError, match="prefix"):
        decode(model, "cd", settings)
    corpus = Corpus(model, make_program(["cde", "cd", "ec"], path=None), settings)
    found = [decoded.result for decoded in corpus]
    assert corpus.singly is not None
    assert [each.text[:2] for each in (found[0], found[2])] == ["ec", "ec"]
    assert found[1].error is not None


def test_a_session_file_keeps_the_words_of_every_source(tmp_path, model):
    program = Program(
        None, "lines", ("cde", "edc"), (Sentence(0, 0, "cde", "ec"), Sentence(1, 1, "edc", "xd"))
    )
    session = Session(model, program, SearchSettings(**BEAM))
    session.start()
    for word in ("e", "d"):
        session.next()
        session.force(word)
        session.step_out()
        session.next()
    recorded = reopened(session, tmp_path / "copied.s2s")
    assert_recorded(session, recorded)
    recorded.start()
    recorded.reverse_continue()
    for sentence, reference in ((0, ("e", "c")), (1, ("<unk>", "d"))):
        timeline, again = (each.walk.timeline_of(sentence) for each in (session, recorded))
        for branch, copy in zip(timeline.branches, again.branches, strict=True):
            target, read = branch.plan.model.target, copy.plan.model.target
            for node, other in zip(branch.tip.finished, copy.tip.finished, strict=True):
                assert read.text(other.tokens) == target.text(node.tokens)
                assert [read.piece(t) for t in other.tokens] == [target.piece(t) for t in node.tokens]
            assert read.find("d") == target.find("d")
            tokens = read.encode(program.sentences[sentence].reference)
            assert tuple(read.piece(token) for token in tokens) == reference
    assert all(each.first is None for each in recorded.replay(model).branches)
    twice = reopened(recorded, tmp_path / "twice.s2s")
    assert_recorded(session, twice)


def test_a_verdict_compares_sentences_by_their_words(model):
    settings = SearchSettings(max_length=5)
    wrong = decode(model, "cdeb", settings)[0].text
    reference = next(letter for letter in "edc" if letter != wrong[0]) + "d"
    others = [Sentence(number, number, text, text[:2]) for number, text in ((1, "edcu"), (2, "hcde"))]
    program = Program(None, "x", ("cdeb", "edcu", "hcde"), (Sentence(0, 0, "cdeb", reference), *others))
    session = Session(model, program, settings)
    session.start()
    question = question_of(session, limit=4000)
    told = plain(answer(question, at_once), question.plan.model.target)
    assert told["wanted"] == reference[0]
    assert {each["stage"] for each in told["experiments"]} >= {"encoder", "attention", "prediction"}
    assert told["output"] == wrong


def test_an_index_has_the_tokens_of_the_vocabulary_alone_and_the_words_as_they_are_written(model):
    sources = ["cdeb", "hgf", "ced"]
    free = [decode(model, source, SearchSettings(max_length=6))[0] for source in sources]
    assert any(token >= len(model.target) for output in free for token in output.tokens), "they copy"
    extractor = Extractor(
        model, [StateSite(sites.DECODER_STATE)], settings=SearchSettings(max_length=6), bounds=Bounds(3)
    )
    for targets in ([None] * 3, [output.text for output in free]):
        pairs = tuple(Pair(number, *each) for number, each in enumerate(zip(sources, targets, strict=True)))
        found = batch_states(extractor, BatchTask(pairs, (0, 1, 2), "x"))
        (states,) = found.states.values()
        assert max(states.token.max(), states.predicted.max()) < len(model.target)
        assert model.target.unknown in states.token
        for output, sentence in zip(free, found.sentences, strict=True):
            assert sentence.target == output.text
            assert "".join(sentence.target_pieces).removesuffix("</s>") == output.text
