"""`generate` in a process that was attached to: what it returns, with stops, steps back and edits."""

import pytest
import torch
from attaching import Program, attached, hooks_of, identical, said, vanish, wait_until
from transformers import GenerationMixin

import s2sdap

PLAIN = {"max_new_tokens": 7}
ALL = {
    "return_dict_in_generate": True,
    "output_scores": True,
    "output_logits": True,
    "output_attentions": True,
    "output_hidden_states": True,
}
SETTINGS = {
    "greedy": {},
    "greedy, all outputs": ALL,
    "beams": {"num_beams": 3, "num_return_sequences": 2},
    "beams, all outputs": {"num_beams": 3, "num_return_sequences": 2, **ALL},
    "sampling": {"do_sample": True, "num_return_sequences": 2, "top_k": 9},
    "beam sampling, all outputs": {"do_sample": True, "num_beams": 2, **ALL},
}


def called(model, inputs, settings, seed=5):
    """What a call returns, and the random numbers that come next."""
    torch.manual_seed(seed)
    return model.generate(**inputs, **PLAIN, **settings), torch.rand(3)


def debugged(model, inputs, settings=None, **options):
    with s2sdap.debug(model, **options):
        return called(model, inputs, settings or {})


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("stops", [False, True], ids=["no stop", "stops and steps back"])
def test_it_returns_what_generate_returns(here, bart, settings, stops):
    model, inputs = bart
    if settings.get("output_attentions"):
        model.set_attn_implementation("eager")
    try:
        expected = called(model, inputs, settings)
        with attached(here, stop_on_entry=stops) as debugger:
            program = Program(lambda: debugged(model, inputs, settings))
            if stops:
                assert debugger.wait_for_stop().reason == "entry"
                assert [debugger.next().reason for _ in range(4)] == ["step"] * 4
                assert debugger.step_back().reason == "step"
                assert debugger.step_back(stage=True).reason == "step"
                assert debugger.step().step == 2
                assert debugger.step_in().reason == "step"
                debugger.reverse_continue()
                debugger.resume()
            assert identical(program.result(), expected)
    finally:
        model.set_attn_implementation("sdpa")


def test_a_model_that_is_let_go_is_as_before(here, bart):
    model, inputs = bart
    original = vars(GenerationMixin)["generate"]
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    hooks, config, generation = hooks_of(model), model.config.to_dict(), model.generation_config.to_dict()
    attention = model.config._attn_implementation
    with attached(here) as debugger:
        program = Program(lambda: debugged(model, inputs))
        debugger.wait_for_stop()
        debugger.next()
        assert hooks_of(model) != hooks  # or else nothing is proved by the end
        debugger.resume()
        program.result()
    assert vars(GenerationMixin)["generate"] is original
    assert hooks_of(model) == hooks
    assert model.config.to_dict() == config
    assert type(model.config._attn_implementation) is str
    assert model.config._attn_implementation == attention
    assert model.generation_config.to_dict() == generation
    assert all(torch.equal(model.state_dict()[name], value) for name, value in weights.items())


def test_without_a_client_nothing_is_hooked(here, bart):
    model, inputs = bart
    hooks, seen = hooks_of(model), []

    def looking(_ids, scores):
        seen.append(hooks_of(model) == hooks)
        return scores

    expected = called(model, inputs, {})
    with s2sdap.debug(model):
        again = called(model, inputs, {"logits_processor": [looking]})
    assert identical(again, expected)
    assert seen == [True] * PLAIN["max_new_tokens"]


def test_a_forced_token_is_in_what_generate_returns(here, bart):
    model, inputs = bart
    expected, _ = called(model, inputs, {})
    with attached(here) as debugger:
        program = Program(lambda: debugged(model, inputs))
        debugger.wait_for_stop()
        debugger.next()
        debugger.next()
        debugger.force("#45")
        debugger.resume()
        changed, _ = program.result()
    assert changed[0, 2] == 45
    assert changed[0, 2] != expected[0, 2]
    assert torch.equal(changed[1, : expected.shape[1]], expected[1])  # the other sentence is another's


def test_an_edit_that_is_taken_back_leaves_no_trace(here, bart):
    model, inputs = bart
    expected = called(model, inputs, {"do_sample": True})
    with attached(here) as debugger:
        program = Program(lambda: debugged(model, inputs, {"do_sample": True}))
        debugger.wait_for_stop()
        debugger.next()
        debugger.next()
        chosen = debugger.step().token.id
        debugger.force("#45")
        debugger.next()
        debugger.step_back()
        assert debugger.step().token.id == 45
        debugger.force(chosen)
        debugger.resume()
        assert identical(program.result(), expected)


