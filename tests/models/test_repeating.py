"""The network that repeats one vector: Keras' equations, parameter counts, and what it means to debug it."""

import numpy as np
import pytest
import torch
from keras_equations import random_model

from s2sdap import S2sdapError
from s2sdap.debugger.conformance import Outcome, check_loading
from s2sdap.debugger.session import Session
from s2sdap.debugger.verdict.asking import answer, question_of
from s2sdap.debugger.verdict.trials import at_once
from s2sdap.decoding.batched.choices import Looked
from s2sdap.decoding.batched.search import run_batch
from s2sdap.decoding.changed_settings import within
from s2sdap.decoding.decode import decode, score
from s2sdap.decoding.edits import SettingEdit, TokenEdit
from s2sdap.decoding.settings import SearchSettings
from s2sdap.decoding.step import Decode
from s2sdap.models.checkpoint import (
    RepeatingCheckpointConfig,
    load_checkpoint,
    save_checkpoint,
    weight_shapes,
)
from s2sdap.models.contract import BatchingModel, Bounded, Gated, Weighs, untouched
from s2sdap.models.loading import load_model
from s2sdap.models.rnn.model import RnnModel
from s2sdap.models.rnn.repeating.config import RepeatingConfig
from s2sdap.models.rnn.repeating.network import RepeatingNetwork
from s2sdap.models.tokens import whole
from s2sdap.vocabulary import sites

CHARACTERS = " +0123456789"
KINDS = [
    ("lstm", "hard_sigmoid", False),
    ("lstm", "sigmoid", False),
    ("gru", "hard_sigmoid", False),
    ("gru", "sigmoid", True),
    ("gru", "hard_sigmoid_sixth", True),
    ("rnn", "sigmoid", False),
]
ORDER = {"lstm": (0, 1, 2, 3), "gru": (1, 0, 2), "rnn": (0,)}
"""Where each of our gates stands among Keras'."""


def config_of(kind="lstm", gate="hard_sigmoid", after=False, **changes):
    plain = {
        "cell": kind,
        "gate_activation": gate,
        "reset_after": after,
        "encoder_size": 6,
        "decoder_size": 5,
        "layers": 1,
        "characters": CHARACTERS,
        "source_length": 7,
        "target_length": 4,
        "reversed": True,
    }
    return RepeatingConfig(**(plain | changes))


