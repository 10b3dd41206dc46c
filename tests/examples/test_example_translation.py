"""The translation example on sentences that are learnt in seconds: its trainer, and what its story asks.

The story itself is of a model that takes minutes, on text that is not here; its command checks it
(`python -m examples.translation.story`). What it asks of the debugger is asked here of a smaller model.
"""

import importlib.util
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from generated_pairs import write_texts
from signalled import signalled
from trained_mornings import trained_mornings

from examples.translation import story, sweeping, tracing, train
from s2sdap.models.loading import load_model

ROOT = Path(__file__).parents[2]
EPOCHS = 3


def learn(data, out, **options):
    train.main(data=data, small=True, out=out, epochs=EPOCHS, **options)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_texts(tmp_path_factory.mktemp("text") / "text", train=400)


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """The folder that a training of a few seconds writes."""
    out = tmp_path_factory.mktemp("translation") / "out"
    learn(data, out)
    return out


@pytest.fixture(scope="module")
def mornings(tmp_path_factory):
    """A model that has learnt what follows `heute`, with some of its pairs mislabelled."""
    return trained_mornings(tmp_path_factory)


def test_the_log_has_every_epoch_and_bleu_or_why_not(trained):
    head, *epochs, test = (trained / train.LOG).read_text("utf-8").splitlines()
    assert head.startswith("en-de: 400 pairs")
    losses = [float(line.split()[3]) for line in epochs]
    assert len(losses) == EPOCHS
    assert losses[-1] < losses[0] / 2
    assert all("target tokens a CPU s" in line for line in epochs)
    if importlib.util.find_spec("sacrebleu") is None:
        assert test == "test_small.tok: BLEU not measured: sacrebleu is not installed"
    else:
        assert test.startswith("test_small.tok: BLEU = ")
        assert "tok:none" in test


def test_every_epoch_can_be_debugged(trained):
    names = sorted(folder.name for folder in (trained / "epochs").iterdir())
    assert names == [f"{number:02d}" for number in range(1, EPOCHS + 1)]
    first, last, newest = (
        load_model(str(folder))
        for folder in (trained / "epochs/01", trained / f"epochs/{EPOCHS:02d}", trained / "model")
    )
    assert first.fingerprint != last.fingerprint == newest.fingerprint
    assert not (trained / train.STATE).exists()


def test_the_other_direction(tmp_path):
    data, out = write_texts(tmp_path / "text", train=40), tmp_path / "out"
    train.main(data=data, direction="de-en", small=True, out=out, epochs=1)
    assert (out / train.LOG).read_text("utf-8").startswith("de-en: 40 pairs")
    model = load_model(str(out / "model"))
    assert "hund" in model.source_words()
    assert model.target.find("dog") is not None


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_it_goes_on_after_ctrl_c_as_if_nothing_had_happened(warm, data, trained, tmp_path):
    out = tmp_path / "out"
    script = ROOT / "examples" / "translation" / "train.py"
    done = warm.run(
        [
            *signalled(script, signal.SIGINT, train.STATE, 2),
            *("--data", data, "--small", "--out", out, "--epochs", EPOCHS),
        ],
        folder=ROOT,
        environment={**os.environ, "PYTHONPATH": str(ROOT)},
        patience=600,
    )
    assert done.returncode == 130, done.stderr
    assert "--resume" in done.stdout
    learn(data, out, resume=True)
    for file in ("model/model.safetensors", "model/config.json"):
        assert (out / file).read_bytes() == (trained / file).read_bytes()
    logs = [(folder / train.LOG).read_text("utf-8").splitlines() for folder in (out, trained)]
    assert [len(log) for log in logs] == [EPOCHS + 2] * 2
    assert logs[0][-1] == logs[1][-1]