def test_an_edited_state_changes_the_rest(here, bart):
    model, inputs = bart
    expected, _ = called(model, inputs, {"num_beams": 2})
    with attached(here) as debugger:
        program = Program(lambda: debugged(model, inputs, {"num_beams": 2}))
        debugger.wait_for_stop()
        debugger.next()
        debugger.next()
        debugger.edit_site("decoder.state", [8.0, -8.0] * (model.config.d_model // 2))
        changed_step = debugger.step()
        debugger.resume()
        changed, _ = program.result()
    assert changed_step.edits
    assert not torch.equal(changed[0, : expected.shape[1]], expected[0])


@pytest.mark.parametrize("edit", [False, True])
def test_a_client_that_vanishes_lets_the_call_run_on(here, bart, edit):
    model, inputs = bart
    hooks, expected = hooks_of(model), called(model, inputs, {"num_beams": 2})
    with attached(here) as debugger:
        program = Program(lambda: debugged(model, inputs, {"num_beams": 2}))
        debugger.wait_for_stop()
        debugger.next()
        debugger.next()
        debugger.step_back()
        if edit:
            debugger.force("#45")
        vanish(debugger)
        result = program.result()
    assert identical(result, expected) is not edit
    assert not edit or 45 in result[0][0]
    assert hooks_of(model) == hooks
    with attached(here) as debugger:  # another may come
        program = Program(lambda: debugged(model, inputs, {"num_beams": 2}))
        assert debugger.wait_for_stop().reason == "entry"
        debugger.disconnect()
        assert identical(program.result(), expected)


def test_a_client_that_leaves_while_it_runs(here, bart):
    model, inputs = bart
    expected = called(model, inputs, {})
    reached, left = [], []

    def slowly(_ids, scores):
        reached.append(True)
        if len(reached) == 3:
            wait_until(lambda: left)
        return scores

    with attached(here, stop_on_entry=False) as debugger:
        program = Program(lambda: debugged(model, inputs, {"logits_processor": [slowly]}))
        wait_until(lambda: len(reached) == 3)
        vanish(debugger)
        left.append(True)
        assert identical(program.result(), expected)
    assert len(reached) == PLAIN["max_new_tokens"]  # each step once


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_it_runs_in_the_mode_of_its_caller(here, bart, mode):
    model, inputs = bart
    with mode():
        expected = called(model, inputs, {**ALL, "output_attentions": False})

    def work():
        with mode():
            return debugged(model, inputs, {**ALL, "output_attentions": False})

    with attached(here) as debugger:
        program = Program(work)
        debugger.wait_for_stop()
        assert debugger.next().text == ""
        assert debugger.attention().shape[1] == inputs["input_ids"].shape[1]
        before = debugger.step().token.id
        debugger.force("#45")
        debugger.force(before)
        debugger.next()
        debugger.step_back()
        debugger.resume()
        assert identical(program.result(), expected)


def test_calls_of_several_threads_take_turns(here, bart):
    model, inputs = bart
    expected = called(model, inputs, {})[0]
    with attached(here) as debugger, s2sdap.debug(model):
        programs = [Program(lambda: model.generate(**inputs, **PLAIN)) for _ in range(2)]
        debugger.wait_for_stop()
        wait_until(lambda: all(program.is_alive() for program in programs))
        assert said(debugger).count("generate call") == 1
        debugger.resume()
        results = [program.result() for program in programs]
        assert said(debugger).count("generate call") == 2
    assert all(torch.equal(result, expected) for result in results)


def test_several_models_have_names_and_others_are_let_be(here, bart):
    model, inputs = bart
    twin, stranger = (type(model)(model.config).eval() for _ in range(2))
    with attached(here, stop_on_entry=False) as debugger:
        with s2sdap.debug(model, name="student"), s2sdap.debug(twin, name="teacher"):
            for each in (model, twin, stranger, model):
                each.generate(**inputs, **PLAIN)
        model.generate(**inputs, **PLAIN)
        wait_until(lambda: said(debugger).count("of student") == 2)
        words = said(debugger)
    assert words.count("generate call") == 3
    assert words.index("of student") < words.index("of teacher")


def test_what_a_call_raises_is_raised_where_it_was_made(here, bart):
    model, inputs = bart
    hooks, mine = hooks_of(model), ValueError("mine")

    def failing(ids, scores):
        if ids.shape[1] == 4:
            raise mine
        return scores

    with attached(here, stop_on_entry=False) as debugger:
        program = Program(lambda: debugged(model, inputs, {"logits_processor": [failing]}))
        stop = debugger.wait_for_stop()
        assert stop.reason == "exception"
        assert "ValueError: mine" in stop.text
        assert hooks_of(model) != hooks
        debugger.resume()
        with pytest.raises(ValueError, match="mine") as caught:
            program.result()
        assert caught.value is mine
        assert hooks_of(model) == hooks
        program = Program(lambda: debugged(model, inputs, {"num_beams": 2, "num_return_sequences": 3}))
        with pytest.raises(ValueError, match="num_return_sequences"):
            program.result()
        wait_until(lambda: "raised ValueError" in said(debugger))
        assert hooks_of(model) == hooks


def test_an_error_can_be_stepped_around(here, bart):
    model, inputs = bart

    def failing(ids, scores):
        if (ids[:, 2:3] != 45).any() and ids.shape[1] == 4:
            raise ValueError("not 45")
        return scores

    one = {name: value[:1] for name, value in inputs.items()}
    with attached(here, stop_on_entry=False) as debugger:
        program = Program(lambda: debugged(model, one, {"logits_processor": [failing]}))
        assert debugger.wait_for_stop().reason == "exception"
        assert debugger.step().step == 2  # it has failed in the one after
        debugger.step_back()
        debugger.force("#45")
        debugger.resume()
        result, _ = program.result()
    assert result[0, 2] == 45


def test_what_cannot_be_stepped_runs_as_it_is(here, bart):
    model, inputs = bart
    one = {name: value[:1] for name, value in inputs.items()}

    def own_loop(model, input_ids, **_kwargs):
        return input_ids + 1

    cases = [
        ({"assistant_model": model}, "drafted"),
        ({"prompt_lookup_num_tokens": 2}, "drafts"),
        ({"custom_generate": own_loop}, "loop of its own"),
        ({"guidance_scale": 1.5}, "second decode"),
    ]
    with attached(here) as debugger:
        for settings, why in cases:
            torch.manual_seed(5)
            try:
                expected = model.generate(**one, **PLAIN, **settings)
            except ValueError:  # this family has no such kind of call at all
                continue
            assert identical(Program(lambda each=settings: debugged(model, one, each)[0]).result(), expected)
            wait_until(lambda part=why: "cannot be stepped" in said(debugger))
            assert "runs undebugged" in said(debugger)
        assert debugger.stop is None


def test_a_generate_inside_a_generate_is_not_debugged(here, bart):
    model, inputs = bart
    inner = []

    def asking(_ids, scores):
        inner.append(model.generate(**inputs, **PLAIN))
        return scores

    expected = called(model, inputs, {})
    with attached(here, stop_on_entry=False) as debugger:
        program = Program(lambda: debugged(model, inputs, {"logits_processor": [asking]}))
        assert identical(program.result(), expected)
        assert said(debugger).count("generate call") == 1
    assert all(torch.equal(each, expected[0]) for each in inner)


def test_a_streamer_gets_what_was_decided(here, bart):
    model, inputs = bart
    one = {name: value[:1] for name, value in inputs.items()}

    class Streamer:
        def __init__(self):
            self.got = []

        def put(self, value):
            self.got.append(value.tolist())

        def end(self):
            self.got.append("end")

    plain, ours = Streamer(), Streamer()
    model.generate(**one, **PLAIN, streamer=plain)
    with attached(here, stop_on_entry=False):
        Program(lambda: debugged(model, one, {"streamer": ours})).result()
    assert ours.got == plain.got


@pytest.mark.parametrize("way", ["wrapped", "inside"])
def test_a_compiled_model_is_stepped_eagerly_and_says_so(here, bart, way):
    model, inputs = bart
    twin = type(model)(model.config).eval()
    twin.generation_config = model.generation_config
    twin.load_state_dict(model.state_dict())
    expected = called(model, inputs, {})
    compiled = torch.compile(twin, backend="eager") if way == "wrapped" else twin
    if way == "inside":
        twin.compile(backend="eager")
    with attached(here) as debugger:

        def work():
            with s2sdap.debug(compiled):
                return called(compiled, inputs, {})

        program = Program(work)
        debugger.wait_for_stop()
        debugger.next()
        assert debugger.attention().shape[1] == inputs["input_ids"].shape[1]
        debugger.resume()
        assert identical(program.result(), expected)
        assert "is compiled" in said(debugger)
