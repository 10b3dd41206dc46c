"""`hf:` loads what `from_pretrained` loads, or says what is wrong with the folder."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hf_tiny import BUILDERS, TEXT_NAMES, folder_of, loaded
from safetensors.torch import load_file, save_file

from s2sdap.models.contract import GeneratingModel, Model
from s2sdap.models.loading import load_model
from s2sdap.vocabulary.errors import S2sdapError

ROOT = Path(__file__).parents[2]
RENAMED = ("trocr", "vit_gpt2")  # transformers writes weights of theirs under older names


def refusal(spec, device="cpu", **options):
    with pytest.raises(S2sdapError) as caught:
        load_model(f"hf:{spec}", device, **options)
    assert "\n" not in caught.value.what
    return caught.value


@pytest.fixture
def copy_of(tmp_path):
    """A copy of a tiny model's folder, to be spoiled."""
    return lambda name: Path(shutil.copytree(folder_of(name), tmp_path / name))


def change_config(folder, **changes):
    file = folder / "config.json"
    config = json.loads(file.read_text()) | changes
    file.write_text(json.dumps({key: value for key, value in config.items() if value is not None}))


@pytest.mark.parametrize("name", BUILDERS)
def test_every_kind_is_loaded_as_from_pretrained_does(name):
    model = loaded(name)
    assert isinstance(model, GeneratingModel)
    assert not isinstance(model, Model)
    assert type(model.model).__name__ in model.model.config.architectures
    weights = model.model.state_dict()
    stored = load_file(folder_of(name) / "model.safetensors")
    assert stored.keys() <= weights.keys() or name in RENAMED
    assert all(torch.equal(weights[key], value) for key, value in stored.items() if key in weights)
    assert (model.name, model.device, model.model.training) == (name, torch.device("cpu"), False)


def test_the_models_own_generation_config_is_there(copy_of):
    folder = copy_of("marian")
    file = folder / "generation_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"num_beams": 3, "max_length": 17}))
    config = load_model(f"hf:{folder}").model.generation_config
    assert (config.num_beams, config.max_length) == (3, 17)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (None, torch.float32),
        ("auto", torch.float32),
        ("bfloat16", torch.bfloat16),
        ("float16", torch.float16),
        ("float32", torch.float32),
    ],
)
def test_the_dtype_is_the_one_asked_for(dtype, expected):
    model = load_model(f"hf:{folder_of('marian')}", dtype=dtype)
    assert {weight.dtype for weight in model.model.parameters()} == {expected}
    assert model.inputs(model.tokenize("the cat"))["input_ids"].dtype == torch.long


@pytest.mark.parametrize("dtype", ["float33", "torch.float32", "", "int8"])
def test_an_unknown_dtype_names_the_known_ones(dtype):
    error = refusal(folder_of("marian"), dtype=dtype)
    assert error.name == "bad_dtype"
    assert "bfloat16" in error.what


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "meta"])
def test_a_device_that_cannot_be_used_is_refused(device):
    from s2sdap.models.huggingface.loading import load

    assert refusal(folder_of("marian"), device).name == "bad_device"
    with pytest.raises(S2sdapError) as caught:
        load(str(folder_of("marian")), device)
    assert caught.value.name == "bad_device"


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("./nowhere", "no such folder"),
        ("/nowhere/at/all", "no such folder"),
        ("~/nowhere-of-that-name", "no such folder"),
        ("a/b/c", "no such folder"),
        ("not an id", "no id of the hub"),
        ("x" * 5000, "too long"),
        ("a\0b", "no such folder"),
    ],
)
def test_what_is_neither_folder_nor_id_is_refused(spec, says):
    error = refusal(spec)
    assert error.name == "not_a_model"
    assert says in error.what


def test_a_folder_that_is_no_model_says_what_it_lacks(tmp_path):
    assert "config.json" in refusal(tmp_path).what
    (tmp_path / "adapter_config.json").write_text("{}")
    assert "adapter" in refusal(tmp_path).what
    config = tmp_path / "config.json"
    for text, says in (
        ("{", "config.json"),
        ("[]", "no JSON object"),
        ("{}", "model_type"),
        ('{"model_type": 3}', "model_type"),
        ("\ud800".encode("utf-8", "surrogatepass"), "config.json"),
        ('{"model_type": "marian", "vocab_size": "many"}', "config.json"),
    ):
        config.write_bytes(text if isinstance(text, bytes) else text.encode())
        error = refusal(tmp_path)
        assert error.name == "not_a_model", text
        assert says in error.what, text
    assert "it is a file" in refusal(config).what


def test_an_unknown_model_type_names_it(copy_of):
    folder = copy_of("marian")
    change_config(folder, model_type="marionette")
    error = refusal(folder)
    assert error.name == "model_type_unknown"
    assert "marionette" in error.what


