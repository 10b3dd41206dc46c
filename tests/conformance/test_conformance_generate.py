"""Hugging Face models pass every check that there is for them; one that is not neutral is caught."""

import pytest
from models.hf_tiny import folder_of, loaded

from s2sdap.debugger.conformance import Outcome, check_loading, check_model
from s2sdap.models.loading import load_model

LINES = ("the cat sat", "die Katze")


def bad(report):
    return {each.name: each.measured for each in report.findings if each.outcome is not Outcome.PASS}


@pytest.mark.parametrize("family", ["marian", "gpt2"])
def test_a_family_passes(family):
    report = check_loading(lambda: load_model(f"hf:{folder_of(family)}"), family, LINES, steps=5)
    assert set(bad(report)) == {"select"}, bad(report)
    assert report.passed
    assert "`generate` gives" in report.of("neutrality")[0].measured
    edited = [each.subject for each in report.of("edits")]
    assert {"attention.weights", "attention.contexts", "decoder.layers", "prediction.logits"} <= set(edited)
    assert ("encoder.layers" in edited) == (family == "marian")


def test_a_plan_that_writes_something_else_than_generate_is_not_neutral(monkeypatch):
    model = load_model(f"hf:{folder_of('marian')}")
    owner = next(kind for kind in type(model.model).__mro__ if kind.__name__ == "GenerationMixin")
    own = owner.generate

    def other_end(self, *args, **kwargs):
        written = own(self, *args, **kwargs)
        if "custom_generate" not in kwargs:  # how the plan prepares
            written[0, -1] += 1
        return written

    monkeypatch.setattr(owner, "generate", other_end)
    report = check_model(model, LINES, steps=4)
    assert report.failed == ("neutrality",), bad(report)


def test_a_model_can_be_checked_twice():
    first, second = (check_model(loaded("llama"), LINES, steps=4) for _ in range(2))
    assert (first.failed, second.failed) == ((), ()), bad(first)
    assert [each.outcome for each in first.findings] == [each.outcome for each in second.findings]
