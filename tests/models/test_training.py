"""Training learns, repeats itself to the bit, and goes on after an interruption as if there were none."""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
import torch
from signalled import signalled
from small_networks import side, small_config

from s2sdap.models.rnn.training import (
    Example,
    Plan,
    Trainer,
    TrainingSettings,
    exact_match,
    examples_of,
    padded,
)
from s2sdap.vocabulary.errors import S2sdapError

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "date_conversion" / "train.py"


def plan(epochs: int = 4, **network) -> Plan:
    sizes = {"embedding_size": 12, "encoder_size": 12, "decoder_size": 24}
    return Plan(
        network=small_config(**(sizes | network)),
        source=side("abcd"),
        target=side("abcd"),
        settings=TrainingSettings(
            epochs=epochs, batch_size=16, learning_rate=8e-3, gradient_norm=1.0, seed=3
        ),
    )


def reversals(the_plan: Plan, count: int = 200) -> list[Example]:
    """Short words and the same words backwards."""
    words = ["".join("abcd"[(n * k + n // 4) % 4] for k in range(1, 2 + n % 5)) for n in range(count)]
    return examples_of([(word, word[::-1]) for word in words], the_plan.source, the_plan.target)


def run(trainer: Trainer, examples: list[Example], epochs: int | None = None) -> Trainer:
    while not trainer.finished and epochs != 0:
        trainer.epoch(examples)
        epochs = None if epochs is None else epochs - 1
    return trainer


def same_weights(one: Trainer, other: Trainer) -> bool:
    first, second = one.network.state_dict(), other.network.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    "network",
    [
        {},
        {"cell": "lstm", "attention": "concat", "attention_query": "previous"},
        {"cell": "rnn", "attention": "dot", "input_feed": True},
        {"cell": "gru", "gate_activation": "hard_sigmoid", "layers": 2},
    ],
    ids=["gru general", "lstm concat previous", "rnn dot feed", "hard gru 2-layer"],
)
def test_a_small_network_learns_to_reverse(network):
    the_plan = plan(20, **network)
    examples = reversals(the_plan)
    trainer = run(Trainer.start(the_plan), examples)
    assert trainer.reports[-1].loss < trainer.reports[0].loss / 5
    assert exact_match(trainer.greedy(examples), examples) > 0.95


@pytest.mark.parametrize(
    "network",
    [
        {"dropout": 0.3},
        {"cell": "lstm", "layers": 2, "input_feed": True, "dropout": 0.2},
        {"cell": "rnn", "attention": "none", "dropout": 0.0},
    ],
    ids=["gru", "lstm", "rnn"],
)
def test_a_resumed_training_equals_an_uninterrupted_one_to_the_bit(tmp_path, network):
    the_plan = plan(4, **network)
    examples = reversals(the_plan)
    whole = run(Trainer.start(the_plan), examples)
    run(Trainer.start(the_plan), examples, epochs=2).save(tmp_path / "state.safetensors")
    torch.rand(17)  # what another process would have drawn does not matter
    resumed = run(Trainer.resume(tmp_path / "state.safetensors", the_plan), examples)
    assert same_weights(whole, resumed)
    for one, other in zip(whole.reports, resumed.reports, strict=True):
        assert msgspec.structs.replace(one, seconds=0) == msgspec.structs.replace(other, seconds=0)


def test_the_seed_decides_everything():
    the_plan = plan(2, dropout=0.2)
    examples = reversals(the_plan)
    first, second = (run(Trainer.start(the_plan), examples) for _ in range(2))
    assert same_weights(first, second)
    other = msgspec.structs.replace(the_plan, settings=msgspec.structs.replace(the_plan.settings, seed=4))
    assert not same_weights(first, run(Trainer.start(other), examples))


def test_a_state_of_another_plan_is_refused(tmp_path):
    the_plan = plan(3)
    run(Trainer.start(the_plan), reversals(the_plan), epochs=1).save(tmp_path / "state.safetensors")
    with pytest.raises(S2sdapError) as caught:
        Trainer.resume(tmp_path / "state.safetensors", plan(4))
    assert caught.value.name == "settings_clash"


def test_a_state_that_is_not_there_or_cut_short_is_refused(tmp_path):
    state = tmp_path / "state.safetensors"
    with pytest.raises(S2sdapError) as caught:
        Trainer.resume(state, plan())
    assert caught.value.name == "training_missing"
    run(Trainer.start(plan()), reversals(plan()), epochs=1).save(state)
    state.write_bytes(state.read_bytes()[:-10])
    with pytest.raises(S2sdapError) as caught:
        Trainer.resume(state, plan())
    assert caught.value.name == "checkpoint_weights"


def test_a_loss_that_is_not_finite_ends_the_training():
    the_plan = plan(1)
    trainer = Trainer.start(the_plan)
    with torch.no_grad():
        trainer.network.output.bias.fill_(torch.inf)
    with pytest.raises(S2sdapError, match="loss became nan"):
        trainer.epoch(reversals(the_plan))


def test_every_example_is_seen_once_an_epoch():
    the_plan = plan(1)
    heard = []
    Trainer.start(the_plan).epoch(reversals(the_plan, 37), seen=lambda count, _loss: heard.append(count))
    assert sum(heard) == 37


def test_rows_are_padded_to_the_longest():
    filled, lengths = padded([(1, 2, 3), (4,)], 9)
    assert (filled.tolist(), lengths.tolist()) == ([[1, 2, 3], [4, 9, 9]], [3, 1])


STATE = "training-state.safetensors"


def run_example(warm, output: Path, *options: str, begin: Sequence[str] = ()) -> tuple[int, str]:
    """Train a little; the exit code, and what was said. `begin` stands in place of the script."""
    size = ["--epochs", "3", "--examples", "200", "--test", "20"]
    words = [*(begin or (EXAMPLE,)), "--output", output, *size, *options]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = warm.run(words, environment={**os.environ, "PYTHONPATH": path}, together=True, patience=600)
    return done.returncode, done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.timeout(600)
def test_the_example_goes_on_after_ctrl_c_and_after_it_was_killed(warm, tmp_path):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    code, said = run_example(warm, whole)
    assert code == 0, said
    assert (whole / "training.log").exists()
    code, said = run_example(warm, stopped, begin=signalled(EXAMPLE, signal.SIGINT, STATE, 2))
    assert code == 130, said
    code, said = run_example(warm, stopped, "--resume", begin=signalled(EXAMPLE, signal.SIGKILL, STATE, 2))
    assert code == -signal.SIGKILL, said
    assert not (stopped / "model.safetensors").exists()
    code, said = run_example(warm, stopped, "--resume")
    assert code == 0, said
    assert not (stopped / STATE).exists()
    for file in ("model.safetensors", "config.json"):
        assert (stopped / file).read_bytes() == (whole / file).read_bytes()


def test_resuming_nothing_says_so(warm, tmp_path):
    code, said = run_example(warm, tmp_path, "--resume")
    assert code == 1
    assert "S2S2046" in said
    assert "Traceback" not in said
