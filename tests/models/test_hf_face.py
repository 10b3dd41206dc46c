"""What a Hugging Face model says of itself holds: its layout, its limits, what its `generate` is given."""

import gc
import subprocess
import sys
import warnings
import weakref

import pytest
import torch
from hf_tiny import TEXT_NAMES, loaded
from taps_probes import fresh, traces

from parity.families import FAMILIES, inputs_of
from s2sdap.models.contract import GeneratingModel
from s2sdap.models.huggingface.face import HuggingFaceModel
from s2sdap.models.huggingface.layout import source_limit
from s2sdap.models.tokens import Source
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage


@pytest.fixture(scope="module", params=FAMILIES)
def family(request):
    from s2sdap.models.huggingface.loading import quiet

    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(5)
        return FAMILIES[request.param], FAMILIES[request.param].build()


def test_every_family_has_a_face(family):
    kind, built = family
    model = HuggingFaceModel.around(built)
    assert isinstance(model, GeneratingModel)
    first = () if kind.kind == "decoder-only" else (Stage.ENCODER,)
    assert model.layout.stages == (*first, Stage.ATTENTION, Stage.DECODER, Stage.PREDICTION, Stage.SEARCH)
    order = [model.layout.stages.index(sites.SITES[site].stage) for site in model.layout.sites]
    assert order == sorted(order)
    sizes = dict(model.layout.sizes)
    inputs = inputs_of(kind, built, batch=2)
    start = (
        {} if kind.kind == "decoder-only" else {"decoder_input_ids": torch.tensor([[model.target.bos]] * 2)}
    )
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        out = built(**inputs, **start, output_hidden_states=True)
    assert (sizes["V"], len(model.target)) == (out.logits.shape[-1],) * 2
    states = out.hidden_states if kind.kind == "decoder-only" else out.decoder_hidden_states
    assert sizes["D"] == states[1].shape[-1]  # the last of OPT is projected
    sources = model.sources_of(inputs)
    assert len(sources) == 2
    if kind.kind != "decoder-only":
        encoded = out.encoder_last_hidden_state
        assert {len(source.tokens) for source in sources} == {encoded.shape[1]}
        assert sizes["D of an encoder state"] == encoded.shape[2]
    else:
        assert {len(source.tokens) for source in sources} == {inputs["input_ids"].shape[1]}
    assert model.layout.parameters == sum(weight.numel() for weight in built.parameters())


def test_the_longest_source_is_the_longest_that_can_be_read(family):
    kind, built = family
    if kind.kind not in ("encoder-decoder", "decoder-only"):
        assert HuggingFaceModel.around(built).max_source_length is None
        return
    limit = source_limit(built)
    read = built.get_encoder() if built.config.is_encoder_decoder else built

    def reads(length):
        ids = torch.randint(10, 80, (1, length))
        try:
            read(input_ids=ids, attention_mask=torch.ones_like(ids))
        except (IndexError, RuntimeError):
            return False
        return True

    if limit is None:
        assert reads(200)
    else:
        assert reads(limit)
        assert not reads(limit + 1) or kind.name == "prophetnet"  # which reads on, and uses its last position


@pytest.mark.parametrize("name", TEXT_NAMES)
def test_generate_is_given_what_the_tokenizer_gives(name):
    model = loaded(name)
    line = "the cat  saß 😀"
    expected = model.tokenizer(line, return_tensors="pt")
    inputs = model.inputs(model.tokenize(line))
    assert inputs.keys() == {"input_ids", "attention_mask"}
    for key, value in inputs.items():
        assert torch.equal(value, expected[key])
        assert value.dtype == expected[key].dtype


def test_an_empty_line_has_a_batch_of_one():
    source = loaded("gpt2").tokenize("")
    assert source == Source("", ())
    assert loaded("gpt2").inputs(source)["input_ids"].shape == (1, 0)


def test_a_tokenizer_of_another_model_is_told():
    model = HuggingFaceModel.around(loaded("t5").model, loaded("gpt2").tokenizer)
    with pytest.raises(S2sdapError) as caught:
        model.tokenize("the cat 😀")
    assert caught.value.name == "tokenizer_foreign"


def test_a_source_that_no_line_can_name_is_refused():
    import transformers

    text = {"hidden_size": 8, "num_layers": 1, "num_heads": 2, "d_ff": 8, "d_kv": 4, "vocab_size": 30}
    seen = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "d_ff": 8, "d_kv": 4}
    config = transformers.Pix2StructConfig(text_config=text, vision_config=seen)
    model = HuggingFaceModel.around(transformers.Pix2StructForConditionalGeneration(config))
    with pytest.raises(S2sdapError) as caught:
        model.tokenize("a.png")
    assert (caught.value.name, caught.value.details["argument"]) == ("source_kind", "flattened_patches")


def test_a_model_without_its_processor_says_so():
    for name in ("whisper", "trocr", "marian"):
        with pytest.raises(S2sdapError) as caught:
            HuggingFaceModel.around(loaded(name).model).tokenize("a.wav")
        assert caught.value.name == "processing_missing"


def test_taps_that_stay_are_taken_out_when_their_model_is_let_go():
    model = fresh("marian")
    before = traces(model)
    face = HuggingFaceModel.around(model)
    face.stay_tapped()
    face.stay_tapped()
    assert traces(model) != before
    gone = weakref.ref(face)
    del face
    gc.collect()
    assert gone() is None
    assert traces(model) == before


def test_taps_that_stay_are_taken_out_before_python_ends(tmp_path):
    """Later there may be no locks any more: whoever still holds the model would read a traceback."""
    model = loaded("marian")
    model.model.save_pretrained(tmp_path)
    model.tokenizer.save_pretrained(tmp_path)
    code = """if True:
        import atexit, sys
        kept = []
        traces = lambda: print(sum("forward" in vars(each) for each in kept[0].model.modules()))
        atexit.register(traces)  # what is registered first runs last
        from s2sdap.models.loading import load_model
        kept.append(load_model("hf:" + sys.argv[1]))
        kept[0].stay_tapped()
        traces()
    """
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    during, after = map(int, done.stdout.split())
    assert during > after == 0
