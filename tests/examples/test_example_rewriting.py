"""A pointer-generator learns to take back slips of the tongue about names that nobody has heard before.

The task is small and real: the names are random, so that only copying can write them, and held out ones
have not been seen in training at all. The files are of the form that Disfl-QA has.
"""

import json
import random

import pytest

from examples.rewriting import pointing, train
from s2sdap.debugger.corpus.run import Corpus
from s2sdap.debugger.program import read_program
from s2sdap.models.loading import load_model

QUESTIONS = ("What does {} eat?", "Where is {} now?", "Who is taller than {}?", "When did {} sleep?")
SLIPS = ("no sorry", "I mean", "or rather", "uh no")


def slips(count, seed):
    """Questions about one name that began with another, by a name that nobody reads."""
    draw = random.Random(seed)

    def name():
        return "".join(
            draw.choices("bdfgklmnprstvz", k=1)
            + draw.choices("aeiou", k=1)
            + draw.choices("bdfgklmnprst", k=3)
        )

    made = {}
    for number in range(count):
        question, slip, wrong, right = draw.choice(QUESTIONS), draw.choice(SLIPS), name(), name()
        before, after = question.split("{}")
        made[str(number)] = {
            "original": f"{before}{right}{after}",
            "disfluent": f"{before}{wrong} {slip} {right}{after}",
        }
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    data = tmp_path_factory.mktemp("slips")
    for part, count, seed in (("train", 800, 1), ("dev", 60, 2), ("test", 60, 3)):
        (data / f"{part}.json").write_text(json.dumps(slips(count, seed)))
    output = data / "rewriter"
    train.main(data=data, output=output, epochs=6, size=48, batch=16, rate=8e-3)
    return output


@pytest.fixture(scope="module")
def model(folder):
    return load_model(str(folder))


def test_it_writes_names_that_it_has_never_seen(folder, model):
    results = [decoded.result for decoded in Corpus(model, read_program(str(folder / "test.tsv")))]
    right = [result.text == result.sentence.reference for result in results]
    assert len(results) == 60
    assert sum(right) > 50
    vocabulary = {model.target.piece(token) for token in range(len(model.target))}
    for result in results:
        name = result.sentence.reference.split()[-2 if "than" in result.sentence.reference else 2]
        assert name not in vocabulary


def test_the_table_tells_what_was_copied(folder, capsys):
    pointing.main(str(folder), "Who is taller than Bafol no sorry Zilmp?")
    told = capsys.readouterr().out
    assert "who is taller than zilmp ?" in told
    (row,) = [line for line in told.splitlines() if "zilmp *" in line]
    assert row.count("zilmp") == 2
    steps = pointing.steps(str(folder), "Who is taller than Bafol no sorry Zilmp?")
    name = next(step for step in steps if step.added)
    assert name.copy > 0.9
    assert name.p <= name.copy
    assert name.focus == name.word == "zilmp"


def test_a_scripted_session_sets_the_copy_probability(debugger, folder):
    debugger.launch(source="who is taller than bafol no sorry zilmp ?", model=str(folder))
    for _ in range(5):
        debugger.next()
    assert debugger.evaluate("token").result == "'zilmp'"
    copied = float(debugger.evaluate("copy").result)
    assert float(debugger.evaluate('prob("zilmp")').result) <= copied
    debugger.edit_site("prediction.copy", [0.0])
    assert debugger.evaluate("token").result not in ("'zilmp'", "'bafol'")
    assert float(debugger.evaluate('prob("zilmp")').result) < 1e-9
    debugger.undo()
    debugger.attend({"bafol": 1.0})
    assert debugger.evaluate("token").result == "'bafol'"
    debugger.force("zilmp")
    assert debugger.continue_().ended
    assert debugger.results()[0].outputs[0].text == "who is taller than zilmp ?"


def test_what_is_no_data_is_told(tmp_path):
    with pytest.raises(SystemExit, match=r"train\.json: No such file"):
        train.main(data=tmp_path)
    (tmp_path / "train.json").write_text("[1, 2]")
    with pytest.raises(SystemExit, match="not a file of Disfl-QA"):
        train.main(data=tmp_path)
