"""`s2sdap run`: its outputs are those of `decode`, in step with the lines; its report is complete."""

import functools
import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from s2sdap.debugger.breakpoints import Armed
from s2sdap.debugger.program import inline_program
from s2sdap.debugger.session import Session
from s2sdap.debugger.stops import Finding, StopReason
from s2sdap.debugger.watch_rules import parse_rule
from s2sdap.decoding.decode import decode
from s2sdap.decoding.settings import SearchSettings

RULE = "lowConfidence(p < 0.7)"
LINES = ["March 3, 1999", "", "J 4, 2005", "tomorrow", "", "12 avril 2034", ""]
REFERENCES = ["1999-03-03", "", "2005-01-04", "", "", "2034-04-12", ""]
WINDOWS = b"\xef\xbb\xbf" + "".join(f"{line}\r\n" for line in LINES).encode()
BEAM = SearchSettings(beam_size=3, n_best=2, length_penalty=0.6)


def decoded(model, lines: list[str], settings: SearchSettings | None = None) -> list[str]:
    """What `decode` makes of each line; an empty line stays empty."""
    sentences = [line for line in lines if line]
    outputs = [
        decode(model, sentence, settings, sentence=index)[0].text for index, sentence in enumerate(sentences)
    ]
    waiting = iter(outputs)
    return [next(waiting) if line else "" for line in lines]


