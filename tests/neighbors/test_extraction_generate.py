"""States of Hugging Face models: those that the debugger records, from one pass over all positions."""

import random
import shutil

import numpy as np
import pytest
import soundfile
import torch
from debugged_states import BATCHED, by_sentence, check, debugged, everything
from hypothesis import given, settings
from hypothesis import strategies as st
from models.hf_tiny import folder_of, loaded
from PIL import Image
from worded import FAMILIES, ROOM, TEXT, face_of, load, pairs, saved, words

from s2sdap.decoding.forced.checked import Way
from s2sdap.decoding.generation.settings import GenerationSettings
from s2sdap.decoding.planning import planner_for
from s2sdap.models.huggingface.face import HuggingFaceModel
from s2sdap.models.huggingface.loading import quiet
from s2sdap.neighbors.extraction import Extractor, available_sites
from s2sdap.neighbors.states import Pair, StateSite
from s2sdap.vocabulary.errors import S2sdapError

torch.set_num_threads(1)  # sums keep their order

STEPPED = {"prophetnet", "fsmt"}
"""Families whose decoder computes something else of many tokens at once than of one after the other."""
TRANSLATED = (
    ("the cat sat on the mat", "die Katze saß auf der Matte"),
    ("I saw the saw", "I saw the dog"),
    ("über die Brücke gehen", "the dog ran home again"),
)
STATE = StateSite("decoder.state")


@pytest.mark.parametrize("name", TEXT)
def test_every_family_gives_the_states_of_the_debugger(name):
    face = face_of(name)
    extractor, some = everything(face, settings=ROOM), pairs(3)
    assert all(site.site in face.layout.sites for site in extractor.sites)
    together = extractor(some)
    assert extractor.way is (Way.STEPS if name in STEPPED else Way.BATCHES)
    assert extractor.apart < 0.0005
    assert not together.skipped
    for pair in some:
        check(face, pair, by_sentence(together, pair.sentence), BATCHED, ROOM)
    alone = everything(face, settings=ROOM)([some[1]])
    check(face, some[1], by_sentence(alone, 1), 0 if name in STEPPED else BATCHED, ROOM)


@given(st.data())
@settings(max_examples=15, deadline=None)
def test_rows_do_not_depend_on_their_companions(data):
    face = face_of(data.draw(st.sampled_from(("marian", "t5", "bart", "gpt2", "llama"))))
    pool = pairs(10, seed=11)
    chosen = data.draw(st.lists(st.sampled_from(pool), min_size=1, max_size=7, unique=True))
    extracted = everything(face, settings=ROOM)(chosen)
    assert list(dict.fromkeys(extracted[STATE].sentence.tolist())) == [pair.sentence for pair in chosen]
    one = data.draw(st.sampled_from(chosen))
    check(face, one, by_sentence(extracted, one.sentence), BATCHED, ROOM)


@pytest.mark.parametrize("name", ["marian", "t5", "bart", "gpt2", "llama", "bert"])
def test_real_tokenizers_write_what_the_debugger_writes(name):
    model = loaded(name)
    some = [Pair(number, *texts) for number, texts in enumerate(TRANSLATED)]
    extractor = everything(model, settings=ROOM)
    together = extractor(some)
    assert not together.skipped
    for pair in some:
        check(model, pair, by_sentence(together, pair.sentence), BATCHED, ROOM)


def test_a_forced_first_token_is_part_of_the_target():
    model = loaded("m2m100")
    language = model.tokenizer.get_lang_id("en")
    settings = GenerationSettings(given={"forced_bos_token_id": language, "max_new_tokens": 40})
    pair = Pair(0, *TRANSLATED[2])
    extracted = everything(model, settings=settings)([pair, Pair(1, *TRANSLATED[0])])
    check(model, pair, by_sentence(extracted, 0), BATCHED, settings)
    assert extracted[STATE].token[0] == language
    assert extracted[STATE].position[0] == 0


@pytest.mark.parametrize("name", ["marian", "t5", "gpt2"])
def test_without_a_target_the_models_own_output_is_forced(name):
    face = face_of(name)
    few = GenerationSettings(given={"max_new_tokens": 6})
    draw = random.Random(2)
    some = [Pair(number, words(draw)) for number in range(4)]
    extracted = everything(face, settings=few)(some)
    for pair in some:
        plan = planner_for(face, few)(pair.source, sentence=0, line=1, where="here")
        encoder = plan.begin()
        after = encoder.after
        while not after.ended:
            after = plan.step(encoder, after).after
        tokens = plan.best(after)[0].tokens
        states = by_sentence(extracted, pair.sentence)[STATE]
        assert tuple(states["token"]) == tokens
        _, _, exact = debugged(face, pair.source, tokens, few)
        np.testing.assert_allclose(states["vectors"], exact[STATE], atol=0.002, rtol=0.001)


def test_counts_are_those_of_the_tokens_and_dimensions_those_of_the_layout():
    for name in ("marian", "gpt2"):
        face, some = face_of(name), pairs(9)
        extracted = everything(face)(some)
        sizes, widths = dict(face.layout.sizes), available_sites(face)
        for site, states in extracted.items():
            side = "source" if site.of_source else "target"
            end = 0 if site.of_source else 1
            assert len(states) == sum(len(getattr(pair, side).split()) + end for pair in some)
            assert states.vectors.shape == (len(states), widths[site])
        assert widths[STATE] == sizes["D"]
        assert [site.layer for site in widths if site.site == "attention.contexts"] == list(range(sizes["L"]))


