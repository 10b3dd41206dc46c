"""A file that is edited at random is known as well as one that is read anew, without being read anew."""

import asyncio
import io
import sys
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pygls.io_ import StdoutWriter

from s2sdap.language.client_options import SOURCES, ClientOptions
from s2sdap.language.configuration import Configuration, Project
from s2sdap.language.decoded import Asked, DecodedSentence, FoundHere, Origin
from s2sdap.language.desk import path_of
from s2sdap.language.documents import Document, Extent, Place
from s2sdap.language.features import hints, outline, semantic
from s2sdap.language.lowering import diagnostics
from s2sdap.language.server import make_server
from s2sdap.language.source_files import SourceFile
from s2sdap.models.source_readers import quick_reader
from s2sdap.vocabulary.positions import Span

TEXTS = st.text(alphabet="March 1😀ж\t\n\r", max_size=25)
PLACES = st.builds(Place, st.integers(0, 6), st.integers(0, 12))
CHANGES = st.lists(st.tuples(PLACES, PLACES, TEXTS), max_size=8)


class CountingReader:
    """The date model's reader; `read` has every sentence that was read."""

    def __init__(self):
        self.reader, self.read = quick_reader("dates"), []

    def tokenize(self, text):
        self.read.append(text)
        return self.reader.tokenize(text)


def opened(name, text, tmp_path_factory=None):
    uri = f"file:///folder/{name}"
    path = path_of(uri)
    project = Project(Configuration(search={"maxSourceLength": 10}), path.parent)
    return SourceFile(uri, path, Document(text), project, CountingReader())


def told(file):
    """All that is told of a file."""
    count = len(file.document.lines)
    for line in file.unseen():
        file.look(line)
    return (
        diagnostics(file.notes(), file.document.lines),
        hints.hints(file, 0, count),
        semantic.semantic_tokens(file, 0, count),
        outline.symbols(file),
        outline.folding(file),
        [(each, file.key(each)) for each in file.asked(0, count)],
    )


def decode_every_second(file):
    """Results as a decode would leave them, told from the text alone."""
    for asked in file.asked(0, len(file.document.lines))[::2]:
        found = FoundHere("lowConfidence", "p < 1", "found", "do", 0, (Span(0, 1),))
        file.keep(asked, DecodedSentence(asked.text, asked.text.upper(), 0.5, Origin.RUN, findings=(found,)))


@settings(max_examples=60)
@given(st.sampled_from(["a.src", "a.tsv"]), TEXTS, CHANGES)
def test_random_edits_leave_what_a_full_analysis_finds(name, text, changes):
    file = opened(name, text)
    told(file)
    decode_every_second(file)
    for start, end, new in changes:
        file.changed(file.document.replace(Extent(start, end), new))
        told(file)
    anew = opened(name, file.document.text)
    for key, decoded in file.decoded.items():
        anew.keep(Asked(key[0], reference=key[1]), decoded)
    assert told(file) == told(anew)


def test_an_edit_reads_the_lines_that_it_touched():
    file = opened("a.src", "\n".join(f"{number} May" for number in range(1000)))
    told(file)
    file.reader.read.clear()
    file._sources.clear()
    file.changed(file.document.replace(Extent(Place(500, 0), Place(500, 3)), "ж"))
    for line in file.unseen():
        file.look(line)
    assert file.reader.read == ["ж May"]
    assert [note.line for note in file.notes()] == [500]


def test_what_is_said_of_a_long_file_calls_nothing_for_each_of_its_lines():
    file = opened("a.src", "\n".join(f"{number} May" for number in range(2000)))
    found = FoundHere("lowConfidence", "p < 1", "found", "do", 0, (Span(0, 1),))
    told(file)
    file.keep(file.asked(1500, 1501)[0], DecodedSentence("1500 May", "", 0.5, Origin.RUN, findings=(found,)))
    calls = []
    sys.setprofile(lambda frame, event, _: calls.append(frame.f_code.co_name) if event == "call" else None)
    try:
        notes, asked = file.notes(), file.asked(1999, 2000)
    finally:
        sys.setprofile(None)
    assert [(note.line, note.code) for note in notes] == [(1500, "lowConfidence")]
    assert asked[0].index == 1999
    assert len(calls) < 100, Counter(calls).most_common(3)


@pytest.mark.parametrize("debounce", [0, 3600])
def test_nothing_is_said_of_a_file_before_it_was_left_alone_for_a_moment(debounce):
    async def typed():
        server, said = make_server(), io.BytesIO()
        server.protocol.set_writer(StdoutWriter(said))
        server.desk.options = ClientOptions(debounce=debounce)
        server.desk.open("file:///folder/a.src", "ж", 1, SOURCES)
        server.upkeep.look_again("file:///folder/a.src")
        for _ in range(50):  # turns of the loop, each of which lets every task go on
            await asyncio.sleep(0)
        return b"unknownSource" in said.getvalue()

    assert asyncio.run(typed()) is (debounce == 0)


@pytest.mark.parametrize("code", ["droppedCharacter", "tooLong", "noTokens", "unknownSource"])
def test_each_problem_has_its_span(code):
    from s2sdap.language.problems import problems_of
    from s2sdap.models.tokens import Source, SourceToken

    a, b = SourceToken("a", 1, "a", Span(0, 1)), SourceToken("b", 0, "?", Span(3, 4), known=False)
    end = SourceToken("</s>", 2, "</s>", None)
    text = "a\x07 b"
    source = Source(text, (end,) if code == "noTokens" else (a, b, end))
    found = {each.code: each for each in problems_of(text, source, 1)}
    spans = {
        "droppedCharacter": Span(1, 2),
        "tooLong": Span(3, 4),
        "noTokens": Span(0, 4),
        "unknownSource": Span(3, 4),
    }
    assert found[code].span == spans[code]