@pytest.mark.parametrize(
    "architecture", ["BertForMaskedLM", "BertForSequenceClassification", "BertForPreTraining"]
)
def test_a_model_that_writes_nothing_is_refused(tmp_path, architecture):
    import transformers

    config = transformers.BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2)
    getattr(transformers, architecture)(config).save_pretrained(tmp_path)
    error = refusal(tmp_path)
    assert error.name == "model_writes_nothing"
    assert architecture in error.what


def test_a_kind_that_never_writes_is_refused(copy_of):
    folder = copy_of("marian")
    change_config(folder, model_type="vit", architectures=["ViTModel"])
    assert refusal(folder).name == "model_writes_nothing"


def test_a_language_model_of_an_encoder_decoder_is_loaded_as_what_it_is(tmp_path):
    """BART's configuration fits two classes: the one that it was saved as is taken."""
    import transformers

    config = transformers.BartConfig(
        vocab_size=300, d_model=16, decoder_layers=1, decoder_attention_heads=2, encoder_layers=1
    )
    transformers.BartForCausalLM(config).save_pretrained(tmp_path)
    for file in folder_of("bart").glob("*token*"):
        shutil.copy(file, tmp_path)
    assert type(load_model(f"hf:{tmp_path}").model).__name__ == "BartForCausalLM"


def test_a_model_saved_without_its_head_is_loaded(tmp_path):
    """Hub folders of BART name the bare model; its head is tied to what is there."""
    import transformers

    bare = transformers.BartModel(loaded("bart").model.config)
    bare.save_pretrained(tmp_path)
    for file in folder_of("bart").glob("*token*"):
        shutil.copy(file, tmp_path)
    assert type(load_model(f"hf:{tmp_path}").model).__name__ == "BartForConditionalGeneration"


def test_missing_weights_are_named_and_not_made_up(copy_of):
    folder = copy_of("marian")
    weights = load_file(folder / "model.safetensors")
    kept = {name: value for name, value in weights.items() if "decoder.layers.1.fc" not in name}
    save_file(kept, folder / "model.safetensors", {"format": "pt"})
    error = refusal(folder)
    assert error.name == "weights_unusable"
    assert "model.decoder.layers.1.fc1.bias" in error.what


def test_weights_of_another_shape_are_named(copy_of):
    folder = copy_of("marian")
    change_config(folder, decoder_ffn_dim=40)
    error = refusal(folder)
    assert error.name == "weights_unusable"
    assert "decoder.layers.0.fc1.weight has [24, 16], config.json asks for [40, 16]" in error.what


def test_many_missing_weights_are_counted(copy_of):
    folder = copy_of("marian")
    save_file({"other": torch.zeros(1)}, folder / "model.safetensors", {"format": "pt"})
    assert "more" in refusal(folder).what


@pytest.mark.parametrize("spoil", ["gone", "cut", "text"])
def test_weights_that_cannot_be_read_are_refused(copy_of, spoil):
    folder = copy_of("marian")
    file = folder / "model.safetensors"
    if spoil == "gone":
        file.unlink()
    elif spoil == "cut":
        file.write_bytes(file.read_bytes()[:500])
    else:
        file.write_text("weights")
    assert refusal(folder).name == "weights_unusable"


def test_pickled_weights_run_nothing(copy_of, tmp_path):
    folder = copy_of("marian")
    (folder / "model.safetensors").unlink()

    class Attack:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    torch.save({"weights": Attack()}, folder / "pytorch_model.bin")
    assert refusal(folder).name == "weights_unusable"
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", TEXT_NAMES)
def test_a_missing_tokenizer_is_refused(copy_of, name):
    """Some of transformers' tokenizers are made empty, without a word, where their files are missing."""
    if name == "byt5":
        return  # it reads bytes and has no files
    folder = copy_of(name)
    for file in folder.iterdir():
        if file.name not in ("config.json", "generation_config.json", "model.safetensors"):
            file.unlink()
    error = refusal(folder)
    assert error.name == "processing_missing"
    assert "tokenizer" in error.what


@pytest.mark.parametrize("name", ["whisper", "speech2text", "moonshine", "trocr", "vit_gpt2"])
def test_a_missing_processor_is_refused(copy_of, name):
    folder = copy_of(name)
    for file in ("processor_config.json", "preprocessor_config.json"):
        (folder / file).unlink(missing_ok=True)
    error = refusal(folder)
    assert error.name == "processing_missing"
    assert ("image processor" if name in RENAMED else "feature extractor") in error.what


CODE = """
import pathlib
pathlib.Path({ran!r}).touch()
from transformers import MarianConfig, MarianMTModel
class OwnConfig(MarianConfig):
    model_type = "own-marian"
class OwnModel(MarianMTModel):
    config_class = OwnConfig
"""


