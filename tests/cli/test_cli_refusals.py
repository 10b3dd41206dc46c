"""Wrong input on the command line: one line that says what to mend, and exit code 2."""

import os
import re

import pytest


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in.txt").write_text("March 3, 1999\n")
    (tmp_path / "empty.txt").touch()
    (tmp_path / "latin.txt").write_bytes(b"4 mars 1999\n5 f\xe9vrier 1999\n")
    (tmp_path / "three.txt").write_text("1\n2\n3\n")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("run in.txt --model nowhere", r"S2S2001: There is no model 'nowhere'; known are dates"),
        ("run in.txt --model ./nowhere", r"S2S2002: The checkpoint nowhere lacks config\.json"),
        ("run in.txt --beam 0", r"S2S3001: `--beam` is 0; it must be int >= 1"),
        ("run in.txt --length-penalty nan", r"S2S3001: `--length-penalty` is nan"),
        ("run in.txt --top-k 3", r"S2S3002: `topK` acts only with `sample`"),
        ("run in.txt --beam 2 --n-best 3", r"S2S3002: `nBest` 3 is more than `beamSize` 2"),
        ("run missing.txt", r"S2S1001: Cannot read the program missing\.txt: No such file"),
        ("run empty.txt", r"S2S1002: The program .*empty\.txt has no sentence"),
        ("run -", r"S2S1002: The program standard input has no sentence"),
        ("run latin.txt", r"S2S1003: latin\.txt is not UTF-8: byte 15, on line 2, is 0xe9"),
        ("run in.txt --reference three.txt", r"S2S1006: The reference three\.txt has 3 lines"),
        ("run in.txt --break lowConfidense", r"S2S3004: There is no watch rule 'lowConfidense'"),
        ("run in.txt --break lowConfidence(q<1)", r"S2S4202: .*there is no 'q' here"),
        ("run in.txt --output missing/out.txt", r"S2S1010: missing/out\.txt: No such file"),
        ("run in.txt --report missing/out.jsonl", r"S2S1010: missing/out\.jsonl: No such file"),
        ("run in.txt --output ./in.txt", r"S2S1010: \./in\.txt: it is named twice"),
        ("serve --host 0.0.0.0", r"S2S5104: '0\.0\.0\.0' is not a loopback address"),
        ("serve --log-file missing/log", r"S2S1010: missing/log: No such file"),
        ("serve --token-file missing/token", r"S2S1010: missing/token: No such file"),
        ("adapter --log-file missing/log", r"S2S1010: missing/log: No such file"),
    ],
)
def test_a_refusal_is_one_line(s2sdap, folder, arguments, said):
    done = s2sdap(*arguments.split(), cwd=folder)
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.match(said, done.stderr), done.stderr
    assert done.stderr.count("\n") == 1


def test_a_refused_model_leaves_the_earlier_output(s2sdap, folder):
    (folder / "out.txt").write_text("from before")
    assert s2sdap("run", "in.txt", "--model", "nowhere", "--output", "out.txt", cwd=folder).returncode == 2
    assert (folder / "out.txt").read_text() == "from before"
    assert (folder / "in.txt").read_text() == "March 3, 1999\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no device that is always full")
@pytest.mark.parametrize("option", ["--output", "--report", "--html"])
def test_a_disk_that_is_full_is_named(s2sdap, folder, option):
    done = s2sdap("run", "in.txt", option, "/dev/full", cwd=folder)
    assert done.returncode == 2
    assert done.stderr.startswith("S2S1010: /dev/full: No space left on device")
    assert done.stderr.count("\n") == 1


def test_an_option_that_is_no_number_is_refused(s2sdap, folder):
    done = s2sdap("run", "in.txt", "--beam", "many", cwd=folder)
    assert done.returncode == 2
    assert "--beam" in done.stderr
    assert "Traceback" not in done.stderr
