"""A text file of one's own, in scripts that run right to left or have no spaces: the story holds."""

import importlib.util
import sys
import unicodedata
from pathlib import Path

import pytest
import torch

from s2sdap.debugger.corpus.run import Corpus
from s2sdap.debugger.program import read_program
from s2sdap.debugger.session import Session
from s2sdap.models.loading import load_model
from s2sdap.protocol.arguments import SourceBreakpoint

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "own_text"
README = (EXAMPLE / "README.md").read_text("utf-8")
ARABIC, PERSIAN = "٣ مارس ١٩٩٩", "۳ مارس ۱۹۹۹"
CHINESE = "一九九九年三月五日"


@pytest.fixture(scope="module")
def train():
    """The example's command as a function."""
    sys.path.insert(0, str(EXAMPLE))
    try:
        spec = importlib.util.spec_from_file_location("own_text_train", EXAMPLE / "train.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module.main
    finally:
        sys.path.remove(str(EXAMPLE))
        sys.modules.pop("written_worldwide", None)


@pytest.fixture(scope="module")
def folder(train, tmp_path_factory):
    """A model of Arabic and Chinese dates, trained for some seconds."""
    folder = tmp_path_factory.mktemp("own") / "own"
    train(output=folder, only=["Arabic", "Chinese"], lines=3200, epochs=2)
    return folder


def test_it_reads_the_lines_that_were_held_out(folder):
    program = read_program(str(folder / "held_out.tsv"))
    assert program.has_references
    results = [decoded.result for decoded in Corpus(load_model(str(folder)), program)]
    right = sum(result.text == result.sentence.reference for result in results)
    assert len(results) > 120
    assert right / len(results) > 0.9


def test_spans_stand_where_the_characters_do(folder):
    model = load_model(str(folder))
    for text in (ARABIC, CHINESE):
        tokens = model.tokenize(text).tokens
        assert all(token.known for token in tokens)
        assert [text[token.span.start : token.span.end] for token in tokens] == list(text)
    assert {unicodedata.bidirectional(letter) for letter in ARABIC} == {"AN", "WS", "AL"}


def test_a_scripted_session_over_both_scripts(debugger, folder, tmp_path):
    """Digits that look alike are unknown, and the source is mended; a column stops where it is read."""
    assert PERSIAN in README
    assert ARABIC in README
    program = tmp_path / "both.tsv"
    program.write_text(f"{PERSIAN}\t1999-03-03\n{ARABIC}\t1999-03-03\n{CHINESE}\t1999-03-05\n", "utf-8")
    day = CHINESE.index("五")
    stop = debugger.launch(program=program, model=str(folder), rules=["unknownSource"], stop_on_entry=False)
    assert stop.reason == "exception"
    unknown = [token.piece for token in debugger.step().source if not token.known]
    assert unknown == [letter for letter in PERSIAN if unicodedata.name(letter).startswith("EXTENDED")]
    debugger.command(f"source {ARABIC}")
    debugger.watch({})
    debugger.set_breakpoints([SourceBreakpoint(3, column=day + 1)])
    stop = debugger.continue_()
    assert stop.reason == "breakpoint"
    step = debugger.step()
    assert (step.line, step.token.piece) == (2, "0")  # the day is read where its first digit is written
    assert debugger.attention()[-1].argmax() == day
    debugger.set_breakpoints([])
    assert debugger.continue_().ended
    assert [each.outputs[0].text for each in debugger.results()] == [
        "1999-03-03",
        "1999-03-03",
        "1999-03-05",
    ]


def test_looking_at_the_month_writes_the_month_as_the_day(folder):
    session = Session.open(str(folder), source=CHINESE)
    session.start()
    written = []
    while len(written) < 10:
        session.next()
        written.append(session.evaluate("token"))
    assert "".join(written) == "1999-03-05"
    assert session.evaluate("focus") == CHINESE.index("五")
    session.edit_attention(CHINESE.index("三"), 1.0)
    assert session.evaluate("token") == "3"


def test_two_files_in_step_of_words(train, tmp_path, capsys):
    lines = [(f"wort{n % 7} haus{n % 5} nummer{n}", f"word{n % 7} house{n % 5}") for n in range(60)]
    for name, place in (("a.txt", 0), ("b.txt", 1)):
        (tmp_path / name).write_text("".join(f"{line[place]}\n" for line in lines), "utf-8")
    output = tmp_path / "words"
    train(data=tmp_path / "a.txt", reference=tmp_path / "b.txt", output=output, unit="word", epochs=1, size=8)
    model = load_model(str(output))
    assert "wort3" in model.source_words()
    assert "nummer3" not in model.source_words()  # seen once
    held_out = read_program(str(output / "held_out.tsv"))
    assert {(each.text, each.reference) for each in held_out.sentences} <= set(lines)
    assert f"of {len(held_out.sentences)}" in capsys.readouterr().out


def test_a_file_without_references_is_told(train, tmp_path):
    (tmp_path / "a.txt").write_text("a\nb\n")
    with pytest.raises(Exception, match="has no references"):
        train(data=tmp_path / "a.txt", output=tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_the_same_seed_gives_the_same_weights(train, tmp_path):
    for name in ("one", "two"):
        train(output=tmp_path / name, only=["Hebrew"], lines=120, epochs=1, size=8)
    one, two = (load_model(str(tmp_path / name)) for name in ("one", "two"))
    assert one.fingerprint == two.fingerprint
    assert all(map(torch.equal, dict(one.named_weights()).values(), dict(two.named_weights()).values()))
