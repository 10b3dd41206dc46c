"""A checkpoint of OpenNMT-py in a scripted session: every view has its numbers, and edits go into all."""

import sys
from pathlib import Path

import pytest

from s2sdap.client import Debugger, Refused

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
from opennmt_files import checkpoint_file, weights

LINES = ["das Haus ist klein", "das gross Schön"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("opennmt")
    model, generator = weights(form="2021")
    generator["0.bias"][3] -= 6  # of the end symbol: its outputs are long enough to be looked at
    checkpoint_file(folder / "demo.pt", model, generator, form="2021")
    (folder / "lines.txt").write_text("\n".join(LINES) + "\n", "utf-8")
    return folder


@pytest.fixture
def launched(served, folder):
    with Debugger.connect_address(served.tcp, token_file=served.token_file) as debugger:
        model = f"opennmt:{folder / 'demo.pt'}"
        debugger.launch(
            program=folder / "lines.txt", model=model, search={"beamSize": 3, "nBest": 2, "maxLength": 8}
        )
        yield debugger


def test_every_view_has_its_numbers(launched):
    assert launched.step().stage == "encoder"
    assert [scope.name for scope in launched.scopes()][:1] == ["Encoder"]
    for _ in range(3):
        launched.next()
    step = launched.step(top=4)
    assert (step.step, [token.piece for token in step.source]) == (2, LINES[0].split())
    assert len(step.top) == 4
    attention = launched.attention()
    assert attention.shape == (3, 4)
    assert attention.sum(axis=1) == pytest.approx([1.0] * 3)
    names = [scope.name for scope in launched.scopes()]
    assert {"Prediction", "Attention", "Search", "Decoder", "Encoder", "Settings"} <= set(names)
    assert len(launched.beam().steps) == 3
    sites = {each["name"]: each for each in launched.request("s2s/vectors")["sites"]}
    assert {
        "encoder.states",
        "encoder.layers",
        "decoder.layers",
        "decoder.cells",
        "attention.context",
    } <= set(sites)
    walk = launched.request("s2s/walk")
    assert [[gate["name"] for gate in layer["gates"]] for layer in walk["gates"]] == [
        ["input", "forget", "candidate", "output"]
    ] * 2
    assert launched.request("s2s/weights", count=2)["parameters"] > 1000
    assert len(launched.request("s2s/decode")["steps"]) == 3
    assert launched.request("s2s/tree")["steps"]
    near = launched.nearest_tokens(LINES[0].split()[0])
    assert near


def test_an_edit_goes_into_every_view(launched):
    for _ in range(2):
        launched.next()
    before = launched.step(top=3)
    launched.attend({"klein": 1.0})
    assert launched.attention()[-1] == pytest.approx([0, 0, 0, 1])
    after = launched.step(top=3)
    assert [token.p for token in after.top] != [token.p for token in before.top]
    launched.zero("decoder.state")
    assert launched.evaluate("state[0]").result.startswith("0")
    runner_up = launched.top_tokens(2)[1]
    launched.force(runner_up.piece)
    assert launched.step().token.piece == runner_up.piece
    assert len(launched.edits()) == 3
    launched.undo()
    assert len(launched.edits()) == 2
    launched.step_out()
    launched.continue_()
    first, second = launched.results()
    assert first.branch > 0 == second.branch


def test_unknown_words_are_shown_as_what_the_model_saw(served, folder):
    with Debugger.connect_address(served.tcp, token_file=served.token_file) as debugger:
        debugger.launch(source=LINES[1], model=f"opennmt:{folder / 'demo.pt'}")
        assert [(token.piece, token.known) for token in debugger.step().source] == [
            ("das", True),
            ("gross", False),
            ("Schön", True),
        ]


def test_a_checkpoint_that_is_none_is_refused_by_its_number(served, folder):
    (folder / "harm.pt").write_bytes(b"\x80\x02cos\nsystem\nX\x04\0\0\0echo\x85R.")
    with Debugger.connect_address(served.tcp, token_file=served.token_file) as debugger:
        with pytest.raises(Refused) as caught:
            debugger.launch(source=LINES[0], model=f"opennmt:{folder / 'harm.pt'}")
        assert caught.value.number == 2032
