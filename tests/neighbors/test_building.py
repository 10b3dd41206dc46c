"""Building an index of the bundled model: what is in it, in which order, and how it goes on."""

import dataclasses

import numpy as np
import pytest
import torch
from date_indexes import SITES, Builder, contents, corpus_file, pairs

from s2sdap.decoding.forced.checked import Way
from s2sdap.models.loading import load_model
from s2sdap.neighbors.corpus import read_corpus
from s2sdap.neighbors.extraction import Extractor
from s2sdap.neighbors.place import Place
from s2sdap.neighbors.plan import check_room, planned
from s2sdap.neighbors.states import Pair
from s2sdap.neighbors.store import StateStore
from s2sdap.vocabulary.errors import S2sdapError

ENCODER, DECODER = SITES
COUNT = 60


class StoppedError(Exception):
    """What a test ends a build with."""


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return corpus_file(tmp_path_factory.mktemp("corpus") / "dates.tsv", 0, COUNT)


@pytest.fixture(scope="module")
def second(tmp_path_factory):
    return corpus_file(tmp_path_factory.mktemp("corpus") / "second.tsv", COUNT, 30)


@pytest.fixture(scope="module")
def builder():
    return Builder()


@pytest.fixture(scope="module")
def whole(tmp_path_factory, builder, corpus):
    """An index that was built in one go."""
    place = tmp_path_factory.mktemp("whole") / "index"
    builder.build(place, builder.plan(corpus))
    return place


def refusal(name):
    def is_it(error):
        return error.name == name

    return pytest.raises(S2sdapError, check=is_it)


# ---------------------------------------------------------------- what is in it


def test_every_sentence_is_in_with_its_place_and_its_tokens(whole, corpus):
    store = StateStore.open(whole)
    lines = corpus.read_text("utf-8").split("\n")
    assert store.sentence_numbers.tolist() == list(range(COUNT))
    for (source, target), found in zip(pairs(), store.sentences(range(COUNT)), strict=False):
        assert (found.source, found.target) == (source, target)
        assert found.file == str(corpus)
        assert lines[found.line] == f"{source}\t{target}"
        assert "".join(found.pieces) == source
        assert [source[span.start : span.end] for span in found.spans] == list(found.pieces)
        assert found.target_pieces == (*target, "</s>")


def test_every_token_has_its_state(whole):
    store = StateStore.open(whole)
    model = load_model("dates")
    sources = sum(len(model.tokenize(source).tokens) for source, _ in pairs()[:COUNT])
    assert (store.count(ENCODER), store.count(DECODER)) == (sources, 11 * COUNT)
    for site in SITES:
        found = store.rows(site, range(store.count(site)))
        for sentence in range(COUNT):
            mine = found.sentence == sentence
            assert found.position[mine].tolist() == list(range(mine.sum()))


def test_the_states_are_those_that_extraction_gives(whole, builder):
    """Bit for bit, for the same batches; the order of sentences is by length."""
    store = StateStore.open(whole)
    extractor = builder.extractor
    examples, _ = extractor.read(Pair(number, *pair) for number, pair in enumerate(pairs()[:COUNT]))
    row = 0
    for batch in extractor.batches(examples):
        states = extractor(batch)[DECODER]
        kept = store.rows(DECODER, range(row, row + len(states)))
        assert np.array_equal(kept.vectors.view(np.uint16), states.vectors.view(np.uint16))
        assert np.array_equal(kept.predicted, states.predicted)
        assert np.array_equal(kept.token, states.token)
        row += len(states)
    assert row == store.count(DECODER)


def test_lines_that_the_model_cannot_read_are_left_out_and_told(tmp_path, builder):
    (tmp_path / "mixed.tsv").write_text("March 3, 1999\t1999-03-03\nJ 4, 2005\t\n" + "1" * 1200 + "\tx\n")
    plan = builder.plan(tmp_path / "mixed.tsv")
    assert [(each.line, each.error.name) for each in plan.left_out] == [
        (1, "pair_empty"),
        (2, "pair_too_long"),
    ]
    record = builder.build(tmp_path / "index", plan)
    assert (record.sentences, record.left_out, record.failed) == (1, 2, 0)
    assert StateStore.open(tmp_path / "index").sentence(0).source == "March 3, 1999"


def test_a_corpus_of_which_nothing_can_be_read_is_refused(tmp_path, builder):
    (tmp_path / "long.txt").write_text("1" * 1200 + "\n")
    with refusal("index_no_tokens"):
        builder.plan(tmp_path / "long.txt")


def test_without_references_the_model_writes_the_targets(tmp_path, builder):
    (tmp_path / "sources.txt").write_text("March 3, 1999\nthe 24th of October 2030\n")
    builder.build(tmp_path / "index", builder.plan(tmp_path / "sources.txt"))
    store = StateStore.open(tmp_path / "index")
    assert [store.sentence(number).target for number in (0, 1)] == ["1999-03-03", "2030-10-24"]
    assert store.sentence(1).target_pieces == (*"2030-10-24", "</s>")
    states = store.rows(DECODER, range(store.count(DECODER)))
    assert states.right.all()