def loaded_from(model, network, kind):
    """The network with the numbers of a Keras model, by hand."""
    gates = ORDER[kind]

    def rows(array):
        parts = np.split(array, len(gates), axis=-1)
        return torch.from_numpy(np.concatenate([parts[at] for at in gates], axis=-1).T.copy())

    weights = {
        "output.weight": torch.from_numpy(model.kernel.T.copy()),
        "output.bias": torch.from_numpy(model.bias),
    }
    for name, cell in (
        ("encoder", model.encoder),
        *((f"decoder.{n}", c) for n, c in enumerate(model.decoder)),
    ):
        weights[f"{name}.weight_ih"], weights[f"{name}.weight_hh"] = rows(cell.kernel), rows(cell.recurrent)
        if cell.bias.ndim == 2:
            weights[f"{name}.bias"], weights[f"{name}.bias_hh"] = rows(cell.bias[0]), rows(cell.bias[1])
        else:
            weights[f"{name}.bias"] = rows(cell.bias)
    network.load_state_dict(weights)
    return network


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint of the published sizes that nobody has trained."""
    torch.manual_seed(5)
    config = config_of(encoder_size=64, decoder_size=32)
    network = RepeatingNetwork(config)
    with torch.no_grad():
        network.output.weight.mul_(6)
    path = tmp_path_factory.mktemp("repeating") / "sums"
    save_checkpoint(
        path, RepeatingCheckpointConfig(family="rnn-repeating", network=config), network.state_dict()
    )
    return path


@pytest.fixture(scope="module")
def model(folder):
    return load_model(str(folder))


class Seen:
    def __init__(self):
        self.values = {}

    def __call__(self, site, value, /):
        self.values.setdefault(site, []).append(value)
        return value


@pytest.mark.parametrize(("kind", "gate", "after"), KINDS)
@pytest.mark.parametrize(("layers", "backwards"), [(1, True), (2, False)])
def test_every_layer_is_what_keras_computes(kind, gate, after, layers, backwards):
    keras = random_model(kind, gate, after=after, layers=layers)
    config = config_of(kind, gate, after, layers=layers, reversed=backwards)
    network = loaded_from(keras, RepeatingNetwork(config), kind)
    ids = [6, 4, 1, 11, 0, 0, 0]
    wanted = keras.layers(ids[::-1] if backwards else ids, 4)
    probe = Seen()
    with torch.no_grad():
        encoded = network.encode(torch.tensor([ids]), probe)
        state, logits = network.begin(encoded), []
        for _ in range(4):
            row, state = network.step(encoded, state, 1, probe)
            logits.append(row[0])
        whole = network(torch.tensor([ids]))[0]
    states = probe.values[sites.ENCODER_STATES][0]
    bound = {"atol": 2e-5, "rtol": 0}  # float32 against float64, over at most 11 steps
    np.testing.assert_allclose(states.flip(0) if backwards else states, wanted["encoder"], **bound)
    np.testing.assert_allclose(torch.cat(probe.values[sites.DECODER_REPEATED]), wanted["repeated"], **bound)
    layer_states = torch.cat(probe.values[sites.DECODER_LAYERS])
    for layer in range(layers):
        np.testing.assert_allclose(layer_states[:, layer], wanted["decoded"][layer], **bound)
    np.testing.assert_allclose(torch.stack(logits), wanted["logits"], atol=2e-4, rtol=0)
    np.testing.assert_allclose(whole.softmax(-1), wanted["softmax"], atol=2e-5, rtol=0)
    assert torch.equal(torch.stack(logits), whole)


@pytest.mark.parametrize(
    ("kind", "after", "counts"),
    [
        ("lstm", False, (19_712, 12_416, 396)),  # as published
        ("gru", False, (14_784, 9_312, 396)),
        ("gru", True, (14_976, 9_408, 396)),
        ("rnn", False, (4_928, 3_104, 396)),
    ],
)
def test_it_has_as_many_parameters_as_keras_counts(kind, after, counts):
    config = config_of(kind, "sigmoid", after, encoder_size=64, decoder_size=32)
    found = dict.fromkeys(("encoder", "decoder", "output"), 0)
    shapes = weight_shapes(RepeatingCheckpointConfig(family="rnn-repeating", network=config))
    for name, shape in shapes.items():
        found[name.split(".")[0]] += int(np.prod(shape))
    assert tuple(found.values()) == counts


def test_it_starts_as_keras_starts():
    torch.manual_seed(0)
    network = RepeatingNetwork(config_of(encoder_size=64, decoder_size=32))
    bias = network.encoder.bias.detach()
    assert torch.equal(bias, torch.cat((torch.zeros(64), torch.ones(64), torch.zeros(128))))
    assert float(network.encoder.weight_ih.detach().abs().max()) <= (6 / (12 + 256)) ** 0.5
    square = network.encoder.weight_hh.detach().T @ network.encoder.weight_hh.detach()
    torch.testing.assert_close(square, torch.eye(64), atol=1e-5, rtol=0)


def test_it_passes_the_conformance_suite(folder):
    report = check_loading(lambda: load_model(str(folder)), "sums")
    assert report.passed, [each for each in report.findings if each.outcome is Outcome.FAIL]
    absent = {each.check for each in report.findings if each.outcome is Outcome.ABSENT}
    assert absent == {"attention", "select"}  # it has none; and hypotheses cannot come apart
    assert report.sources == ("535+61", "7+5", "12+999")


def test_one_that_says_it_reads_its_tokens_is_found_out(folder):
    from dataclasses import replace

    from s2sdap.debugger.conformance import check_model

    model = load_model(str(folder))
    model.layout = replace(model.layout, reads_tokens=True)
    assert check_model(model).failed == ("choice",)


def test_what_it_offers(model):
    assert all(isinstance(model, each) for each in (BatchingModel, Bounded, Gated, Weighs))
    assert model.layout.parameters == 32_524
    assert sites.DECODER_CELLS in model.layout.sites
    assert not model.layout.reads_tokens


def test_a_line_keeps_its_order_and_is_filled_up(model):
    tokens = model.tokenize("12+x").tokens
    assert [token.piece for token in tokens] == [*"12+x", " ", " ", " "]
    assert [token.span for token in tokens[:2]] == [(0, 1), (1, 2)]
    assert [token.span for token in tokens[4:]] == [None] * 3
    assert [token.known for token in tokens] == [True, True, True, False, True, True, True]
    assert (tokens[3].seen, tokens[3].id) == ("<unk>", 12)
    assert model.tokenize("").tokens == ()
    with pytest.raises(S2sdapError) as refused:
        decode(model, "1234+123")
    assert refused.value.name == "source_too_long"


def test_an_unknown_character_is_a_vector_of_zeros(model):
    network = model.network
    with torch.no_grad():
        read = network.read(torch.tensor([[12]]))[0, 0]
        zeros = torch.zeros(1, 64)
        wanted, _ = network.encoder(torch.zeros(1, 12), zeros, zeros)
    assert torch.equal(read, wanted[0])


@pytest.mark.parametrize("settings", [{}, {"beam_size": 3, "n_best": 2}, {"sample": True, "n_best": 3}])
@pytest.mark.parametrize("further", [{}, {"min_length": 3, "no_repeat_ngram": 1}])
def test_every_output_has_as_many_tokens_as_there_are_places(model, settings, further):
    for output in decode(model, "535+61", SearchSettings(**settings, **further)):
        assert len(output.tokens) == 4
        assert max(output.tokens) < 12
        if further:
            assert len(set(output.tokens)) == 4


def test_a_batch_writes_what_each_writes_alone(model):
    lines = ["535+61", "7+5", "12+999", "1+1"]
    for settings in (
        SearchSettings(),
        SearchSettings(beam_size=3, n_best=2),
        SearchSettings(no_repeat_ngram=1),
    ):
        inner = within(model, settings)
        assert inner.max_length == 4
        sources = [model.tokenize(line) for line in lines]
        together = run_batch(model, sources, inner, (), looked=Looked(), tolerance=1e-4)()
        for line, outputs in zip(lines, together.outputs, strict=True):
            alone = decode(model, line, settings)
            assert [each.tokens for each in outputs] == [each.tokens for each in alone]
            np.testing.assert_allclose(
                [each.score for each in outputs], [each.score for each in alone], atol=1e-4
            )


def test_a_length_that_cannot_be_is_refused(model):
    plan = Decode.of(model, "7+5", SearchSettings(max_length=50))
    assert plan.settings.max_length == 4
    encoder = plan.begin()
    with pytest.raises(S2sdapError) as refused:
        plan.step(encoder, encoder.after, [SettingEdit(0, "maxLength", 9)])
    assert refused.value.name == "bad_setting"
    with pytest.raises(S2sdapError) as clash:
        Decode.of(model, "7+5", SearchSettings(min_length=9))
    assert clash.value.name == "settings_clash"


def test_the_unknown_token_has_no_logit_and_cannot_be_written(model):
    plan = Decode.of(model, "7+5", SearchSettings())
    encoder = plan.begin()
    with pytest.raises(S2sdapError) as refused:
        plan.step(encoder, encoder.after, [TokenEdit(0, 1, model.target.unknown)])
    assert refused.value.name == "unknown_token"


def test_a_reference_is_scored_with_its_padding_and_without_an_end_symbol(model):
    scored = score(model, "7+5", "12")
    with torch.no_grad():
        ids = torch.tensor([[token.id for token in model.tokenize("7+5").tokens]])
        logprobs = model.network(ids)[0].log_softmax(-1)
    wanted = [float(logprobs[step, CHARACTERS.index(each)]) for step, each in enumerate("12  ")]
    assert scored.logprobs == pytest.approx(wanted, abs=1e-6)
    assert scored.text == "12"


def test_a_forced_token_is_written_and_nothing_else_changes(folder):
    session = Session.open(str(folder), source="535+61")
    session.start()
    session.next()
    free = session.evaluate("token")
    other = "7" if free != "7" else "8"
    session.force(other)
    session.step_out()
    forced = session.results[0].outputs[0]
    plain = decode(load_model(str(folder)), "535+61")[0]
    assert forced.pieces[0] == other
    assert forced.pieces[1:] == plain.pieces[1:]
    assert forced.logprobs[1:] == plain.logprobs[1:]


def test_gates_are_those_of_the_step(model):
    encoded = model.encode(model.tokenize("535+61"), untouched)
    state = model.begin(encoded)
    with model.watching_gates() as seen:
        _, after = model.step(encoded, state, torch.tensor([-1]), untouched)
    (gates,) = seen
    assert list(gates) == ["input", "forget", "candidate", "output"]
    cell = gates["forget"] * state.cells[0] + gates["input"] * gates["candidate"]
    assert torch.equal(after.hidden[0], gates["output"] * torch.tanh(cell))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "rnn", "gate": "hard_sigmoid"}, "gate_activation"),
        ({"after": True}, "reset_after"),
        ({"characters": "01"}, "space"),
        ({"characters": " 00"}, "twice"),
        ({"characters": ""}, "characters"),
    ],
)
def test_parts_that_do_not_go_together_are_refused(changes, field):
    with pytest.raises(ValueError, match=field):
        config_of(**changes)


def test_a_checkpoint_of_the_other_kind_is_no_model_of_this_one(folder):
    with pytest.raises(TypeError, match="rnn-repeating"):
        RnnModel(load_checkpoint(folder), "sums")
    broken = (folder / "config.json").read_text().replace('"cell": "lstm"', '"cell": "mine"')
    other = folder.parent / "other"
    other.mkdir()
    (other / "config.json").write_text(broken)
    with pytest.raises(S2sdapError) as refused:
        load_checkpoint(other)
    assert (refused.value.name, "network.cell" in str(refused.value)) == ("checkpoint_malformed", True)


def test_a_reference_is_followed_to_its_last_place(folder):
    output = decode(load_model(str(folder)), "535+61")[0]
    session = Session.open(str(folder), source="535+61", reference=output.text)
    session.start()
    for piece in output.pieces:
        session.next()
        assert (session.evaluate("reference_token"), session.evaluate("reference_rank")) == (piece, 0)
    assert whole(session.model.target, "12") == (3, 4, 0, 0)
    assert session.model.target.encode("12") == (3, 4)
    (forced,) = decode(load_model(str(folder)), "535+61", SearchSettings(prefix="12"))
    assert forced.pieces[:2] == ("1", "2")
    assert forced.pieces[2:] == output.pieces[2:]


def test_the_verdict_on_a_wrong_answer(folder):
    plain = decode(load_model(str(folder)), "535+61")[0].text
    wanted = ("9" if plain[:1] != "9" else "8") + plain[1:]
    session = Session.open(str(folder), source="535+61", reference=wanted, stop_on_entry=False)
    session.start()
    found = answer(question_of(session, sentence=0), at_once)
    assert {each.stage for each in found.experiments} <= set(session.model.layout.stages)
    assert found.experiments


def test_a_recording_is_opened_without_the_model(folder, tmp_path):
    session = Session.open(str(folder), source="535+61", reference="596")
    session.start()
    session.next()
    session.next()
    session.save(tmp_path / "sums.s2s")
    again = Session.open_recording(tmp_path / "sums.s2s")
    again.start()
    for name in ("decoder.repeated", "prediction.logprobs"):
        assert torch.equal(again.frame.site(name), session.frame.site(name))
    assert again.evaluate("token") == session.evaluate("token")
