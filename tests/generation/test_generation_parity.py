"""Every kind of model under every kind of search: stepped, it is plain `generate` to the last bit."""

import pytest
from generating import inputs, model_of

from parity.comparing import differences
from parity.settings import SETTINGS, SPREAD

SHORT = {"max_new_tokens": 6}
FAMILIES = ("marian", "t5", "led", "prophetnet", "encoder-decoder", "fsmt")


def compared(name, settings, batch):
    return differences(model_of(name), inputs(name, batch), {**SHORT, **SETTINGS[settings]})


@pytest.mark.parametrize("name", FAMILIES)
def test_models_that_read_text(name):
    for place, settings in enumerate(SPREAD):
        assert compared(name, settings, 1 + (place + FAMILIES.index(name)) % 2) == [], settings


@pytest.mark.parametrize("settings", SETTINGS)
def test_all_settings_with_an_encoder(settings):
    assert compared("bart", settings, 1 + list(SETTINGS).index(settings) % 2) == []
