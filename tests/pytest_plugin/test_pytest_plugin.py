"""The pytest plugin, in pytest processes of its own: passes, fails readably, and costs nothing unused."""

import json
import re
import subprocess
import sys

import pytest

TESTS = """
    import sys

    def test_without_it():
        assert "torch" not in sys.modules

    def test_passes(assert_decodes):
        checked = assert_decodes("dates", "in.txt", rules="lowConfidence(p < 0.0001)")
        assert [line.output for line in checked.sentences] == ["1999-03-03", "2005-07-04"]

    def test_fires(assert_decodes):
        assert_decodes("dates", "in.txt", ["lowConfidence(p < 0.9)"], search={"beamSize": 3})

    def test_expects(assert_decodes):
        assert_decodes("dates", "in.txt", expected=["1999-03-03", "", "2005-01-04"], search={"beam_size": 2})

    def test_is_misspelt(assert_decodes):
        assert_decodes("dates", "in.txt", search={"beamsize": 2})
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plugin")
    (folder / "in.txt").write_text("March 3, 1999\n\nJ 4, 2005\n")
    (folder / "test_decodes.py").write_text("\n".join(line[4:] for line in TESTS.splitlines()))
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    command = [sys.executable, "-m", "pytest", "-p", "s2sdap.pytest_plugin", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "--s2sdap-report-dir", "reports", "-q"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    return folder, done.stdout + done.stderr


def test_what_passes_and_what_fails(ran):
    _, said = ran
    assert "3 failed, 2 passed" in said


def test_a_failure_says_what_was_found_and_how_to_open_it(ran):
    _, said = ran
    part = said[said.index("test_fires") :]
    assert "1 of 2 sentences of in.txt are in doubt, worst first:" in part
    assert "line 3: 'J 4, 2005' -> '2005-07-04'" in part
    assert re.search(r"lowConfidence at step 6: p < 0\.9: '7' has p = 0\.\d+", part)
    assert "s2sdap debug in.txt --line 3 --step 6 --model dates --search beamSize=3 --break" in part
    assert "Traceback" not in said
    assert "decoding_check.py" not in said[: said.index("_ test_is_misspelt _")]


def test_an_output_that_was_not_expected_fails(ran):
    _, said = ran
    part = said[said.index("test_expects") :]
    assert "line 3: 'J 4, 2005' -> '2005-07-04'" in part
    assert "expected '2005-01-04'" in part


def test_a_setting_that_there_is_none_of_is_refused_with_the_nearest(ran):
    _, said = ran
    assert "S2S3003: There is no setting `search.beamsize`; did you mean `beamSize`?" in said


def test_reports_are_written_for_every_call(ran):
    folder, said = ran
    names = {path.name for path in (folder / "reports").iterdir()}
    tests = ("test_passes", "test_fires", "test_expects")
    assert names == {f"test_decodes.py-{test}.{kind}" for test in tests for kind in ("html", "jsonl")}
    rows = (folder / "reports" / "test_decodes.py-test_fires.jsonl").read_text().splitlines()
    assert [json.loads(row)["line"] for row in rows] == [1, 3]
    assert "report: reports/test_decodes.py-test_fires.html" in said