# ---------------------------------------------------------------- interrupted, and gone on with


@pytest.mark.parametrize("after", [1, 2, 7, 14, 15])
def test_an_interrupted_build_ends_as_one_that_was_not(tmp_path, builder, corpus, whole, after):
    plan = builder.plan(corpus)
    told = []

    def stop(progress):
        told.append(progress)
        if len(told) == after:
            raise StoppedError

    with pytest.raises(StoppedError):
        builder.build(tmp_path / "index", plan, stop)
    store = StateStore.open(tmp_path / "index")
    record = store.manifest.corpora[0]
    kept = [number for batch in plan.batches[: record.done] for number in batch]
    assert store.sentence_numbers.tolist() == sorted(kept)
    assert told[-1].committed == len(kept)
    builder.build(tmp_path / "index", plan)
    assert contents(tmp_path / "index") == contents(whole)


def test_a_build_goes_on_in_the_way_that_it_had_come_to(tmp_path, builder, corpus):
    """Where batches give other numbers than steps, an extractor has come to run sentences singly."""
    plan = builder.plan(corpus)

    def stop(progress):
        if progress.committed:
            raise StoppedError

    with pytest.raises(StoppedError):
        builder.build(tmp_path / "index", plan, stop)
    manifest = tmp_path / "index" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"way": "batches"', '"way": "singly"'))
    done = StateStore.open(tmp_path / "index").manifest.corpora[0].done
    record = builder.build(tmp_path / "index", plan)
    assert record.way == "singly"
    store = StateStore.open(tmp_path / "index")
    alike = {Way.SINGLY: True, Way.BATCHES: True}
    for way in alike:
        extractor = builder.extractor
        extractor.go_on(way)
        row = sum(11 * len(batch) for batch in plan.batches[:done])
        for batch in plan.batches[done:]:
            states = extractor(plan.task(batch, 0).pairs)[DECODER]
            kept = store.rows(DECODER, range(row, row + len(states)))
            alike[way] &= kept.vectors.tobytes() == states.vectors.tobytes()
            row += len(states)
    assert alike == {Way.SINGLY: True, Way.BATCHES: False}


def test_how_far_batches_are_from_steps_is_kept(whole, builder):
    """The bound of the exactness: of 2**-9 of a row's length, which is what half precision alone may give."""
    (record,) = StateStore.open(whole).manifest.corpora
    assert record.way == "batches"
    assert 0 < record.apart < 2**-9


def test_progress_ends_at_all_tokens(tmp_path, builder, corpus):
    plan, told = builder.plan(corpus), []
    builder.build(tmp_path / "index", plan, told.append)
    assert [each.tokens for each in told] == sorted({each.tokens for each in told})
    assert (told[-1].tokens, told[-1].all_tokens) == (plan.tokens, plan.tokens)
    assert told[-1].sentences == told[-1].committed == told[-1].all_sentences == COUNT


def test_how_often_it_is_committed_changes_no_row(tmp_path, corpus, whole):
    often = Builder(rows=1)
    often.build(tmp_path / "often", often.plan(corpus))
    assert contents(tmp_path / "often") == contents(whole)
    seldom = Builder(rows=10**6)
    seldom.build(tmp_path / "seldom", seldom.plan(corpus))
    assert contents(tmp_path / "seldom") == contents(whole)


def test_nothing_is_left_behind_by_an_interrupted_build(tmp_path, builder, corpus, whole):
    """Rows that were written, but not acknowledged, take no room in the end."""
    plan = builder.plan(corpus)
    for after in (3, 5, 9):

        def stop(progress, after=after):
            if progress.sentences > 4 * after:
                raise StoppedError

        with pytest.raises(StoppedError):
            builder.build(tmp_path / "index", plan, stop)
    builder.build(tmp_path / "index", plan)
    files = [
        sum(
            1
            for each in (place / "decoder.state.lance" / "_versions").iterdir()
            if each.suffix == ".manifest"
        )
        for place in (tmp_path / "index", whole)
    ]
    assert files == [1, 1]


# ---------------------------------------------------------------- adding


def test_a_corpus_is_added_behind_the_first(tmp_path, builder, corpus, second, whole):
    builder.build(tmp_path / "index", builder.plan(corpus))
    record = builder.add(tmp_path / "index", builder.plan(second))
    assert (record.first, record.sentences) == (COUNT, 30)
    store, before = StateStore.open(tmp_path / "index"), StateStore.open(whole)
    assert store.sentence_numbers.tolist() == list(range(COUNT + 30))
    assert store.sentence(COUNT).source == pairs()[COUNT][0]
    assert store.sentence(COUNT).file == str(second)
    rows = before.count(DECODER)
    assert np.array_equal(store.vectors(DECODER)[:rows], before.vectors(DECODER))
    assert set(store.column(DECODER, "sentence")[rows:]) == set(range(COUNT, COUNT + 30))


