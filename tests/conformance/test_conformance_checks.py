"""A sound model passes every check; of the broken ones each fails the check that is meant for it, alone."""

import json

import pytest
import torch
from broken_models import (
    BROKEN,
    LINES,
    IgnoresTheProbe,
    LacksAnAxis,
    MixesRows,
    OneRowOnly,
    RaisesInAStep,
    SelectsInItsOwnOrder,
    Sound,
)
from models.small_networks import further_configs
from tiny_models import CONFIGS, PromptedModel, rnn

from s2sdap.debugger.conformance import CHECKS, Outcome, check_loading, check_model
from s2sdap.models.loading import load_model


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def outcomes(report):
    return {each.name: each.outcome for each in report.findings}


def bad(report):
    return {each.name: each.measured for each in report.findings if each.outcome is not Outcome.PASS}


def test_a_sound_model_passes_everything():
    report = check_loading(Sound, "sound", LINES)
    assert bad(report) == {}
    assert report.passed
    assert report.failed == ()
    assert {each.check for each in report.findings} == {check.name for check in CHECKS}
    assert [each.subject for each in report.of("edits")] == [*Sound.sites, "prediction.logits"]
    assert report.sources == LINES


def test_the_bundled_model_passes_everything():
    report = check_loading(lambda: load_model("dates"), "dates")
    assert bad(report) == {}
    assert report.fingerprint == load_model("dates").fingerprint


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_a_broken_model_fails_the_check_that_is_meant_for_it_and_no_other(broken):
    report = check_loading(broken, "broken", LINES, steps=5)
    assert report.failed == (BROKEN[broken],), bad(report)
    assert not report.passed
    for each in report.of(BROKEN[broken]):
        if each.outcome is Outcome.FAIL:
            assert each.measured
            assert each.remedy


@pytest.mark.parametrize("broken", [SelectsInItsOwnOrder, MixesRows, OneRowOnly])
def test_what_goes_wrong_with_several_hypotheses(broken):
    report = check_loading(broken, "broken", LINES)
    assert set(report.failed) == {"select", "beam"}, bad(report)


def test_an_edit_without_effect_is_told_of_its_site_alone():
    report = check_model(IgnoresTheProbe(), LINES)
    failed = [each.subject for each in report.findings if each.outcome is Outcome.FAIL]
    assert failed == ["attention.context"]


def test_a_site_of_a_wrong_shape_is_not_edited():
    report = check_model(LacksAnAxis(), LINES)
    (found,) = report.of("shapes")
    assert "attention.weights is [1, 1, 7]; it must be [K L H S]" in found.measured
    assert "attention.weights" not in [each.subject for each in report.of("edits")]


def test_what_is_raised_is_told_with_the_last_lines_of_the_traceback():
    report = check_model(RaisesInAStep(), LINES)
    (found,) = report.of("decode")
    assert found.measured == "ZeroDivisionError: the third step is too much"
    assert found.details.endswith("ZeroDivisionError: the third step is too much")
    assert "in advanced" in found.details
    (after,) = report.of("beam")
    assert (after.outcome, after.measured) == (
        Outcome.ABSENT,
        "cannot be told before `determinism` passes",
    )


def test_two_loads_that_differ():
    fingerprints = iter("ab")

    def load():
        model = Sound()
        model.fingerprint = next(fingerprints)
        return model

    report = check_loading(load, "sound", LINES)
    assert report.failed == ("loading",)
    assert "'a'" in report.of("loading")[0].measured


def test_a_model_that_cannot_be_loaded():
    def load():
        raise OSError("the weights are on another planet")

    report = check_loading(load, "far:away")
    assert report.failed == ("loading",)
    assert report.model == "far:away"
    assert "another planet" in report.of("loading")[0].details
    assert len(report.findings) == len(CHECKS)


def test_what_is_no_model_at_all():
    report = check_model(object())
    assert report.failed == ("contract",)
    assert outcomes(report)["decode"] is Outcome.ABSENT


def test_a_model_that_raises_when_it_is_asked_its_name():
    class Shy(Sound):
        examples = 7  # something of its own

        @property
        def name(self):
            raise RuntimeError("I would rather not say")

        @name.setter
        def name(self, value):
            pass

    report = check_model(Shy())
    assert report.failed == ("contract",)
    assert report.model == "Shy"
    assert "I would rather not say" in report.of("contract")[0].measured


@pytest.mark.parametrize("config", [*CONFIGS[:: len(CONFIGS) // 8], *further_configs()[:2]], ids=repr)
def test_every_kind_of_recurrent_network_passes(config):
    report = check_model(rnn(config), ("abcd", "gfh"), steps=6)
    assert report.passed, bad(report)
    shows = "attention.weights" in rnn(config).layout.sites
    expected = {"loading"} if shows else {"loading", "attention"}
    assert set(bad(report)) == expected


@pytest.mark.parametrize("encoder", [True, False])
def test_a_model_without_attention_or_encoder(encoder):
    report = check_model(PromptedModel(encoder=encoder), ("abc", "cab"))
    assert report.passed, bad(report)


def test_checking_leaves_the_model_as_it_was():
    model = Sound()
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    check_model(model, LINES)
    assert all(torch.equal(value, before[name]) for name, value in model.network.state_dict().items())
    assert check_model(model, LINES).passed


def test_lines_are_found_where_none_are_given():
    model = Sound()
    model.examples = ("bad", "cab")
    assert check_model(model).sources == ("bad", "cab")
    short = PromptedModel(encoder=True)  # it has room for 8 tokens
    assert all(len(line) <= 8 for line in check_model(short).sources)


def test_the_report_as_json():
    report = check_model(IgnoresTheProbe(), LINES)
    told = json.loads(report.to_json())
    assert told["passed"] is False
    assert told["sources"] == list(LINES)
    assert [each["check"] for each in told["findings"]] == [each.check for each in report.findings]
    assert {each["outcome"] for each in told["findings"]} == {"pass", "fail", "absent"}
