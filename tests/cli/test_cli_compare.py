"""`s2sdap compare`: a file decoded in two ways, as a table and as JSON lines."""

import json
from pathlib import Path

import pytest
import torch
from models.small_networks import seeded_network, side, small_config

from s2sdap.cli.compare import _Ways
from s2sdap.decoding.decode import decode, score
from s2sdap.decoding.settings import SearchSettings
from s2sdap.models.checkpoint import CheckpointConfig, save_checkpoint
from s2sdap.models.loading import load_model

LINES = ["March 3, 1999", "", "24. Okt", "Ides of March 2044"]
REFERENCES = ["1999-03-03", "", "2024-10-24", "2044-03-15"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("compare")
    (folder / "in.txt").write_text("".join(f"{line}\n" for line in LINES))
    (folder / "ref.txt").write_text("".join(f"{line}\n" for line in REFERENCES))
    both = (f"{line}\t{reference}\n" for line, reference in zip(LINES, REFERENCES, strict=True))
    (folder / "both.tsv").write_text("".join(both))
    (folder / "short.txt").write_text("abc\nhgf\nabcdefgh\n")
    config = CheckpointConfig(
        family="rnn", network=small_config(), source=side("abcdefgh"), target=side("uvwxyz.")
    )
    for name, seed in (("first", 7), ("second", 8)):
        network = seeded_network(config.network, 12, 11, seed)
        with torch.no_grad():
            network.output.weight.mul_(2)
        save_checkpoint(folder / name, config, network.state_dict())
    return folder


@pytest.fixture
def here(here, folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "120")
    return here


def lines_of(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_two_checkpoints(here, folder):
    settings = ("--search", "maxLength=6", "--json")
    done = here("compare", "short.txt", "--model", "first", "--with-model", "second", *settings)
    assert done.stderr == ""
    rows = lines_of(done)
    models = [load_model(str(folder / name)) for name in ("first", "second")]
    differ = 0
    for number, (row, text) in enumerate(zip(rows, ("abc", "hgf", "abcdefgh"), strict=True)):
        outputs = [decode(model, text, SearchSettings(max_length=6), sentence=number)[0] for model in models]
        assert row["line"] == number + 1
        assert [row["left"]["output"], row["right"]["output"]] == [output.text for output in outputs]
        assert [row["left"]["score"], row["right"]["score"]] == [output.score for output in outputs]
        left, right = (output.tokens for output in outputs)
        assert row["same"] == (left == right)
        if left != right:
            differ += 1
            step = row["divergence"]
            assert left[:step] == right[:step]
            assert row["parting"]["left"]["token"]["id"] == left[step]
            assert row["parting"]["right"]["token"]["id"] == right[step]
    assert differ
    assert done.returncode == 1


def test_a_checkpoint_with_itself_is_the_same(s2sdap, folder):
    done = s2sdap("compare", "short.txt", "--model", "first", "--with-model", "first", cwd=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "3 of 3 identical\n", "")


def test_references_and_where_they_went(here, dates):
    done = here("compare", "in.txt", "--reference", "ref.txt", "--json")
    rows = lines_of(done)
    assert done.returncode == 1
    assert [row["line"] for row in rows] == [1, 3, 4]
    assert [row["same"] for row in rows] == [True, False, False]
    assert rows[0]["reference"]["outcome"] == "output"
    for row, text, reference in zip(rows[1:], LINES[2:], REFERENCES[2:], strict=True):
        told = row["reference"]
        expected = score(dates, text, reference)
        assert told["score"] == expected.score
        assert [token["logp"] for token in told["tokens"]] == list(expected.logprobs)
        assert told["fall"]["step"] == row["divergence"]  # a greedy search leaves it where it parts
    table = here("compare", "both.tsv")  # the same references, from its second column
    assert table.returncode == 1
    for words in ("1 of 3 identical", "other's p", "line 3, reference: it left the beam at step 3", "0.4352"):
        assert words in table.stdout


def test_a_reference_that_no_output_can_read_like_is_not_the_same(here, folder):
    (folder / "unwritten.tsv").write_text("abc\t?\n")
    asked = ("compare", "unwritten.tsv", "--model", "first", "--search", "maxLength=2")
    (line,) = lines_of(here(*asked, "--json"))
    assert (line["same"], line["reference"]["outcome"]) == (False, "output")
    done = here(*asked)
    assert done.returncode == 1
    for words in ("0 of 1 identical", "line 1, reference: it is the output; the vocabulary lacks '?'"):
        assert words in done.stdout


def test_other_settings(here):
    done = here("compare", "in.txt", "--with-search", "maxLength=4", "--json")
    rows = lines_of(done)
    assert [row["divergence"] for row in rows] == [4, 4, 4]
    assert all("right" not in row["parting"] for row in rows)
    table = here("compare", "in.txt", "--with-search", "maxLength=4")
    assert "(has ended)" in table.stdout
    assert "first divergence at step (sentences): 4 (3)" in table.stdout


def test_a_sentence_that_cannot_be_decoded_does_not_end_the_others(here):
    done = here(*("compare", "in.txt", "--search", "maxSourceLength=14", "--with-search", "beamSize=2"))
    assert done.returncode == 2
    assert done.stderr.startswith("S2S1005: Line 4 of in.txt has 18 tokens")
    assert "2 of 2 identical, 1 failed" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        ((), 4408),
        (("--reference", "ref.txt", "--with-model", "dates"), 3002),
        (("--reference", "missing.txt"), 1012),
        (("--with-model", "nothing"), 2001),
        (("--with-search", "beemSize=2"), 3003),
        (("--with-search", "beamSize"), 3001),
        (("--with-generation", "num_beams"), 3001),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(here, arguments, number):
    done = here("compare", "in.txt", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"S2S{number}: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("how", [(), ("--json",)])
def test_an_interrupted_comparison_says_how_far_it_came(here, monkeypatch, how):
    ways = []

    def compared(self, sentence, own=_Ways.compared):
        ways.append(self)
        if len(ways) == 3:
            raise KeyboardInterrupt
        return own(self, sentence)

    monkeypatch.setattr(_Ways, "compared", compared)
    done = here("compare", "in.txt", "--with-search", "beamSize=2", *how)
    assert done.returncode == 130
    said = "interrupted after 2 of 3 sentences\n"
    if how:
        assert (done.stderr, len(lines_of(done))) == (said, 2)
    else:
        assert (done.stdout, done.stderr) == (f"2 of 2 identical, {said}", "")