@pytest.mark.parametrize("name", ["t5", "pegasus-x", "gpt2"])
def test_nothing_is_left_behind_in_the_model(name, tmp_path):
    with quiet():
        model = load(saved(FAMILIES[name], tmp_path))
    face = HuggingFaceModel.around(model, face_of(name).tokenizer, name=name)
    before = [dict(module.__dict__) for module in model.modules()]
    random_state = torch.get_rng_state()
    assert not everything(face)(pairs(2)).skipped
    with pytest.raises(S2sdapError, match="S2S4504"):
        Extractor(face, [StateSite("decoder.layers", 9)])(pairs(2))
    for module, then in zip(model.modules(), before, strict=True):
        assert module.__dict__.keys() == then.keys()
        assert all(module.__dict__[key] is value for key, value in then.items())
    assert torch.get_rng_state().equal(random_state)


def test_what_has_no_room_is_skipped_with_the_reason():
    marian, gpt2 = face_of("marian"), face_of("gpt2")  # both have 64 positions
    long, short = " ".join(["w12"] * 65), " ".join(["w12"] * 30)
    for model, pair, side, length, limit in (
        (marian, Pair(3, long, "w12"), "source", 65, 64),
        (marian, Pair(3, "w12", long), "target", 66, 64),
        (gpt2, Pair(3, short, " ".join(["w12"] * 35)), "target", 36, 35),
    ):
        extracted = everything(model)([pair, Pair(4, "w12", "w13")])
        (skipped,) = extracted.skipped
        assert skipped.error == S2sdapError(
            "pair_too_long", side=side, sentence=3, length=length, limit=limit
        )
        assert set(extracted[STATE].sentence) == {4}
    fits = everything(gpt2)([Pair(3, short, " ".join(["w12"] * 34))])
    assert not fits.skipped
    assert len(fits[STATE]) == 35


def test_a_layer_too_many_is_refused():
    for site, count in (("encoder.layers", 2), ("decoder.layers", 3), ("attention.contexts", 3)):
        with pytest.raises(S2sdapError, match=rf"S2S4504: {site} has no layer {count}; it has {count}"):
            Extractor(face_of("marian"), [StateSite(site, count)])(pairs(2))
    with pytest.raises(S2sdapError, match=r"S2S4503: gpt2 has no encoder\.states"):
        Extractor(face_of("gpt2"), [StateSite("encoder.states")])


@pytest.mark.parametrize("name", ["bart", "gpt2"])
def test_a_model_without_numbers_gives_rows_that_predict_nothing(name, tmp_path):
    model = HuggingFaceModel.around(loaded(name).model, loaded(name).tokenizer)
    weight = model.model.get_output_embeddings().weight
    before = weight.detach().clone()
    with torch.no_grad():
        weight[20] = torch.nan
    try:
        extracted = everything(model)([Pair(number, *texts) for number, texts in enumerate(TRANSLATED)])
    finally:
        with torch.no_grad():
            weight.copy_(before)
    assert set(extracted[STATE].predicted) == {-1}
    assert set(extracted[STATE].sentence) == {0, 1, 2}


@pytest.mark.parametrize("name", ["whisper", "speech2text", "moonshine"])
def test_recordings_give_states(name, tmp_path):
    some = []
    for number, (seconds, text) in enumerate(((0.5, "a cat"), (0.5, "the"), (0.8, "on"))):
        file = tmp_path / f"{number}.wav"
        time = np.arange(round(seconds * 16000)) / 16000
        soundfile.write(file, (0.3 * np.sin((440 + number) * 2 * np.pi * time)).astype(np.float32), 16000)
        some.append(Pair(number, str(file), text))
    model = loaded(name)
    extractor = everything(model, example=some[0].source, settings=ROOM)
    extracted = extractor(some)
    assert not extracted.skipped
    for pair in some:
        check(model, pair, by_sentence(extracted, pair.sentence), BATCHED, ROOM)


def test_images_give_states(tmp_path, monkeypatch):
    some = []
    for number in range(2):
        pixels = np.random.default_rng(number).integers(0, 255, (60 + number, 48, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        some.append(Pair(number, f"{number}.png", "the mat"))
    model = loaded("trocr")
    example = str(tmp_path / "0.png")
    extractor = everything(model, example=example, settings=ROOM, folder=str(tmp_path))
    extracted = extractor([*some, Pair(7, "none.png", "the mat")])
    (skipped,) = extracted.skipped
    assert (skipped.sentence, skipped.error.name) == (7, "source_file")
    monkeypatch.setattr(model, "base", tmp_path)
    for pair in some:
        check(model, pair, by_sentence(extracted, pair.sentence), BATCHED, ROOM)


def test_an_extractor_of_a_folder_is_made_from_plain_data(tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(folder_of("marian"), folder)
    ours = everything(loaded("marian"), settings=ROOM)
    theirs = Extractor.load(
        f"hf:{folder}", [str(site) for site in ours.sites], generation={"max_new_tokens": 40}
    )
    some = [Pair(number, *texts) for number, texts in enumerate(TRANSLATED)]
    for one, other in zip(ours(some).values(), theirs(some).values(), strict=True):
        for name in one.__slots__:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
