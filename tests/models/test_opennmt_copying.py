"""OpenNMT-py's copy attention: each form computes what a forward pass by hand does, with a source's words.

No checkpoint of OpenNMT-py's own that copies is at hand: these have the names and options of its code.
"""

import pytest
import torch
from opennmt_files import checkpoint_file, weights
from test_opennmt_models import BOUND, read, weights_of

from s2sdap import SearchSettings, Session, decode
from s2sdap.models.checkpoint import load_checkpoint, save_checkpoint
from s2sdap.models.contract import reading, untouched
from s2sdap.models.loading import load_model
from s2sdap.models.opennmt.loading import read_checkpoint
from s2sdap.models.rnn.model import RnnModel

LINE = "the gross klein small gross the"
"""The target has `the` and `small`; `gross` and `klein` can only be copied; the source lacks the first."""
WRITTEN = "the gross is klein gross"
CASES = {
    "an attention of its own, 2017": ("2017", "early", {}),
    "an attention of its own": ("2021", "general", {}),
    "the context's": ("2019", "reuse", {}),
    "mlp beside mlp": ("2023", "mlp", {"attention": "mlp"}),
    "mlp beside general": ("2021", "mlp", {}),
    "dot": ("2023", "dot", {"attention": "dot"}),
    "GRU, the context's mlp": ("2023", "reuse", {"attention": "mlp", "cell": "GRU"}),
    "without input feeding": ("2021", "reuse", {"feed": False}),
}


@torch.no_grad()
def mixture(model, generator, cell, source, copies, inputs, size, pad):
    """The probabilities of OpenNMT-py's CopyGenerator, once copies of known words are added to them."""
    states, queries, features = read(model, cell, source, inputs)
    rows = []
    for query, hidden in zip(queries, features, strict=True):
        logits = generator["linear.weight"] @ hidden + generator.get("linear.bias", 0)
        logits[pad] = -torch.inf
        own = "decoder.copy_attn.linear_out.weight" in model
        attention = (
            weights_of(model, "decoder.copy_attn.", hidden, states)
            if own
            else weights_of(model, "decoder.attn.", query, states)
        )
        copied = torch.sigmoid(generator["linear_copy.weight"][0] @ hidden + generator["linear_copy.bias"][0])
        row = torch.zeros(size)
        row[: len(logits)] = logits.softmax(0) * (1 - copied)
        for token, weight in zip(copies, attention, strict=True):
            row[token] += copied * weight
        rows.append(row)
    return torch.stack(rows)


@pytest.mark.parametrize("case", CASES)
def test_it_computes_the_mixture_of_a_plain_forward_pass(case, tmp_path):
    form, copying, others = CASES[case]
    model, generator = weights(form=form, copying=copying, **others)
    changes = {"copy_attn": True, "reuse_copy_attn": copying == "reuse", "copy_attn_force": False}
    path = checkpoint_file(tmp_path / "demo.pt", model, generator, form=form, **changes)
    loaded = load_model(f"opennmt:{path}")
    source = loaded.tokenize(LINE)
    told = reading(loaded, source)
    target = told.target
    assert target.added == ("gross", "klein")
    assert target.copies == target.encode(LINE)
    tokens = target.encode(WRITTEN)
    encoded = loaded.encode(source, untouched)
    state, rows = loaded.begin(encoded), []
    for token in (target.bos, *tokens):
        logits, state = loaded.step(encoded, state, torch.tensor([token]), untouched)
        rows.append(logits[0])
    size = len(loaded.target)
    read_as = [token if token < size else target.unknown for token in (target.bos, *tokens)]
    expected = mixture(
        model,
        generator,
        others.get("cell", "LSTM"),
        torch.tensor([token.id for token in source.tokens]),
        target.copies,
        torch.tensor(read_as),
        len(target),
        loaded.target.find("<pad>"),
    )
    torch.testing.assert_close(torch.stack(rows).exp(), expected, rtol=0, atol=BOUND)
    assert (loaded.network.config.copy_attention == "none") == (copying == "reuse")


def test_a_session_copies_and_shows_how_likely(tmp_path):
    model, generator = weights(form="2021", copying="general")
    generator["linear_copy.bias"] += 4  # it nearly always copies
    path = checkpoint_file(tmp_path / "demo.pt", model, generator, form="2021", copy_attn=True)
    session = Session.open(f"opennmt:{path}", source=LINE, settings=SearchSettings(beam_size=3, max_length=6))
    session.start()
    session.next()
    assert session.evaluate("copy") > 0.5
    session.force("gross")
    session.edit_site("prediction.pointer", [1.0], index=(2,))
    session.edit_site("prediction.copy", [1.0])
    assert session.top_tokens(1) == [("klein", pytest.approx(1.0))]
    session.step_out()
    assert session.results[0].outputs[0].pieces[0] == "gross"


def test_it_can_be_kept_in_our_own_format(tmp_path):
    path = checkpoint_file(tmp_path / "demo.pt", *weights(copying="reuse"), copy_attn=True)
    ours = read_checkpoint(str(path))
    save_checkpoint(tmp_path / "kept", ours.config, ours.weights)
    kept = RnnModel(load_checkpoint(tmp_path / "kept"), "kept")
    settings = SearchSettings(beam_size=3, n_best=3, max_length=6)
    loaded = load_model(f"opennmt:{path}")
    assert decode(kept, LINE, settings) == decode(loaded, LINE, settings)
