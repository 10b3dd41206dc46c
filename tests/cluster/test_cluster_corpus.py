"""`s2sdap run --on ray`: what it writes is what a run on one machine writes, also when a node is lost."""

import json
import random
import subprocess
import sys

import pytest

pytestmark = pytest.mark.timeout(600)
RULE = "lowConfidence(p < 0.6)"


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """Dates as people write them, empty lines and what no date is among them."""
    draw = random.Random(7)
    months = ("January", "Feb", "March", "avril", "5", "Juni", "July", "agosto")
    lines = [f"{draw.choice(months)} {draw.randint(1, 28)}, {draw.randint(1900, 2099)}" for _ in range(400)]
    lines[3], lines[50], lines[333] = "", "tomorrow", "x" * 3000
    path = tmp_path_factory.mktemp("corpus") / "dates.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def run(two_nodes, program, folder, *words):
    """Outputs, report and exit code of a run."""
    folder.mkdir()
    command = [sys.executable, "-m", "s2sdap", "run", program, "--break", RULE, "--batch-size", "32"]
    files = [
        "--output",
        folder / "out.txt",
        "--report",
        folder / "report.jsonl",
        "--html",
        folder / "report.html",
    ]
    done = subprocess.run(
        [*map(str, (*command, *files, *words))],
        env=two_nodes.environment,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    report = [json.loads(line) for line in (folder / "report.jsonl").read_text().splitlines()]
    return done, (folder / "out.txt").read_text(), report, (folder / "report.html").read_text()


def test_a_cluster_writes_what_one_machine_writes(two_nodes, program, tmp_path):
    here, outputs, report, html = run(two_nodes, program, tmp_path / "here")
    there, other_outputs, other_report, other_html = run(
        two_nodes, program, tmp_path / "there", "--on", two_nodes.address
    )
    assert here.returncode == there.returncode == 2  # a sentence is too long
    assert other_outputs == outputs
    assert len(other_report) == len(report) == 399
    for one, other in zip(report, other_report, strict=True):
        assert {**one, "batched": 0, **_numbers(other)} == {**other, "batched": 0}
        assert _logprobs(one) == pytest.approx(_logprobs(other), abs=1e-4)
    assert sorted(here.stderr.splitlines()) == sorted(there.stderr.splitlines())
    assert "399 of 399" in html
    assert "399 of 399" in other_html


def _numbers(line):
    """What a batch may be off in: the numbers, not what they belong to."""
    return {name: line[name] for name in ("score", "final", "tokens", "nBest", "stops") if name in line}


def _logprobs(line):
    return [token["logp"] for token in line.get("tokens", ())]
