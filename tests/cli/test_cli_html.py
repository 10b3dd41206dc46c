"""The HTML report: one file that needs nothing else, its worst first; its commands open what they say."""

import html.parser
import json
import re
import shlex

import pytest

from s2sdap.cli.debug import Place, Prompt, paused_at
from s2sdap.cli.reopening import Opening
from s2sdap.client import Debugger

EVIL = "<script>alert(1)</script> & \"J\" '4' ${style}"
LINES = ["March 3, 1999", "", "J 4, 2005", EVIL, "2/3/4", "4/5", "z" * 2001]
RULE = "lowConfidence(p < 0.9)"
VOID = {"meta", "br"}


class Page(html.parser.HTMLParser):
    """Checks that tags close in order; keeps attributes, and the texts of headings and code."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.attributes, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.attributes += [(tag, name, value) for name, value in attributes]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip():
            self.texts.append((self.open[-1] if self.open else "", data))

    def of(self, tag):
        return [text for inside, text in self.texts if inside == tag]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("html")
    (folder / "in.txt").write_text("".join(f"{line}\n" for line in LINES))
    return folder


@pytest.fixture(scope="module")
def page(s2sdap, folder):
    done = s2sdap(
        *("run", "in.txt", "--beam", 3, "--break", RULE, "--output", "out.txt"),
        *("--html", "out.html", "--report", "out.jsonl"),
        cwd=folder,
    )
    assert done.returncode == 2  # one line is too long
    return (folder / "out.html").read_text()


def rows(folder):
    return [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]


def test_it_is_well_formed_and_asks_nothing_of_anybody(page):
    parsed = Page(page)
    assert not [each for each in parsed.attributes if each[1] in ("src", "href", "style", "onclick")]
    assert "script" not in {tag for tag, _, _ in parsed.attributes}
    assert not re.search(r"https?://|url\(|@import", page)
    policy = next(value for _, name, value in parsed.attributes if name == "content" and "default" in value)
    assert policy.startswith("default-src 'none'; style-src 'sha256-")


def test_texts_of_the_corpus_are_escaped(page):
    assert "<script" not in page
    assert EVIL in Page(page).of("dd")


def test_the_worst_come_first(page, folder):
    def bad(row):
        if "error" in row:
            return (0, 0.0)
        fired = [stop["p"] for stop in row.get("stops", [])]
        return (1, min(fired)) if fired else (2, min(token["p"] for token in row["tokens"]))

    order = [int(text.split(",")[0].removeprefix("Line ")) for text in Page(page).of("h3")]
    assert order == [row["line"] for row in sorted(rows(folder), key=bad)]
    assert order[0] == 7


def test_every_finding_has_its_numbers_its_command_and_its_launch(page, folder):
    codes = Page(page).of("code")
    found = [(row, stop) for row in rows(folder) for stop in row.get("stops", [])]
    assert found
    for row, stop in found:
        assert stop["command"] in codes
        assert f"p {stop['p']:.4g}" in page
        launches = [json.loads(code) for code in codes if code.startswith("{")]
        (launch,) = [each for each in launches if each["name"] == f"line {row['line']}, step {stop['step']}"]
        assert launch["startLine"] == row["line"]
        assert launch["search"] == {"beamSize": 3}
        assert launch["watchRules"] == [
            f"lowConfidence(line == {row['line']} and step == {stop['step']} and (p < 0.9))"
        ]


def test_the_attention_of_the_worst_is_shown(page, folder):
    decoded = [row for row in rows(folder) if "output" in row]
    assert page.count('<table class="heat">') == len(decoded)


def test_the_command_opens_the_sentence_at_that_token(page, folder, s2sdap):
    row, stop = next((row, stop) for row in rows(folder) for stop in row.get("stops", []))
    words = shlex.split(stop["command"])
    assert words[0] == "s2sdap"
    done = s2sdap(*words[1:], cwd=folder)
    assert done.returncode == 0, done.stderr
    shown = " ".join(done.stdout.split())
    assert shown.startswith(f"line {row['line']}, step {stop['step']}, search:")
    assert f"token {stop['token']} p = {stop['p']:.4f}"[:18] in shown


def test_the_prompt_drives_the_session(folder, capsys):
    """In one session: the place, every letter of the prompt, and a place that is not there."""
    from rich.console import Console

    opening = Opening(program=str(folder / "in.txt"), search={"beamSize": 3})
    with Debugger.spawn() as debugger:
        paused_at(debugger, opening, Place(line=3, step=6))
        prompt = Prompt(debugger, Console(width=100, highlight=False))

        def said(line):
            assert prompt.answer(line)
            return capsys.readouterr().out

        assert "line 3, step 7" in said("n")
        assert "line 3, step 6" in said("b")
        assert said("e step + 1").strip() == "7"
        assert "S2S4202" in said("e nothing")
        assert "1" in said("f 1")
        assert debugger.evaluate("output").result.strip("'").endswith("1")
        assert "step 6" in said("p")
        assert "the next token" in said("h")
        assert "line 3" in said("o")
        assert "line 4" in said("s")
        end = said("c")
        assert end.startswith("the end of the program\nline 3  ")
        assert "line 7  S2S1005: Line 7 of" in end
        for letter in ("n", "s", "o", "c", "f 1", "e step"):
            assert "b goes back to its last token" in said(letter)
        assert "line 6, step 10" in said("b")
        assert "the end of the program" in said("n")
        assert "line 3, encoder" in said("r")
        assert not prompt.answer("q")


def test_a_token_that_is_not_there_is_refused(s2sdap, folder):
    done = s2sdap("debug", "in.txt", "--line", 3, "--step", 99, cwd=folder)
    assert done.returncode == 2
    assert done.stderr.startswith("S2S7202: Line 3 of in.txt does not pause at step 99.")
