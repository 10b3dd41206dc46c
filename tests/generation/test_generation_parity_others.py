"""Models that listen, look, or only go on: stepped, they are plain `generate` to the last bit."""

import pytest
from generating import inputs, model_of

from parity.comparing import differences
from parity.settings import SETTINGS, SPREAD

SHORT = {"max_new_tokens": 6}
FAMILIES = ("whisper", "trocr", "gpt2", "mistral", "gemma3", "qwen3-next")


def compared(name, settings, batch):
    return differences(model_of(name), inputs(name, batch), {**SHORT, **SETTINGS[settings]})


@pytest.mark.parametrize("name", FAMILIES)
def test_models_of_other_kinds(name):
    for place, settings in enumerate(SPREAD):
        assert compared(name, settings, 1 + (place + FAMILIES.index(name)) % 2) == [], settings


@pytest.mark.parametrize("settings", SETTINGS)
def test_all_settings_without_an_encoder(settings):
    assert compared("llama", settings, 1 + list(SETTINGS).index(settings) % 2) == []


def test_the_comparison_sees_a_difference():
    settings = {"do_sample": True, "logits_processor": [Drifting()]}
    found = differences(model_of("gpt2"), inputs("gpt2"), settings)
    assert any(name.startswith("sequences") for name in found)


class Drifting:
    """A processor that is another one at every call: nothing that steps twice can match it."""

    def __init__(self):
        self.calls = 0

    def __call__(self, input_ids, scores):
        self.calls += 1
        return scores.roll(self.calls, -1)
