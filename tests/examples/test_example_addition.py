"""The adding network: sums drawn by the rules of Keras, and each thing that its tutorial says of it."""

import importlib.util
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import typer

from s2sdap.debugger.session import Session
from s2sdap.decoding.edits import ENCODER_STEP, SiteEdit
from s2sdap.decoding.settings import SearchSettings
from s2sdap.decoding.step import Decode
from s2sdap.models.loading import load_model
from s2sdap.models.rnn.repeating.training import Plan, Settings, Trainer, examples_of

EXAMPLE = Path(__file__).parents[2] / "examples" / "addition"
COUNT = 2500
"""Sums that the small network learns from, and is tested with."""
EPOCHS = 7

pytestmark = pytest.mark.timeout(600)  # the first of them trains


@pytest.fixture(autouse=True, scope="module")
def example_modules():
    """The example's own modules can be imported, as its commands import them."""
    sys.path.insert(0, str(EXAMPLE))
    yield
    sys.path.remove(str(EXAMPLE))


def command(warm, name: str, *arguments: object) -> str:
    """Run a command of the example with warnings as errors. What it said."""
    wide = {**os.environ, "COLUMNS": "200"}
    words = ["-W", "error", EXAMPLE / name, *arguments]
    done = warm.run(words, environment=wide, together=True, patience=600)
    assert done.returncode == 0, done.stdout
    return done.stdout


