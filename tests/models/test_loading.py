"""What a person writes finds its model, or says what is known."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from small_networks import model_of, small_config

from s2sdap.models import DEFAULT_MODEL
from s2sdap.models.contract import untouched
from s2sdap.models.loading import LoadOptions, bundled_models, load_model
from s2sdap.models.rnn.model import RnnModel
from s2sdap.vocabulary.errors import S2sdapError

ROOT = Path(__file__).parents[2]


def refusal(spec: str, device: str = "cpu") -> S2sdapError:
    with pytest.raises(S2sdapError) as caught:
        load_model(spec, device)
    return caught.value


def test_the_default_is_bundled():
    assert DEFAULT_MODEL in bundled_models()
    model = load_model(DEFAULT_MODEL)
    assert isinstance(model, RnnModel)
    assert (model.name, model.device) == ("dates", torch.device("cpu"))


def test_a_folder_is_a_model(checkpoint_folder, monkeypatch):
    absolute = load_model(str(checkpoint_folder))
    monkeypatch.chdir(checkpoint_folder.parent)
    for spec in ("small", "./small"):
        assert load_model(spec).fingerprint == absolute.fingerprint
    monkeypatch.chdir(checkpoint_folder)
    assert load_model(".").name == "small"


def test_a_bundled_name_goes_before_a_folder(tmp_path, monkeypatch):
    model_of(small_config(), tmp_path / "dates")
    monkeypatch.chdir(tmp_path)
    assert load_model("dates").fingerprint != load_model("./dates").fingerprint


def test_an_unknown_name_lists_the_known_ones():
    error = refusal("datse")
    assert error.name == "unknown_model"
    assert "dates" in error.what


@pytest.mark.parametrize(
    "spec", ["./nowhere", "/nowhere/at/all", "some/where", "~nobody-of-that-name/x", "x/" * 5000, "y" * 500]
)
def test_a_path_that_is_not_there_is_a_missing_checkpoint(spec):
    assert refusal(spec).name == "checkpoint_missing"


@pytest.mark.parametrize("spec", ["", "x:y", ":", "hf:", "a\0b", "Dates", "dates "])
def test_what_is_neither_is_unknown(spec):
    assert refusal(spec).name in {"unknown_model", "checkpoint_missing"}


@pytest.mark.parametrize("scheme", ["joeynmt", "nothing"])
def test_a_family_that_is_not_installed_says_what_it_needs(scheme):
    assert refusal(f"{scheme}:some/model").name == "family_missing"


@pytest.mark.parametrize("device", ["gpu", "cpu:x", "", "meta", "cuda:99", "xpu:7"])
def test_a_device_that_cannot_be_used_is_refused(device):
    error = refusal("dates", device)
    assert (error.name, error.details["device"]) == ("bad_device", device)
    assert "\n" not in error.what


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """An installed distribution that offers `echo:` and, with a module that is not there, `broken:`."""
    (tmp_path / "echo_family.py").write_text(
        "def load(rest, device):\n    return (rest, device)\n"
        "def ask(rest, device, options, more=None):\n    return (rest, device, options, more)\n"
        "def gather(*arguments):\n    return arguments\n"
        "def keyword(rest, device, *, options=None):\n    return (rest, device, options)\n"
    )
    info = tmp_path / "echo_family-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: echo-family\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[s2sdap.models]\necho = echo_family:load\nbroken = not_a_module_at_all:load\n"
        "asks = echo_family:ask\ngathers = echo_family:gather\nkeyword = echo_family:keyword\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("plugin")
def test_a_scheme_is_an_entry_point():
    assert load_model("echo:a/b:c") == ("a/b:c", "cpu")
    assert refusal("echo:x", "gpu").name == "bad_device"
    assert "echo:..." in refusal("other").what


@pytest.mark.usefixtures("plugin")
def test_options_go_to_a_family_that_takes_them():
    options = LoadOptions("bfloat16", "v2", trust_remote_code=True)
    given = {"dtype": "bfloat16", "revision": "v2", "trust_remote_code": True}
    assert load_model("asks:x", **given) == ("x", "cpu", options, None)
    assert load_model("gathers:x", **given) == ("x", "cpu", options)
    assert load_model("asks:x") == ("x", "cpu", LoadOptions(), None)
    assert load_model("keyword:x") == ("x", "cpu", None)


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize("spec", ["echo:x", "keyword:x", "dates"])
@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"dtype": "float32"}, "`dtype`"),
        ({"trust_remote_code": True}, "`trustRemoteCode`"),
        ({"revision": "v2", "dtype": "auto"}, "`dtype` and `revision`"),
    ],
)
def test_options_that_mean_nothing_are_refused(spec, given, named):
    with pytest.raises(S2sdapError) as caught:
        load_model(spec, **given)
    assert caught.value.name == "option_unused"
    assert named in caught.value.what


def test_a_hugging_face_folder_without_its_scheme_is_told(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "marian"}')
    assert refusal(str(tmp_path)).name == "scheme_missing"
    (tmp_path / "config.json").write_text('{"model": "marian"}')
    assert refusal(str(tmp_path)).name == "checkpoint_malformed"


def test_schemes_of_the_package_are_known():
    assert "hf:..., keras:..., opennmt:..." in refusal("unheard-of").what


@pytest.mark.usefixtures("plugin")
def test_an_entry_point_that_cannot_be_imported_says_why():
    error = refusal("broken:x")
    assert error.name == "model_failed"
    assert "not_a_module_at_all" in error.what


def test_names_are_told_without_torch():
    code = (
        "import sys; from s2sdap.models import DEFAULT_MODEL;"
        "from s2sdap.models.loading import bundled_models;"
        "assert DEFAULT_MODEL in bundled_models(); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_a_model_is_the_same_each_time_it_is_loaded():
    first, second = load_model("dates"), load_model("dates")
    assert first.fingerprint == second.fingerprint
    logits = []
    for model in (first, second):
        encoded = model.encode(model.tokenize("24 October 2030"), untouched)
        logits.append(model.step(encoded, model.begin(encoded), torch.tensor([2]), untouched)[0])
    assert torch.equal(*logits)
