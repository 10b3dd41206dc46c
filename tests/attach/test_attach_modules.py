"""Somebody's own module in a process that was attached to: sites by name and by probe, edits, neutrality."""

import copy
import math
from collections import namedtuple

import pytest
import torch
from attaching import Program, attached, hooks_of, identical, said, vanish, wait_until
from torch import nn

import s2sdap
from s2sdap.client import Refused

PIECES = [chr(ord("a") + place) for place in range(13)]


class Attending(nn.Module):
    """An encoder of embeddings and a decoder that attends to them, with a probe where no module ends."""

    def __init__(self):
        super().__init__()
        self.embedded = nn.Embedding(11, 8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.norm = nn.BatchNorm1d(8)
        self.dropped = nn.Dropout(0.5)
        self.output = nn.Linear(8, 13)

    def forward(self, source, target):
        states = s2sdap.probe("encoder.states", self.embedded(source))
        context, _ = self.attention(self.embedded(target), states, states, average_attn_weights=False)
        context = self.dropped(self.norm(context.transpose(1, 2)).transpose(1, 2))
        return self.output(s2sdap.probe("decoder.state", context))


SITES = {"attention:1": "attention.weights", "output": "prediction.logits"}


@pytest.fixture
def module():
    torch.manual_seed(3)
    return Attending().eval()


@pytest.fixture
def given():
    torch.manual_seed(4)
    return torch.randint(0, 11, (2, 5)), torch.randint(0, 11, (2, 3))


def debugged(module, given, times=1, sites=SITES):
    with s2sdap.debug(module, PIECES, sites=sites):
        return [module(*given) for _ in range(times)]


def to_stage(debugger, stage):
    while debugger.step().stage != stage:
        debugger.step_in()


def test_a_call_is_stepped_stage_by_stage_and_returns_the_same(here, module, given):
    expected = module(*given)
    with attached(here) as debugger:
        program = Program(lambda: debugged(module, given))
        assert debugger.wait_for_stop().reason == "entry"
        stages = [debugger.step().stage]
        for _ in range(3):
            debugger.step_in()
            stages.append(debugger.step().stage)
        assert stages == ["encoder", "attention", "decoder", "prediction"]
        step = debugger.step(top=3)
        probabilities = expected[0, -1].softmax(-1).sort(descending=True)
        assert [token.p for token in step.top] == pytest.approx(probabilities.values[:3].tolist())
        assert [token.piece for token in step.top] == [PIECES[place] for place in probabilities.indices[:3]]
        assert [token.id for token in step.source] == given[0][0].tolist()
        assert [thread.id for thread in debugger.threads()] == [1, 2]
        assert debugger.evaluate("best").result == repr(PIECES[probabilities.indices[0]])
        second = debugger.stack_trace(hypothesis=2)[0]
        assert second.line == 2
        debugger.resume()
        assert identical(program.result(), [expected])
        words = said(debugger)
    assert "of Attending: 2 rows" in words
    assert "each call is one step" in words


def test_what_is_shown_is_what_was_computed(here, module, given):
    states = module.embedded(given[0])
    weights = module.attention(module.embedded(given[1]), states, states, average_attn_weights=False)[1]
    with attached(here) as debugger:
        program = Program(lambda: debugged(module, given))
        debugger.wait_for_stop()
        to_stage(debugger, "attention")
        for head in range(2):
            shown = debugger.attention(head=head, hypothesis=2)
            assert shown[0].tolist() == weights[1, head, -1].tolist()
        debugger.resume()
        program.result()


def test_an_edit_runs_the_forward_again_with_it(here, module, given):
    expected = module(*given)
    state = [float(place) for place in range(8)]
    by_hand = module.output(torch.tensor(state))
    with attached(here) as debugger:
        program = Program(lambda: debugged(module, given))
        debugger.wait_for_stop()
        to_stage(debugger, "prediction")
        debugger.edit_site("decoder.state", state)
        assert debugger.step().edits
        debugger.resume()
        (changed,) = program.result()
    torch.testing.assert_close(changed[0, -1], by_hand)
    assert torch.equal(changed[1], expected[1])  # the other row, and the other positions
    assert torch.equal(changed[0, :-1], expected[0, :-1])


def test_edits_of_an_output_and_of_the_encoder(here, module, given):
    expected = module(*given)
    with attached(here) as debugger:
        program = Program(lambda: debugged(module, given, times=2))
        debugger.wait_for_stop()
        debugger.edit_site("encoder.states", [0.0] * 8, index=[2])
        debugger.step_in()
        assert debugger.step().stage == "attention"
        to_stage(debugger, "prediction")
        debugger.edit_site("prediction.logits", [math.pi], index=[7])
        debugger.resume()
        changed, second = program.result()
    states = module.embedded(given[0]).clone()
    states[0, 2] = 0.0
    context, _ = module.attention(module.embedded(given[1]), states, states)
    by_hand = module.output(module.norm(context.transpose(1, 2)).transpose(1, 2))
    by_hand[0, -1, 7] = math.pi
    torch.testing.assert_close(changed, by_hand)
    assert torch.equal(second, expected)  # an edit is of its own call alone


def test_an_edit_taken_back_and_a_step_back(here, module, given):
    expected = module(*given)
    with attached(here) as debugger:
        program = Program(lambda: debugged(module, given))
        debugger.wait_for_stop()
        to_stage(debugger, "prediction")
        logit = expected[0, -1, 7].item()
        debugger.edit_site("prediction.logits", [50.0], index=[7])
        assert debugger.step().top[0].id == 7
        debugger.step_back(stage=True)
        to_stage(debugger, "prediction")
        debugger.edit_site("prediction.logits", [logit], index=[7])
        debugger.resume()
        assert identical(program.result(), [expected])


def test_what_cannot_be_edited_is_refused_and_changes_nothing(here, module, given):
    expected = module(*given)
    with attached(here) as debugger:
        program = Program(lambda: debugged(module, given))
        debugger.wait_for_stop()
        to_stage(debugger, "prediction")
        for edit in (
            lambda: debugger.force(3),
            lambda: debugger.edit_site("decoder.cells", [1.0]),
            lambda: debugger.edit_site("decoder.state", [1.0, 2.0, 3.0]),
        ):
            with pytest.raises(Refused):
                edit()
        debugger.resume()
        assert identical(program.result(), [expected])


def test_training_goes_on_as_without_us(here, module, given):
    """Dropout draws once, batch norm counts once, gradients flow."""

    def train(module, debug):
        module.train()
        torch.manual_seed(11)
        with debug:
            module(*given)[1].sum().backward()  # of the row that nobody edits
        return [
            *(parameter.grad for parameter in module.parameters()),
            *module.state_dict().values(),
            torch.rand(4),
        ]

    twin = copy.deepcopy(module)
    expected = train(twin, torch.enable_grad())
    with attached(here) as debugger:
        program = Program(lambda: train(module, s2sdap.debug(module, sites=SITES)))
        debugger.wait_for_stop()
        to_stage(debugger, "prediction")
        debugger.edit_site("prediction.logits", [50.0], index=[7])  # a run more, that must not count
        debugger.resume()
        got = program.result()
    same = [torch.equal(one, other) for one, other in zip(got, expected, strict=True)]
    assert all(same), same


def test_it_is_as_before_once_it_is_let_go(here, module, given):
    before, state = hooks_of(module), copy.deepcopy(module.state_dict())
    with attached(here) as debugger:
        program = Program(lambda: debugged(module, given))
        debugger.wait_for_stop()
        debugger.resume()
        program.result()
    assert hooks_of(module) == before
    assert list(vars(module)) == list(vars(Attending().eval()))
    assert all(torch.equal(state[name], value) for name, value in module.state_dict().items())


@pytest.mark.parametrize("first_out", [0, 1])
def test_blocks_of_one_module_may_close_in_any_order(module, given, first_out):
    before = dict(vars(module))
    blocks = [s2sdap.debug(module, PIECES, sites=SITES) for _ in range(2)]
    for block in blocks:
        block.__enter__()
    blocks.pop(first_out).__exit__(None, None, None)
    assert vars(module) != before  # the other one still sees its calls
    module(*given)
    blocks.pop().__exit__(None, None, None)
    assert vars(module) == before


def test_without_a_client_nothing_is_hooked(here, module, given):
    tensor = torch.ones(3)
    assert s2sdap.probe("attention.weights", tensor) is tensor
    expected, seen = module(*given), []
    module.attention.register_forward_hook(lambda *_: seen.append(len(module.output._forward_hooks)))
    assert identical(debugged(module, given), [expected])
    assert seen == [0]


@pytest.mark.parametrize("edit", [False, True])
def test_a_client_that_vanishes_lets_the_call_run_on(here, module, given, edit):
    expected = module(*given)
    before = hooks_of(module)
    with attached(here) as debugger:
        program = Program(lambda: debugged(module, given, times=2))
        debugger.wait_for_stop()
        to_stage(debugger, "prediction")
        if edit:
            debugger.edit_site("prediction.logits", [50.0], index=[7])
        vanish(debugger)
        first, second = program.result()
    assert torch.equal(first, expected) is not edit
    assert not edit or first[0, -1, 7] == 50.0
    assert torch.equal(second, expected)
    assert hooks_of(module) == before


def test_an_exception_is_the_programs_own(here, module, given):
    before = hooks_of(module)
    with attached(here) as debugger:
        program = Program(lambda: debugged(module, (given[0], given[1].float())))
        with pytest.raises(RuntimeError, match="indices"):
            program.result()
        wait_until(lambda: "raised RuntimeError" in said(debugger))
    assert hooks_of(module) == before


class Layers(nn.Module):
    """Layers in submodules, which give tuples, mappings and things with names."""

    Given = namedtuple("Given", "context weights")

    class Layer(nn.Module):
        def __init__(self, kind):
            super().__init__()
            self.kind = kind
            self.inner = nn.Linear(4, 4)

        def forward(self, states):
            weights = self.inner(states).softmax(-1)
            context = states + weights
            if self.kind == "tuple":
                return Layers.Given(context, weights)
            return {"context": context, "weights": weights}

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([Layers.Layer("tuple"), Layers.Layer("mapping")])

    def forward(self, states):
        first = self.layers[0](states)
        return self.layers[1](first.context + first.weights)["weights"]


def test_layers_come_from_several_submodules_and_any_output(here):
    torch.manual_seed(1)
    module, states = Layers().eval(), torch.randn(2, 4)
    expected = module(states)
    sites = {
        "layers.0:weights": "attention.weights KS",
        "layers.1:weights": "attention.weights KS",
        "layers.0": "decoder.state",
    }
    with attached(here) as debugger:
        program = Program(lambda: debugged(module, (states,), sites=sites))
        debugger.wait_for_stop()
        to_stage(debugger, "attention")
        first = module.layers[0](states).weights
        assert debugger.attention(layer=0)[0].tolist() == first[0].tolist()
        assert debugger.attention(layer=1)[0].tolist() == expected[0].tolist()
        debugger.set_attention([0, 0, 1, 0], layer=0)
        debugger.resume()
        (changed,) = program.result()
    edited = first.clone()
    edited[0] = torch.tensor([0.0, 0.0, 1.0, 0.0])
    by_hand = module.layers[1](module.layers[0](states).context + edited)["weights"]
    torch.testing.assert_close(changed, by_hand)
    assert not torch.equal(changed, expected)


def test_what_does_not_fit_is_told_and_left_alone(here, module, given):
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = module
            self.nothing = nn.Identity()

        def forward(self, *arguments):
            self.nothing("no tensor")
            s2sdap.probe("attention.wieghts", arguments[0])
            s2sdap.probe("decoder.cells", torch.ones(1, 2, 3, 4, 5))
            s2sdap.probe("decoder.layers", torch.ones(7, 3))
            for place in range(3):
                s2sdap.probe("prediction.features", torch.full((2, 4), float(place)))
            return self.inner(*arguments)

    odd = Odd().eval()
    expected = odd(*given)
    with attached(here) as debugger:
        sites = {"nothing": "decoder.layers", "inner.output": "prediction.logits"}
        program = Program(lambda: debugged(odd, given, sites=sites))
        debugger.wait_for_stop()
        to_stage(debugger, "prediction")
        names = {scope.name: scope.variables_reference for scope in debugger.scopes()}
        shown = {each.name: each.value for each in debugger.variables(names["Prediction"])}
        assert "2 to 2" in shown["features"]  # the last of the three
        words = said(debugger)
        debugger.resume()
        assert identical(program.result(), [expected])
    for part in (
        "holds no tensor",
        "no site 'attention.wieghts'",
        "has 5 axes",
        "has 7 rows",
        "prediction.features comes 3 times",
    ):
        assert part in words


@pytest.mark.parametrize("way", ["wrapped", "inside"])
def test_a_compiled_module_runs_eagerly_while_it_is_watched(here, module, given, way):
    expected = module(*given)
    if way == "wrapped":
        compiled = torch.compile(module, backend="eager")
    else:
        module.compile(backend="eager")
        compiled = module
    compiled(*given)  # hooks that are added to what is compiled already are never called
    with attached(here) as debugger:
        program = Program(lambda: debugged(compiled, given))
        debugger.wait_for_stop()
        to_stage(debugger, "prediction")
        assert "is compiled" in said(debugger)
        debugger.resume()
        (got,) = program.result()
    torch.testing.assert_close(got, expected)
    torch.testing.assert_close(compiled(*given), expected)


def test_calls_inside_a_call_and_in_other_threads(here, module, given):
    expected = module(*given)

    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = module

        def forward(self, *arguments):
            return self.inner(*arguments) + self.inner(*arguments)

    outer = Twice().eval()
    with attached(here, stop_on_entry=False) as debugger:
        with (
            s2sdap.debug(module, sites=SITES),
            s2sdap.debug(outer, sites={"inner.output": "prediction.logits"}),
        ):
            programs = [Program(lambda: outer(*given)) for _ in range(3)]
            results = [program.result() for program in programs]
        wait_until(lambda: said(debugger).count("of Twice: 2 rows") == 3)
        assert "of Attending" not in said(debugger)
    assert all(torch.equal(result, expected + expected) for result in results)
