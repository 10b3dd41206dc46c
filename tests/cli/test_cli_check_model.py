"""`s2sdap check-model`: a table and an exit code for people, JSON for a machine."""

import json
import re
from pathlib import Path

import pytest

from s2sdap.debugger.conformance import CHECKS

FAMILY = """
import sys

sys.path.insert(0, {folder!r})


def load(rest, device):
    import broken_models

    print("the adapter says hello")
    if rest == "Nothing":
        raise OSError("the weights are on another planet")
    return getattr(broken_models, rest)()
"""


@pytest.fixture(scope="module")
def family(tmp_path_factory):
    """An installed package that offers `broken:NAME`, a model of the tests of the suite."""
    folder = tmp_path_factory.mktemp("family")
    models = Path(__file__).parents[1] / "conformance"
    (folder / "broken_family.py").write_text(FAMILY.format(folder=str(models)))
    info = folder / "broken_family-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-family\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[s2sdap.models]\nbroken = broken_family:load\n")
    return str(folder)


def rows(text: str) -> dict[str, str]:
    """The result of each row of the table, by its name."""
    return dict(re.findall(r"^│ (\w\S*(?: \S+)*) +│ (PASS|FAIL|ABSENT) +│", text, re.MULTILINE))


def test_the_bundled_model(s2sdap):
    done = s2sdap("check-model", "dates", "--source", "March 3, 1999", "--source", "24. Okt. 2030")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    found = rows(done.stdout)
    assert set(found.values()) == {"PASS"}
    assert {name.split()[0] for name in found} == {check.name for check in CHECKS}
    assert "'March 3, 1999' becomes '1999-03-03'" in done.stdout
    assert re.search(r"^\d+ passed, 0 failed, 0 absent, in \d+\.\d s$", done.stdout, re.MULTILINE)


def test_a_failure_says_what_was_measured_and_what_to_do(s2sdap, family):
    done = s2sdap("check-model", "broken:IgnoresTheProbe", "--source", "abcd", PYTHONPATH=family)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines() == ["the adapter says hello"] * 2  # not into the report
    found = rows(done.stdout)
    assert [name for name, outcome in found.items() if outcome == "FAIL"] == ["edits attention.context"]
    (remedy,) = [check.remedy for check in CHECKS if check.name == "edits"]
    assert f"edits attention.context\n  → {remedy}\n" in done.stdout


def test_what_a_model_raises_is_no_crash(s2sdap, family):
    done = s2sdap("check-model", "broken:RaisesInAStep", "--source", "abcd", PYTHONPATH=family)
    assert done.returncode == 1
    assert rows(done.stdout)["decode"] == "FAIL"
    assert rows(done.stdout)["beam"] == "ABSENT"
    assert "    ZeroDivisionError: the third step is too much" in done.stdout.splitlines()
    done = s2sdap("check-model", "broken:Nothing", PYTHONPATH=family)
    assert done.returncode == 1
    assert rows(done.stdout)["loading"] == "FAIL"
    assert "the weights are on another planet" in done.stdout


def test_json_is_all_that_is_printed(s2sdap, family):
    done = s2sdap("check-model", "broken:SumsToLess", "--source", "abcd", "--json", PYTHONPATH=family)
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert (told["passed"], told["sources"]) == (False, ["abcd"])
    assert [each["check"] for each in told["findings"] if each["outcome"] == "fail"] == ["attention"]


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        (["nothing-of-that-name"], "S2S2001"),
        (["dates", "--device", "gpu"], "S2S2006"),
        (["dates", "--dtype", "float16"], "S2S2021"),
    ],
)
def test_what_is_not_there_is_refused_in_one_line(s2sdap, arguments, number):
    done = s2sdap("check-model", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(number)
    assert done.stderr.count("\n") == 1


def test_python_gives_the_same_report(s2sdap):
    """The command and the function are one thing."""
    from s2sdap.debugger.conformance import check_loading
    from s2sdap.models.loading import load_model

    told = json.loads(s2sdap("check-model", "dates", "--source", "5/5/05", "--steps", "4", "--json").stdout)
    report = json.loads(check_loading(lambda: load_model("dates"), "dates", ["5/5/05"], steps=4).to_json())
    for one in (told, report):
        del one["seconds"]
    assert [each["outcome"] for each in told["findings"]] == [each["outcome"] for each in report["findings"]]
    assert told["fingerprint"] == report["fingerprint"]