def test_code_beside_the_weights_runs_only_when_trusted(copy_of, tmp_path, monkeypatch):
    folder, ran = copy_of("marian"), tmp_path / "ran"
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    (folder / "own_marian.py").write_text(CODE.format(ran=str(ran)))
    own = {"AutoConfig": "own_marian.OwnConfig", "AutoModelForSeq2SeqLM": "own_marian.OwnModel"}
    change_config(folder, model_type="own-marian", auto_map=own, architectures=["OwnModel"])
    error = refusal(folder)
    assert error.name == "remote_code_refused"
    assert "own_marian.py" in error.what
    assert not ran.exists()
    model = load_model(f"hf:{folder}", trust_remote_code=True)
    assert (type(model.model).__name__, ran.exists()) == ("OwnModel", True)
    assert torch.equal(model.model.lm_head.weight, loaded("marian").model.lm_head.weight)


def test_code_for_a_known_type_is_not_needed(copy_of, tmp_path):
    folder, ran = copy_of("marian"), tmp_path / "ran"
    (folder / "own_marian.py").write_text(CODE.format(ran=str(ran)))
    change_config(folder, auto_map={"AutoModelForSeq2SeqLM": "own_marian.OwnModel"})
    assert type(load_model(f"hf:{folder}").model).__name__ == "MarianMTModel"
    assert not ran.exists()


def test_a_tokenizer_that_is_code_is_refused(copy_of, tmp_path):
    folder, ran = copy_of("marian"), tmp_path / "ran"
    file = folder / "tokenizer_config.json"
    own = {"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": ["own_tokenizer.Own", None]}}
    file.write_text(json.dumps(json.loads(file.read_text()) | own))
    (folder / "own_tokenizer.py").write_text(CODE.format(ran=str(ran)))
    assert refusal(folder).name in ("remote_code_refused", "processing_missing")
    assert not ran.exists()


def test_a_folder_has_no_revisions():
    error = refusal(folder_of("marian"), revision="v2")
    assert (error.name, error.details["option"]) == ("option_unused", "revision")


def run_alone(code, **environment):
    """Run `code` in a process of its own, where the environment decides."""
    whole = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, cwd=ROOT, env=whole, capture_output=True, text=True, timeout=100, check=False
    )


LOADS = "from s2sdap.models.loading import load_model; load_model({spec!r})"


@pytest.mark.parametrize(
    ("environment", "says"),
    [({"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE is set"), ({"HF_ENDPOINT": "http://127.0.0.1:9"}, "refused")],
)
def test_without_the_hub_what_was_fetched_is_used_and_the_rest_refused(tmp_path, environment, says):
    """The cache is laid out as the hub's client lays it out; the endpoint refuses every connection."""
    commit = "0" * 40
    repository = tmp_path / "hub" / "models--some--marian"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    shutil.copytree(folder_of("marian"), repository / "snapshots" / commit)
    code = f"""
import time
from s2sdap.models.huggingface.loading import load
from s2sdap.vocabulary.errors import S2sdapError
model, local = load("some/marian"), load({str(folder_of("marian"))!r})
assert (model.name, model.fingerprint) == ("marian", {loaded("marian").fingerprint!r})
assert model.tokenize("the cat") == local.tokenize("the cat")
began = time.monotonic()
try:
    load("some/other")
except S2sdapError as error:
    assert time.monotonic() - began < 30, time.monotonic() - began
    assert error.name == "hub_unreachable" and {says!r} in error.what, error
else:
    raise SystemExit("loaded")
"""
    done = run_alone(code, HF_HOME=str(tmp_path), **environment)
    assert done.returncode == 0, done.stderr


def test_without_transformers_the_extra_is_named():
    code = f"""
import sys
sys.modules["transformers"] = None  # as Python marks a module that cannot be imported
from s2sdap.vocabulary.errors import S2sdapError
try:
    {LOADS.format(spec="hf:some/model")}
except S2sdapError as error:
    assert error.name == "transformers_missing" and "s2sdap[huggingface]" in str(error), error
else:
    raise SystemExit("loaded")
"""
    done = run_alone(code)
    assert done.returncode == 0, done.stderr


def test_loading_leaves_standard_output_and_error_alone(capfd):
    load_model(f"hf:{folder_of('m2m100')}")
    assert capfd.readouterr() == ("", "")


def test_loading_leaves_the_settings_of_transformers_alone():
    import transformers

    logs = transformers.logging
    before = logs.get_verbosity(), logs.is_progress_bar_enabled()
    load_model(f"hf:{folder_of('t5')}")
    refusal(ROOT)
    assert (logs.get_verbosity(), logs.is_progress_bar_enabled()) == before


def test_memory_that_runs_out_is_told(copy_of):
    """More than the addresses that any machine has; the next model is loaded as if nothing was."""
    folder = copy_of("gpt2")
    change_config(folder, vocab_size=10**13)
    error = refusal(folder)
    assert error.name == "out_of_memory"
    assert "cpu" in error.what
    assert load_model(f"hf:{folder_of('gpt2')}").fingerprint == loaded("gpt2").fingerprint