@pytest.fixture(scope="module")
def full(s2sdap, tmp_path_factory) -> tuple[subprocess.CompletedProcess[str], str, list[dict[str, Any]]]:
    """One run with everything on: beam, rule, references, a file with a mark and Windows line ends."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "in.txt").write_bytes(WINDOWS)
    (folder / "ref.txt").write_text("".join(f"{line}\n" for line in REFERENCES))
    (folder / "out.txt").write_text("what an earlier run left, and longer than what comes now" * 10)
    done = s2sdap(
        *("run", "in.txt", "--beam", 3, "--n-best", 2, "--length-penalty", 0.6, "--break", RULE),
        *("--reference", "ref.txt", "--output", "out.txt", "--report", "out.jsonl"),
        cwd=folder,
    )
    report = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    return done, (folder / "out.txt").read_text(), report


def findings(model) -> dict[int, list[tuple[int, Finding]]]:
    """What a session of our own finds, by line."""
    session = Session(model, inline_program("\n".join(LINES)), BEAM, stop_on_entry=False)
    session.armed = Armed.of(rules=[parse_rule(RULE)])
    found: dict[int, list[tuple[int, Finding]]] = {}
    stop = session.start()
    while stop.reason is not StopReason.END:
        line = session.walk.sentence.line + 1
        found.setdefault(line, []).append((stop.cursor.step, stop.finding))
        stop = session.continue_()
    return found


def test_outputs_are_those_of_decode_in_step_with_the_lines(full, dates):
    done, output, _ = full
    assert done.returncode == 1  # the rule fired
    assert done.stdout == done.stderr == ""
    assert output == "".join(f"{line}\n" for line in decoded(dates, LINES, BEAM))


def test_the_report_has_a_line_for_each_sentence(full, dates):
    _, _, report = full
    assert [row["line"] for row in report] == [1, 3, 4, 6]
    for index, row in enumerate(report):
        assert row["source"] == LINES[row["line"] - 1]
        assert row.get("reference") == REFERENCES[row["line"] - 1]
        outputs = decode(dates, row["source"], BEAM, sentence=index)
        same = functools.partial(pytest.approx, rel=1e-4, abs=1e-5) if row.get("batched") else list
        assert [best["text"] for best in row["nBest"]] == [each.text for each in outputs]
        assert [best["final"] for best in row["nBest"]] == same([each.final for each in outputs])
        assert row["output"] == outputs[0].text
        assert [row["score"]] == same([outputs[0].score])
        assert [token["piece"] for token in row["tokens"]] == list(outputs[0].pieces)
        assert [token["p"] for token in row["tokens"]] == same([math.exp(p) for p in outputs[0].logprobs])


def test_what_fired_was_decoded_by_itself(full):
    _, _, report = full
    assert not any(row.get("batched") for row in report if "stops" in row)
    assert any(row.get("batched") for row in report)


def test_every_rule_that_fires_at_a_token_is_told(s2sdap, tmp_path):
    report = tmp_path / "out.jsonl"
    rules = ("lowConfidence(p < 0.7)", "highEntropy(entropy > 0.5)")
    done = s2sdap(
        "run", "-", *(f"--break={rule}" for rule in rules), "--report", report, stdin=b"J 4, 2005\n"
    )
    assert done.returncode == 1
    (row,) = [json.loads(line) for line in report.read_text().splitlines()]
    at = {(stop["step"], stop["token"]) for stop in row["stops"]}
    assert at == {(6, "7")}
    assert [f"{stop['rule']}({stop['condition']})" for stop in row["stops"]] == list(rules)
    assert all(stop["text"].startswith(f"{stop['condition']}: '7' has p = ") for stop in row["stops"])


def test_exact_decodes_every_sentence_by_itself(s2sdap, dates, tmp_path):
    report = tmp_path / "out.jsonl"
    done = s2sdap("run", "-", "--exact", "--report", report, stdin=WINDOWS)
    assert (done.returncode, done.stderr) == (0, "")
    rows = [json.loads(line) for line in report.read_text().splitlines()]
    assert not any("batched" in row for row in rows)
    for row in rows:
        (output,) = decode(dates, row["source"])
        assert (row["score"], row["final"]) == (output.score, output.final)


def test_the_report_has_every_stop_with_its_finding(full, dates):
    _, _, report = full
    expected = findings(dates)
    assert expected.keys() == {row["line"] for row in report if "stops" in row}
    for row in report:
        assert [
            (stop["step"], stop["token"], stop["p"], stop["entropy"], stop["rank"])
            for stop in row.get("stops", [])
        ] == [
            (step, found.token, found.p, found.entropy, found.rank)
            for step, found in expected.get(row["line"], [])
        ]
        for stop, (_, found) in zip(row.get("stops", []), expected.get(row["line"], []), strict=True):
            assert (stop["rule"], stop["condition"]) == ("lowConfidence", "p < 0.7")
            assert [(each["piece"], each["p"]) for each in stop["best"]] == list(found.best)


def test_standard_input_and_output(s2sdap, dates):
    done = s2sdap("run", "-", "--break", "lowConfidence(p < 0.0001)", stdin=WINDOWS)
    assert (done.returncode, done.stderr) == (0, "")  # armed, and it did not fire
    assert done.stdout == "".join(f"{line}\n" for line in decoded(dates, LINES))


def test_sampling_draws_what_decode_draws(s2sdap, dates):
    settings = SearchSettings(
        sample=True, n_best=2, temperature=1.5, top_k=8, top_p=0.95, seed=11, prefix="20", max_length=9
    )
    done = s2sdap(
        *("run", "-", "--sample", "--n-best", 2, "--temperature", 1.5, "--top-k", 8, "--top-p", 0.95),
        *("--seed", 11, "--prefix", "20", "--max-length", 9),
        stdin=WINDOWS,
    )
    assert done.returncode == 0
    assert done.stderr.startswith("S2S7201: Sentences are decoded one by one: each sentence has draws")
    assert done.stderr.count("\n") == 1
    expected = decoded(dates, LINES, settings)
    assert done.stdout.splitlines() == expected
    assert all(line.startswith("20") for line in expected if line)


def test_a_sentence_that_cannot_be_decoded_is_an_empty_line(s2sdap, dates, tmp_path):
    lines = ["March 3, 1999", "4" * 2001, "J 4, 2005"]
    report = tmp_path / "out.jsonl"
    stdin = "\n".join(lines).encode()
    done = s2sdap("run", "-", "--report", report, "--break", RULE, stdin=stdin)
    assert done.returncode == 2  # though a rule fired as well
    assert done.stdout.splitlines() == ["1999-03-03", "", decode(dates, lines[2])[0].text]
    assert done.stderr.startswith("S2S1005: Line 2 of standard input has 2001 tokens")
    assert done.stderr.count("\n") == 1
    rows = [json.loads(line) for line in report.read_text().splitlines()]
    assert "output" not in rows[1]
    assert rows[1]["error"]["number"] == 1005
    assert "stops" in rows[2]


def test_without_a_report_it_says_which_rules_fired_and_where(s2sdap):
    rules = ("--break", "lowConfidence(p < 0.7)", "--break", "unknownSource")
    done = s2sdap("run", "-", *rules, stdin="\nMarch 3, 1999\nJ 4, 2005\nJ 4, 200é 日\n".encode())
    assert done.returncode == 1
    low, unknown, keep = done.stderr.splitlines()
    assert low.startswith(
        "lowConfidence fired in 2 of 3 sentences, first in line 3, step 6: p < 0.7: '7' has"
    )
    assert unknown.startswith("unknownSource fired in 1 of 3 sentences, first in line 4")
    assert "日" in unknown
    assert keep == "--report FILE or --html FILE keeps all of it"


def test_a_condition_that_cannot_be_told_is_said_once_and_the_run_goes_on(s2sdap):
    done = s2sdap("run", "-", "--break", "lowConfidence(state > 2)", stdin=b"March 3, 1999\n1/2/2003\n")
    assert done.returncode == 2
    assert done.stdout.splitlines() == ["1999-03-03", "2003-01-02"]
    singly, said, again = done.stderr.splitlines()
    assert singly.startswith("S2S7201: Sentences are decoded one by one: a rule looks at `state`")
    assert said.startswith("line 1: S2S4203: In `state > 2` of lowConfidence: ")
    assert again == "the S2S4203 of line 1 is in 1 more line, too"


def test_a_condition_that_a_batch_cannot_tell_is_told_by_itself(s2sdap):
    done = s2sdap("run", "-", "--break", "lowConfidence(p < token)", stdin=b"March 3, 1999\n1/2/2003\n")
    assert done.returncode == 2
    assert done.stdout.splitlines() == ["1999-03-03", "2003-01-02"]
    said, again = done.stderr.splitlines()
    assert said.startswith("line 1: S2S4203: In `p < token` of lowConfidence: Column 1: ")
    assert again == "the S2S4203 of line 1 is in 1 more line, too"


def test_an_error_says_which_rule_and_which_line_it_is_about(s2sdap):
    rules = ("--break", "lowConfidence(attention[12] > 2)", "--break", "highEntropy(p < 0.0)")
    done = s2sdap("run", "-", *rules, stdin=b"March 3, 1999\n\nJ 4, 2005\nMarch 3, 1999\nJ 5, 2005\n")
    assert done.returncode == 2
    said, again = done.stderr.splitlines()
    assert said.startswith("line 3: S2S4203: In `attention[12] > 2` of lowConfidence: Column 1: ")
    assert again == "the S2S4203 of line 3 is in 1 more line, too"
    done = s2sdap(
        "run", "-", "--break", "lowConfidence(p < 0.5)", "--break", "highEntropy(p <)", stdin=b"x\n"
    )
    assert done.stderr.startswith("S2S4201: In `p <` of highEntropy: Column 4: ")


@pytest.fixture
def many(tmp_path) -> Path:
    """More sentences than are decoded before somebody loses patience."""
    file = tmp_path / "many.txt"
    file.write_text("March 3, 1999\n" * 20_000)
    return file


def test_an_interrupt_keeps_what_was_written(many, tmp_path, warm):
    report = tmp_path / "out.jsonl"
    with warm.start(["-m", "s2sdap", "run", many, "--report", report]) as process:
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        # Not `communicate`: it would pass over what `readline` has taken into its buffer.
        rest, errors = process.stdout.read(), process.stderr.read()
        process.wait(100)
    assert (process.returncode, errors) == (130, "")
    outputs = (first + rest).splitlines()
    assert 1 <= len(outputs) < 20_000
    assert set(outputs) == {"1999-03-03"}
    rows = [json.loads(line) for line in report.read_text().splitlines()]
    assert [row["output"] for row in rows] == outputs


def test_a_reader_that_leaves_ends_the_run_quietly(many, warm):
    with warm.start(["-m", "s2sdap", "run", many]) as process:
        assert process.stdout.readline() == "1999-03-03\n"
        process.stdout.close()
        errors = process.stderr.read()
        assert process.wait(100) == 0
    assert errors == ""


def test_the_shell_s_own_file_is_appended_to(tmp_path):
    target = tmp_path / "out.txt"
    target.write_text("before\n")
    with target.open("ab") as file:
        subprocess.run(
            [sys.executable, "-m", "s2sdap", "run", "-"],
            input=b"March 3, 1999\n",
            stdout=file,
            check=True,
            timeout=100,
        )
    assert target.read_text() == "before\n1999-03-03\n"


def test_a_device_can_be_the_output(s2sdap):
    done = s2sdap("run", "-", "--output", os.devnull, "--report", "-", stdin=b"March 3, 1999\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["output"] == "1999-03-03"
