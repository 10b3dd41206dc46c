"""Corpus runs and verdicts that ask how far a state is from training."""

import json
import shlex

from untrained import untrained_checkpoint

LINES = ("March 3, 1999", "Ides of March 2044")
RULE = "farFromTraining(training_percentile > 90)"


def test_a_run_stops_where_a_state_is_far_from_training(s2sdap, date_index, tmp_path):
    (tmp_path / "in.txt").write_text("\n".join(LINES) + "\n")
    done = s2sdap(
        *("run", "in.txt", "--index", date_index.path, "--break", RULE, "--report", "out.jsonl"), cwd=tmp_path
    )
    assert done.returncode == 1, done.stderr
    assert "training_percentile" in done.stderr  # why its sentences are decoded one by one
    first, second = (json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines())
    assert "stops" not in first
    stop = second["stops"][0]
    assert stop["rule"] == "farFromTraining"
    assert "training_distance = " in stop["text"]
    assert "training_percentile = " in stop["text"]
    words = shlex.split(stop["command"])
    assert words[words.index("--index") + 1] == date_index.path
    opened = s2sdap(*words[1:], cwd=tmp_path)
    assert opened.returncode == 0, opened.stderr
    assert "farFromTraining" in opened.stdout or "training_percentile > 90" in opened.stdout


def test_a_rule_without_an_index_is_refused(s2sdap, tmp_path):
    (tmp_path / "in.txt").write_text("abc\n")
    model = untrained_checkpoint(tmp_path / "model")
    done = s2sdap("run", "in.txt", "--model", model, "--break", RULE, cwd=tmp_path)
    assert done.returncode == 2
    assert "S2S4550" in done.stderr
    assert "s2sdap index build" in done.stderr


def test_what_is_no_index_is_refused(s2sdap, tmp_path):
    (tmp_path / "in.txt").write_text("March 3, 1999\n")
    done = s2sdap("run", "in.txt", "--index", tmp_path, cwd=tmp_path)
    assert done.returncode == 2
    assert "S2S4511" in done.stderr


def test_a_verdict_asks_the_index_that_it_is_given(s2sdap, date_index, tmp_path):
    (tmp_path / "in.tsv").write_text("J 4, 2005\t2005-01-04\n")
    done = s2sdap("verdict", "in.tsv", "--index", date_index.path, "--limit", 600, "--json", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    made = {each["name"]: each["text"] for each in json.loads(done.stdout)["verdict"]["experiments"]}
    assert "of the 20 training states nearest to 'J' are of it too" in made["purity of the neighbours"]
    refused = s2sdap("verdict", "in.tsv", "--index", tmp_path, cwd=tmp_path)
    assert refused.returncode == 2
    assert "S2S4511" in refused.stderr
