"""What the language server knows of words once a model and an index are loaded, and what that costs."""

import asyncio
import gc
from pathlib import Path

from s2sdap.language.configuration import Configuration, Project
from s2sdap.language.decoded import Asked, Origin
from s2sdap.language.desk import path_of
from s2sdap.language.documents import Document
from s2sdap.language.engine import Engine
from s2sdap.language.features import hovers
from s2sdap.language.source_files import SourceFile
from s2sdap.language.worker import Worker

SURE = "March 3, 1999"


def test_hover_tells_how_often_training_had_a_piece_and_what_is_nearest_where_there_is_an_index(date_index):
    engine = Engine(Project(Configuration(index=date_index.path), Path("/")).decoding)
    traced = engine.traced(Asked(SURE), None, Origin.ASKED)
    uri, source = "file:///a.src", traced.last.source
    file = SourceFile(uri, path_of(uri), Document(SURE), engine.project, engine.model)
    word = hovers.word_at(source, 0)

    def told():
        facts = engine.words.facts(traced.last, source.tokens[0].id, 0)
        return hovers.told(file, 0, word, 0, facts)

    assert "In training" not in told()  # before it is open nothing waits for it
    engine.words.open()
    texts = Path(date_index.corpus).read_text().splitlines()
    pieces = [token.piece for text in texts for token in engine.model.tokenize(text).tokens]
    assert f"In training: `M` {pieces.count('M'):,} times, of {len(pieces):,} tokens." in told()
    assert "Nearest by embedding (cosine): `" in told()
    nearest = told().split("Nearest training states of `M` in this sentence:")[1]
    assert "›M‹arch 3, 1999 → 1999-03-03" in nearest.strip().splitlines()[0]  # which training had


def test_what_is_loaded_is_not_looked_through_for_garbage(tmp_path):
    try:
        asyncio.run(Worker().do(Project(Configuration(), tmp_path), lambda engine, stops: engine.model.name))
        assert gc.get_freeze_count() > sum(1 for _ in gc.get_objects())
    finally:
        gc.unfreeze()
