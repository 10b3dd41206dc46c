"""What a report tells of a finding opens it: the command, and the entry of launch.json, pause there."""

import html
import json
import re
import shlex

import pytest

from s2sdap.cli.debug import Place, paused_at
from s2sdap.cli.reopening import Opening, narrowed
from s2sdap.client import Debugger
from s2sdap.vocabulary.errors import S2sdapError

UNKNOWN = "unknownSource(len(unknown_source) > 0)"
UNCOVERED = "uncoveredSource(least_coverage<0.6)"
LINES = ["March 3, 1999", "3 מרץ 1999", "the third of May in the year 1987"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("openings")
    (folder / "in.txt").write_text("".join(f"{line}\n" for line in LINES), encoding="utf-8")
    (folder / "long.txt").write_text(f"{'z' * 2001}\n\nMarch 3, 1999\n")
    return folder


@pytest.fixture(scope="module")
def reported(s2sdap, folder):
    """Both rules over the file: the rows by their lines, and the entries of launch.json by their names."""
    done = s2sdap(
        *("run", "in.txt", "--beam", 4, "--coverage-penalty", 0.3, "--break", UNKNOWN, "--break", UNCOVERED),
        *("--output", "out.txt", "--html", "out.html", "--report", "out.jsonl"),
        cwd=folder,
    )
    assert done.returncode == 1, done.stderr
    rows = [json.loads(line) for line in (folder / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    page = (folder / "out.html").read_text(encoding="utf-8")
    entries = [
        json.loads(html.unescape(code)) for code in re.findall(r"<code>(\{.*?\})</code>", page, re.DOTALL)
    ]
    return {row["line"]: row for row in rows}, {entry["name"]: entry for entry in entries}, page


def found(row, rule):
    (stop,) = [stop for stop in row["stops"] if stop["rule"] == rule]
    return stop


def opened(s2sdap, folder, stop):
    words = shlex.split(stop["command"])
    done = s2sdap(*words[1:], cwd=folder)
    assert done.returncode == 0, done.stderr
    return " ".join(done.stdout.split())


def launched(entry):
    """The stop of an entry, and the step that is shown there."""
    with Debugger.spawn() as debugger:
        stop = debugger.launch(
            program=entry["program"],
            model=entry["model"],
            search=entry["search"],
            start_line=entry["startLine"],
            stop_on_entry=entry["stopOnEntry"],
            watch_rules=entry["watchRules"],
        )
        assert not stop.ended
        return stop, debugger.step(top=1)


def test_a_finding_about_the_source_has_no_step_and_is_opened(s2sdap, folder, reported):
    rows, entries, page = reported
    stop = found(rows[2], "unknownSource")
    assert "step" not in stop
    assert "--step" not in stop["command"]
    assert opened(s2sdap, folder, stop).startswith("line 2, encoder: len(unknown_source) > 0: unknown_source")
    assert "<strong>unknownSource</strong> in the source: " in page
    assert "step -1" not in page
    stop, step = launched(entries["line 2"])
    assert (stop.reason, step.line, step.stage) == ("exception", 1, "encoder")


def test_a_finding_about_an_output_is_of_its_last_token_though_search_ran_on(s2sdap, folder, reported):
    rows, entries, _ = reported
    row = rows[3]
    stop = found(row, "uncoveredSource")
    last = len(row["tokens"]) - 1
    assert stop["step"] == last
    shown = opened(s2sdap, folder, stop)
    assert shown.startswith(f"line 3, step {last}, search: least_coverage<0.6: '</s>' has p = ")
    assert f"output {row['output']} " in shown
    _, step = launched(entries[f"line 3, step {last}"])
    assert (step.line, step.step, step.output) == (2, last, row["output"])
    with Debugger.spawn() as debugger:  # search did run on: else this would test nothing
        debugger.launch(
            program=str(folder / "in.txt"),
            search={"beamSize": 4, "coveragePenalty": 0.3},
            start_line=3,
            stop_on_entry=False,
            watch_rules=[f"uncoveredSource({narrowed('True', 3, last)})"],
        )
        debugger.step_back()
        assert debugger.step(top=1).step > last


def test_a_finding_about_the_source_alone_is_not_the_worst(reported):
    rows, _, page = reported
    order = [int(line) for line in re.findall(r"<h3>Line (\d+)", page)]
    assert [stop["rule"] for stop in rows[2]["stops"]] == ["unknownSource"]
    assert order.index(3) < order.index(2)
    assert "then those in which rules fired on the source alone, and then those without a finding" in page


@pytest.mark.parametrize("name", ["-x.txt", "--help", "it's here.txt"])
def test_a_file_of_any_name_is_opened(s2sdap, folder, name):
    (folder / name).write_text("J 4, 2005\n")
    s2sdap("run", "--break", "lowConfidence", "--report", "any.jsonl", "--", name, cwd=folder)
    stops = json.loads((folder / "any.jsonl").read_text()).get("stops", [])
    command = stops[0]["command"] if stops else Opening(program=name).command(1, 0)
    assert opened(s2sdap, folder, {"command": command}).startswith("line 1, step ")


def test_a_stop_says_the_condition_that_was_asked_for(s2sdap, folder):
    done = s2sdap("debug", "in.txt", "--break", "lowConfidence(p <= 1)", cwd=folder)
    assert done.stdout.startswith("line 1, step 0, search: p <= 1: ")
    done = s2sdap("debug", "in.txt", "--step", 2, cwd=folder)
    assert re.match(r"line 1, step 2, search: '.' has p = ", done.stdout)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (1, "S2S1005: Line 1 of .*long.txt has 2001 tokens"),
        (2, "S2S1004: Line 2 of .*long.txt has no tokens"),
    ],
)
def test_a_line_that_cannot_be_decoded_says_why(folder, line, said):
    opening = Opening(program=str(folder / "long.txt"))
    with Debugger.spawn() as debugger, pytest.raises(S2sdapError, match=said):
        paused_at(debugger, opening, Place(line=line))


def test_a_demo_of_a_sentence_that_cannot_be_decoded_says_why(s2sdap):
    done = s2sdap("demo", "x" * 2001, "--fast")
    assert done.returncode == 2
    assert done.stderr.startswith("S2S1005: Line 1 of source has 2001 tokens; the limit is 2000.")
