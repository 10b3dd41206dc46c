"""The parts of a step are those of the formulas, in the order of each school."""

import runpy
import sys
from pathlib import Path

import pytest
from models.small_networks import seeded_network, side, small_config

from s2sdap import Session
from s2sdap.models.checkpoint import CheckpointConfig, save_checkpoint

EXAMPLE = Path(__file__).parents[2] / "examples" / "attention_steps"


@pytest.fixture(scope="module")
def by_hand():
    """The example as a module."""
    sys.path.insert(0, str(EXAMPLE))
    try:
        import by_hand  # it stands in a folder of its own

        yield by_hand
    finally:
        sys.path.remove(str(EXAMPLE))


def opened(by_hand, model, source, step):
    session = Session.open(model=model, source=source)
    session.start()
    return list(by_hand.parts(session, step))


def names(found):
    return [each.told.split(":")[0] for each in found]


def bahdanau(folder):
    sides = {"source": side("abcd"), "target": side("abcd")}
    config = small_config(attention="concat", attention_query="previous", bidirectional=True)
    weights = seeded_network(config, *(len(each.pieces) for each in sides.values())).state_dict()
    save_checkpoint(folder, CheckpointConfig(family="rnn", network=config, **sides), weights)
    return str(folder)


def test_luongs_order_and_numbers(by_hand):
    found = opened(by_hand, "dates", "March 3, 1999", 6)
    assert names(found) == [
        *("inputs", "decoder.layers", "decoder.state"),
        *("attention.scores", "attention.weights", "attention.context"),
        *("together", "prediction.features", "prediction.logits", "prediction.logprobs", "search"),
    ]
    assert found[-1].told == "search: takes '3'"
    told = [each.error for each in found if each.error is not None]
    assert len(told) == 7
    assert max(told) < 1e-5


@pytest.mark.parametrize("step", [0, 1])
def test_bahdanaus_order_and_numbers(by_hand, tmp_path, step):
    found = opened(by_hand, bahdanau(tmp_path / "model"), "abcd", step)
    assert names(found)[:6] == [
        *("inputs", "attention.scores", "attention.weights", "attention.context"),
        *("decoder.layers", "decoder.state"),
    ]
    told = [each.error for each in found if each.error is not None]
    assert len(told) == 7
    assert max(told) < 1e-5


def test_another_formula_would_be_seen(by_hand, monkeypatch):
    formula, scores = by_hand.FORMULAS["attention.scores"]
    monkeypatch.setitem(by_hand.FORMULAS, "attention.scores", (formula, lambda session: 2 * scores(session)))
    found = opened(by_hand, "dates", "March 3, 1999", 0)
    assert max(each.error for each in found if each.error is not None) > 0.1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--model", "nowhere"], 2, "S2S2001: There is no model 'nowhere'"),
        (["--source", ""], 2, "S2S1002: "),
        (["--step", "11"], 2, "the decode ends before step 11"),
        (["--step", "40"], 2, "the decode ends before step 40"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(monkeypatch, capsys, arguments, code, said):
    monkeypatch.setattr(sys, "argv", ["by_hand.py", *arguments])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(EXAMPLE / "by_hand.py"), run_name="__main__")
    assert ended.value.code == code
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told