def test_without_data_it_says_where_to_put_it(tmp_path, capsys):
    with pytest.raises(typer.Exit) as caught:
        train.main(data=tmp_path / "none", out=tmp_path / "out")
    assert caught.value.exit_code == 2
    said = capsys.readouterr().out
    assert "is no folder" in said
    assert "https://github.com/multi30k/dataset" in said
    assert not (tmp_path / "out").exists()


def test_a_test_set_is_swept_under_both_kinds_of_rules(mornings, tmp_path):
    """A word that is unknown is told; what was mislabelled in training is wrong, and one word off."""
    pairs = [
        ("Anna wartet gestern", "Anna waits yesterday"),
        ("Paul singt heute", "Paul sings today"),
        ("Paul singt übermorgen", "Paul sings today"),
    ]
    for name, side in (("a.de", 0), ("a.en", 1)):
        (tmp_path / name).write_text("".join(f"{pair[side]}\n" for pair in pairs), "utf-8")
    rows = sweeping.swept(
        Path(mornings.model), tmp_path / "a.de", tmp_path / "a.en", tmp_path / "report.jsonl"
    )
    assert [(row.source, row.reference) for row in rows] == pairs
    assert rows[0].output == "Anna waits tomorrow"
    assert rows[1].output == rows[1].reference
    assert not rows[1].rules
    assert "unknownSource" in rows[2].rules
    assert sweeping.fired(rows)["unknownSource"] == 1
    assert rows[0] in sweeping.one_word_off(rows)
    assert rows[1] not in sweeping.one_word_off(rows)
    claims = story.swept_claims(rows)
    assert claims[0].holds
    assert claims[0].what.startswith("1 of 3 outputs")
    assert story.swept_claims([rows[0]])[0].holds is False


def test_a_wrong_translation_is_traced_and_mended(mornings, tmp_path):
    model, table = Path(mornings.model), tmp_path / "wrong.tsv"
    table.write_text(
        "Paul singt heute\tPaul sings today\nAnna wartet gestern\tAnna waits yesterday\n", "utf-8"
    )
    verdicts = tracing.judged(model, table)  # nothing is wrong with the other
    best = tracing.soundest(verdicts)
    assert verdicts == [best]
    assert (best.line, best.mends) == (2, True)
    found = tracing.traced(model, table, best.line, Path(mornings.index))
    assert (found.verdict.stage, found.soundness) == (best.stage, pytest.approx(best.soundness))
    assert found.reference == "Anna waits yesterday"
    assert (found.output, found.step) == ("Anna waits tomorrow", 2)
    assert (found.wrong, found.wanted, found.wanted_rank) == ("tomorrow", "yesterday", 1)
    assert found.p > 0.9
    assert found.mended
    assert found.forced == found.reference
    assert found.near.total() == 20
    assert found.blamed in {each.text for each in found.verdict.experiments}
    claims = story.traced_claims(found, 1)
    assert all(claim.holds for claim in claims)
    broken = story.traced_claims(replace(found, after=found.output), 1)
    assert [claim.holds for claim in broken] == [True, True, True, False, True]
    assert story.traced_lines([5, 9], verdicts) == [2]
    assert story.traced_lines([story.READ_AS_WRONG, 9], verdicts) == [1, 2]


def test_the_neighbours_of_a_word_move_when_words_are_put_in(mornings):
    found = tracing.moved(Path(mornings.model), Path(mornings.index), "Paul singt heute", "heute", "morgen")
    assert found.with_context.source == "Paul singt heute morgen"
    assert (found.alone.output, found.with_context.output) == ("Paul sings today", "Paul sings this morning")
    assert found.share(found.alone) == 0
    assert found.share(found.with_context) >= 0.8
    assert found.stayed <= 2
    assert all(claim.holds for claim in story.moved_claims(found, "today", "morning"))
    assert not any(claim.holds for claim in story.moved_claims(found, "tomorrow", "evening")[:2])
    as_if_nothing_moved = replace(found, with_context=found.alone)
    assert not story.moved_claims(as_if_nothing_moved, "today", "today")[2].holds