def test_the_same_corpus_again_changes_nothing(tmp_path, builder, corpus):
    plan = builder.plan(corpus)
    builder.build(tmp_path / "index", plan)
    before = contents(tmp_path / "index")
    assert builder.build(tmp_path / "index", plan).finished
    assert builder.add(tmp_path / "index", plan).finished
    assert contents(tmp_path / "index") == before


def test_another_sample_of_a_corpus_that_is_in_is_refused(tmp_path, builder, corpus):
    builder.build(tmp_path / "index", builder.plan(corpus))
    with refusal("corpus_there"):
        builder.add(tmp_path / "index", builder.plan(corpus, sample=5))


def test_a_corpus_has_to_wait_for_one_that_is_not_finished(tmp_path, builder, corpus, second):
    def stop(progress):
        if progress.committed:
            raise StoppedError

    plan = builder.plan(corpus)
    with pytest.raises(StoppedError):
        builder.build(tmp_path / "index", plan, stop)
    with refusal("corpus_unfinished"):
        builder.add(tmp_path / "index", builder.plan(second))
    builder.add(tmp_path / "index", plan)  # `add` of the same corpus goes on with it
    builder.add(tmp_path / "index", builder.plan(second))
    assert StateStore.open(tmp_path / "index").sentence_count == COUNT + 30


# ---------------------------------------------------------------- what does not belong together


def test_another_corpus_or_another_sample_is_another_index(builder, second, corpus, whole):
    for plan in (builder.plan(second), builder.plan(corpus, sample=5)):
        with refusal("index_other_build"):
            builder.build(whole, plan)


def test_other_sites_are_another_index(tmp_path, whole, corpus):
    from s2sdap.neighbors.building import build_index
    from s2sdap.neighbors.identity import identity_of

    model = load_model("dates")
    extractor = Extractor(model, [DECODER])
    with refusal("index_other_build"):
        build_index(
            Place.of(whole),
            planned(read_corpus(str(corpus)), extractor),
            extractor,
            identity_of(model, "dates"),
            {DECODER: 64},
        )


def test_a_corpus_that_was_changed_meanwhile_is_told(tmp_path, builder):
    corpus = corpus_file(tmp_path / "dates.tsv", 0, 20)

    def stop(progress):
        if progress.committed:
            raise StoppedError

    with pytest.raises(StoppedError):
        builder.build(tmp_path / "index", builder.plan(corpus), stop)
    corpus_file(corpus, 0, 21)
    with pytest.raises(S2sdapError, match=r"S2S4526: .*dates\.tsv was changed"):
        builder.build(tmp_path / "index", builder.plan(corpus))


def test_other_batches_cannot_go_on_with_a_build(tmp_path, corpus, builder):
    def stop(progress):
        if progress.committed:
            raise StoppedError

    with pytest.raises(StoppedError):
        builder.build(tmp_path / "index", builder.plan(corpus), stop)

    @dataclasses.dataclass(frozen=True)
    class Other(Builder):
        @property
        def extractor(self):
            from s2sdap.neighbors.extraction import Bounds

            return Extractor(load_model("dates"), list(SITES), bounds=Bounds(5, 8192))

    with pytest.raises(
        S2sdapError, match=r"S2S4521: .*at most 4 sentences.*--batch 4 --batch-tokens 8192 goes on"
    ):
        Other().build(tmp_path / "index", Other().plan(corpus))


# ---------------------------------------------------------------- samples, room


def test_a_sample_is_drawn_by_its_seed(corpus):
    first, again = (read_corpus(str(corpus), sample=10, seed=3) for _ in range(2))
    assert first == again
    assert [each.line for each in first.lines] == sorted({each.line for each in first.lines})
    assert read_corpus(str(corpus), sample=10, seed=4).lines != first.lines
    assert set(first.lines) < set(read_corpus(str(corpus)).lines)
    assert read_corpus(str(corpus), sample=10**6).lines == read_corpus(str(corpus)).lines


def test_room_is_two_bytes_a_number_and_the_text(builder, corpus, whole):
    plan, store = builder.plan(corpus), StateStore.open(whole)
    vectors = sum(2 * store.count(site) * 64 for site in SITES)
    text = sum(len(source.encode()) + len(target.encode()) for source, target in pairs()[:COUNT])
    assert plan.room(SITES).bytes == vectors + text
    assert plan.room(SITES, len(plan.batches)).bytes == 0


def test_what_is_larger_than_the_budget_or_the_disk_is_refused(builder, corpus):
    room = builder.plan(corpus).room(SITES)
    check_room("here", room, room.bytes, room.bytes)
    with pytest.raises(S2sdapError, match=r"S2S4522: .*the budget: "):
        check_room("here", room, room.bytes - 1, None)
    with pytest.raises(S2sdapError, match=r"S2S4522: .*free on that disk: "):
        check_room("here", room, None, room.bytes - 1)