def script(name: str):
    spec = importlib.util.spec_from_file_location(f"addition_{name}", EXAMPLE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def trained(warm, tmp_path_factory):
    """A folder that the command has trained a small while: it has the lengths, and guesses at the digits."""
    folder = tmp_path_factory.mktemp("addition")
    options = (
        "--cell",
        "gru",
        "--count",
        COUNT,
        "--batch-size",
        32,
        "--epochs",
        EPOCHS,
        "--output",
        folder / "model",
    )
    said = command(warm, "train.py", *options)
    (folder / "said.txt").write_text(said)
    return folder


@pytest.fixture(scope="module")
def sums_file(trained):
    path = trained / "sums.tsv"
    script("sums").main(output=path, split="validation", count=COUNT, limit=120, seed=1)
    return path


def test_sums_are_drawn_by_the_rules_of_keras():
    from sums import problems

    split = problems(2000, seed=3)
    assert (len(split.train), len(split.validation)) == (1800, 200)
    both = [*split.train, *split.validation]
    pairs = {tuple(sorted(map(int, each.question.split("+")))) for each in both}
    assert len(pairs) == 2000  # a+b and b+a count once
    for question, answer in both:
        a, b = map(int, question.split("+"))
        assert answer == str(a + b)
        assert question == f"{a}+{b}"
        assert 0 <= min(a, b) <= max(a, b) <= 999
    assert problems(2000, seed=3) == split
    assert problems(2000, seed=4) != split
    lengths = [len(each.question.split("+")[0]) for each in both]
    assert all(lengths.count(digits) > 400 for digits in (1, 2, 3))  # of all numbers 9 in 1000 have one


def test_the_network_is_the_published_one_and_reads_the_reversed_padded_line():
    from sums import network_of

    config = network_of("lstm")
    trainer = Trainer.start(Plan(network=config, settings=Settings()))
    assert sum(weight.numel() for weight in trainer.network.parameters()) == 32_524
    examples = examples_of(config, [("535+61", "596")])
    seen = [config.characters[token] for token in examples.sources[0]]
    assert "".join(seen[::-1]) == " 16+535"
    assert "".join(config.characters[token] for token in examples.targets[0]) == "596 "
    for pair in (("1234+567", "1"), ("1+2", "12345"), ("1-2", "3")):
        with pytest.raises(ValueError, match="network"):
            examples_of(config, [pair])


def test_it_learns_and_tells_both_accuracies(trained):
    log = (trained / "model" / "training.log").read_text().splitlines()
    assert log[0].startswith("gru: 2250 sums and 250 held back, seed 1, 24492 parameters")
    first, last = (
        [float(each) for each in line.replace(")", "").split() if each[0].isdigit()]
        for line in (log[1], log[EPOCHS])
    )
    assert last[1] < 0.85 * first[1]  # the loss
    assert last[3] > first[3]
    assert last[3] > last[5]  # single characters are easier than whole answers
    assert f"{EPOCHS} epochs have run" in log[-1]
    assert "validation" in (trained / "said.txt").read_text()


def test_a_training_goes_on_to_the_bit_where_it_was_interrupted(tmp_path, capsys):
    from fitting import fit, over
    from sums import network_of, problems

    config = network_of("lstm", encoder=6, decoder=5)
    examples, held = (examples_of(config, part) for part in problems(200, 1))
    plan = Plan(network=config, settings=Settings(batch_size=32))
    whole = Trainer.start(plan)
    assert fit(whole, examples, held, tmp_path / "whole.safetensors", epochs=4) == "4 epochs have run"
    fit(Trainer.start(plan), examples, held, tmp_path / "part.safetensors", epochs=2)
    resumed = Trainer.resume(tmp_path / "part.safetensors", plan)
    fit(resumed, examples, held, tmp_path / "part.safetensors", epochs=4)
    for name, weight in whole.network.state_dict().items():
        assert torch.equal(weight, resumed.network.state_dict()[name])
        assert torch.equal(whole.best[name], resumed.best[name])
    assert [each.loss for each in whole.reports] == [each.loss for each in resumed.reports]
    assert over(whole, 100, 1, 0.0) == "0.00% of the validation answers are right"
    losses = [each.validation_loss for each in whole.reports]
    assert whole.idle() == len(losses) - 1 - losses.index(min(losses))
    assert over(whole, 100, whole.idle() or 1, 1.1) == (
        f"the validation loss has not fallen for {whole.idle()} epochs" if whole.idle() else None
    )
    with pytest.raises(typer.Exit):
        script("train").main(output=tmp_path / "absent", resume=True)
    assert "S2S2046" in capsys.readouterr().out


def test_the_table_goes_on_and_stands_beside_the_published_numbers(tmp_path, capsys):
    table = script("table")
    options = {"work": tmp_path, "cells": "rnn,lstm", "count": 200, "seeds": "1,2"}
    table.main(**options, epochs="1,2", only_show=False)
    first = capsys.readouterr().out
    assert first.count("epoch   2") == 4
    table.main(**options, epochs="1,2,3", only_show=False)
    again = capsys.readouterr().out
    assert again.count("epoch   2") == 0
    assert again.count("epoch   3") == 4
    runs = {"rnn": [table.run(tmp_path, table.network_of("rnn"), 1, epochs=3, count=200)]}
    rows = table.table_of(runs, [3, 10])
    columns = [list(column.cells) for column in rows.columns]
    assert columns[2] == ["1", "0"]  # no run has come to 10 epochs
    assert columns[3] == [f"{runs['rnn'][0][2].characters:.4f}", "-"]
    assert columns[4] == ["-", "0.4699"]
    assert len(table.PUBLISHED) == 12
    assert table.spread([0.3, 0.1, 0.2]) == "0.2000 (0.1000 to 0.3000)"
    assert capsys.readouterr().out == ""


def test_the_walk_through_the_layers(warm, trained):
    said = command(warm, "walk.py", "--model", trained / "model", "500+514")
    assert "encoder: its last state, 64 features" in said
    assert "repeated: 4 rows of it, which differ by 0" in said
    assert "decoder: 4 x 32" in said
    assert said.count("␣  +  0  1  2  3  4  5  6  7  8  9") == 2
    text = Session.open(str(trained / "model"), source="500+514", stop_on_entry=False)
    text.start()
    assert f"500+514 = {text.results[0].outputs[0].text}" in said


def test_every_step_is_given_the_same_vector_and_an_edit_of_it_stays_in_its_step(trained):
    session = Session.open(str(trained / "model"), source="500+514")
    session.start()
    session.next()
    session.next()
    before = [frame.site("decoder.repeated") for frame in session.frames()[:2]]
    assert torch.equal(*before)
    logits = session.frame.site("prediction.logits").clone()
    session.edit_site("decoder.repeated", [0.0] * 64)
    assert not torch.equal(session.frame.site("prediction.logits"), logits)
    session.next()
    assert torch.equal(session.frame.site("decoder.repeated"), before[0])


def test_the_vector_is_the_state_that_is_read_last(trained):
    """An edit of it reaches every step, one of any other state none: the encoder has read on."""
    plan = Decode.of(load_model(str(trained / "model")), "500+514", SearchSettings())

    def logits_with(row):
        zeros = (0.0,) * 64
        encoder = plan.begin(
            () if row is None else [SiteEdit(ENCODER_STEP, None, "encoder.states", zeros, (row,))]
        )
        snapshot, found = encoder.after, []
        while not snapshot.ended:
            record = plan.step(encoder, snapshot)
            found.append(record.sites["prediction.logits"][0])
            snapshot = record.after
        return torch.stack(found)

    plain = logits_with(None)
    assert all(torch.equal(logits_with(row), plain) for row in range(1, 7))
    assert not (logits_with(0) == plain).all(dim=1).any()


def test_near_ties_are_found_by_a_rule(warm, trained, sums_file):
    """The truth ranked second by a hair: somewhere the right digit lost by less than a tenth."""
    report = trained / "ties.jsonl"
    rule = "referenceRank(reference_rank == 1 and margin < 0.1)"
    files = ("--report", report, "--output", trained / "out.txt")
    done = warm.run(["-m", "s2sdap", "run", sums_file, "--model", trained / "model", "--break", rule, *files])
    assert done.returncode == 1, done.stderr
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    stops = [(line, stop) for line in lines for stop in line.get("stops", ())]
    assert stops
    for line, stop in stops:
        right = line["reference"].ljust(4)[stop["step"]]
        first, second = stop["best"][:2]
        assert (first["piece"], second["piece"]) == (stop["token"], right)
        assert first["p"] - second["p"] < 0.1


def test_the_saturation_report_counts_what_the_gates_are(trained, sums_file, capsys):
    dump = trained / "weights.npz"
    saturation = script("saturation")
    saturation.main(model=str(trained / "model"), sums=sums_file, limit=20, dump=dump)
    said = capsys.readouterr().out
    model = load_model(str(trained / "model"))
    with np.load(dump) as weights:
        assert {name: tuple(each.shape) for name, each in weights.items()} == {
            name: tuple(each.shape) for name, each in model.named_weights()
        }
        assert sum(each.size for each in weights.values()) == 24_492
    gates = saturation.gates_of(
        model, [line.split("\t")[0] for line in sums_file.read_text().splitlines()[:20]]
    )
    assert {name: len(values) for name, values in gates.items()} == {
        **{f"encoder {gate}": 20 * 7 for gate in ("reset", "update", "candidate")},
        **{f"decoder.0 {gate}": 20 * 4 for gate in ("reset", "update", "candidate")},
    }
    for name in ("encoder reset", "decoder.0 update"):
        assert float(gates[name].min()) >= 0
        assert float(gates[name].max()) <= 1
        shut = saturation.share(gates[name] <= 0.05)
        (row,) = [line for line in said.splitlines() if name in line]
        assert shut in row


def test_a_batch_finds_how_many_are_right(trained, sums_file):
    """What the log says of held back sums is what a decode of them gives."""
    session = Session.open(str(trained / "model"), program=str(sums_file), stop_on_entry=False)
    session.start()
    texts = [session.results[at].outputs[0].text for at in range(120)]
    answers = [line.split("\t")[1] for line in sums_file.read_text().splitlines()]
    model = load_model(str(trained / "model"))
    pairs = [tuple(line.split("\t")) for line in sums_file.read_text().splitlines()]
    examples = examples_of(model.config, pairs)
    with torch.no_grad():
        right = (model.network(examples.sources).argmax(-1) == examples.targets).all(dim=1)
    assert [text == answer for text, answer in zip(texts, answers, strict=True)] == right.tolist()
