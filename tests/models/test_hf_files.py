"""Recordings and images as sources: read, bounded, cut into frames and patches that stand where they say."""

import math
import os
import struct
import zlib

import numpy as np
import pytest
import soundfile
import torch
from hf_tiny import loaded
from PIL import Image

from s2sdap.models.huggingface import audio, image, source_files
from s2sdap.models.huggingface.resampling import resample
from s2sdap.vocabulary.errors import S2sdapError

SPEECH = ("whisper", "speech2text", "moonshine")
VISION = ("trocr", "vit_gpt2")


def tone(seconds=0.5, rate=16000, channels=1, frequency=440.0):
    time = np.arange(round(seconds * rate)) / rate
    wave = (0.3 * np.sin(2 * math.pi * frequency * time)).astype(np.float32)
    return np.stack([wave] * channels, axis=1)


@pytest.fixture
def recording(tmp_path):
    def write(name="a.wav", seconds=0.5, rate=16000, channels=1, **options):
        soundfile.write(tmp_path / name, tone(seconds, rate, channels), rate, **options)
        return tmp_path / name

    return write


@pytest.fixture
def picture(tmp_path):
    def write(name="a.png", size=(48, 60), mode="RGB"):
        pixels = np.random.default_rng(3).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(pixels).convert(mode).save(tmp_path / name)
        return tmp_path / name

    return write


def refusal(model, line, base=None):
    with pytest.raises(S2sdapError) as caught:
        model.tokenize(str(line), base=base)
    assert caught.value.name == "source_file"
    return caught.value.what


@pytest.mark.parametrize("name", SPEECH)
@pytest.mark.parametrize("seconds", [0.3, 0.5, 0.98])
def test_there_is_a_token_for_every_encoder_state(name, seconds, recording):
    model = loaded(name)
    source = model.tokenize(str(recording(seconds=seconds)))
    inputs = model.inputs(source)
    with torch.no_grad():
        states = model.model.get_encoder()(**inputs)[0]
    assert len(source.tokens) == states.shape[1]
    assert all(token.span is None and token.known for token in source.tokens)
    assert [token.id for token in source.tokens] == list(range(len(source.tokens)))


@pytest.mark.parametrize("name", SPEECH)
def test_what_generate_is_given_is_the_extractors_own_output(name, recording):
    model = loaded(name)
    path = recording()
    extractor = model.processing.feature_extractor
    wave, _ = soundfile.read(path, dtype="float32")
    expected = extractor(wave, sampling_rate=16000, return_tensors="pt")
    inputs = model.inputs(model.tokenize(str(path)))
    assert inputs.keys() == expected.keys()
    for key, value in expected.items():
        assert torch.equal(inputs[key], value), key
    out = model.model.generate(**inputs, max_new_tokens=3)
    assert isinstance(model.target.text(out[0].tolist()), str)


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("whisper", ["0.00s", "0.02s", "0.04s"]),
        ("speech2text", ["0.00s", "0.04s", "0.08s"]),
        ("moonshine", ["0.000s", "0.024s", "0.048s"]),
    ],
)
def test_frames_are_told_by_their_time(name, times, recording):
    """A frame is two, four and 384 steps of what these encoders read."""
    tokens = loaded(name).tokenize(str(recording())).tokens
    assert [token.piece for token in tokens[:3]] == times


def test_frames_past_the_end_of_the_recording_are_told(recording):
    pieces = [token.piece for token in loaded("whisper").tokenize(str(recording(seconds=0.5))).tokens]
    assert (pieces[24], pieces[25], pieces[-1]) == ("0.48s", "0.50s (past the end)", "0.98s (past the end)")
    assert not any("past" in token.piece for token in loaded("moonshine").tokenize(str(recording())).tokens)


def test_the_frames_are_where_the_sound_is(recording, tmp_path):
    """Half a second of silence, then a tone: the encoder's states change at the frame of 0.5 s."""
    wave = np.concatenate([np.zeros((8000, 1), np.float32), tone(0.4)])
    soundfile.write(tmp_path / "late.wav", wave, 16000)
    soundfile.write(tmp_path / "none.wav", np.zeros((14400, 1), np.float32), 16000)
    model = loaded("moonshine")
    frames = {}
    for name in ("late", "none"):
        source = model.tokenize(f"{name}.wav", base=tmp_path)
        values = model.inputs(source)["input_values"]
        frames[name] = torch.nn.functional.conv1d(
            values[:, None], model.model.get_encoder().conv1.weight, stride=384
        )
    changed = (frames["late"] - frames["none"]).abs().amax(dim=(0, 1)) > 1e-6
    first = int(changed.nonzero()[0])
    assert float(source.tokens[first].piece.removesuffix("s")) == pytest.approx(0.5, abs=0.025)


def test_other_rates_and_channels_are_made_one(recording):
    model = loaded("moonshine")
    plain = model.inputs(model.tokenize(str(recording())))["input_values"]
    for name, rate, channels in (("b.wav", 44100, 2), ("c.flac", 48000, 1), ("d.ogg", 8000, 2)):
        path = recording(name, rate=rate, channels=channels)
        other = model.inputs(model.tokenize(str(path)))["input_values"]
        assert other.shape == plain.shape
        assert (other - plain)[:, 300:-300].abs().max() < (0.02 if name.endswith("ogg") else 2e-3)


@pytest.mark.parametrize(("rate", "wanted"), [(44100, 16000), (8000, 16000), (22050, 16000), (48000, 16000)])
def test_resampling_keeps_what_both_rates_can_hold(rate, wanted):
    wave = torch.from_numpy(tone(0.4, rate, frequency=1000.0)[:, 0]).double()
    out = resample(wave, rate, wanted)
    exact = torch.from_numpy(tone(0.4, wanted, frequency=1000.0)[:, 0]).double()
    assert len(out) == math.ceil(len(wave) * wanted / rate)
    assert (out[: len(exact)] - exact)[200:-200].abs().max() < 1e-4


def test_resampling_drops_what_the_lower_rate_cannot_hold():
    high = torch.from_numpy(tone(0.4, 48000, frequency=9000.0)[:, 0]).double()
    assert resample(high, 48000, 16000)[200:-200].abs().max() < 1e-3
    assert resample(torch.ones(500), 48000, 16000)[40:-40].sub(1).abs().max() < 1e-5
    assert torch.equal(resample(high, 16000, 16000), high)


def test_whisper_refuses_what_it_would_cut_off(recording):
    said = refusal(loaded("whisper"), recording(seconds=1.2))
    assert "1.20 s" in said
    assert "1 s at a time" in said


@pytest.mark.parametrize("name", SPEECH)
def test_recordings_that_cannot_be_read_are_refused_with_their_line(name, tmp_path, recording, monkeypatch):
    model = loaded(name)
    (tmp_path / "text.wav").write_text("no sound")
    soundfile.write(tmp_path / "empty.wav", np.zeros((0, 1), np.float32), 16000)
    (tmp_path / "nothing").touch()
    (tmp_path / "folder").mkdir()
    pipes = ["pipe"] if hasattr(os, "mkfifo") else []
    for pipe in pipes:
        os.mkfifo(tmp_path / pipe)
    for line in ("gone.wav", "text.wav", "empty.wav", "nothing", "folder", *pipes, "a\0b", "x" * 5000, "   "):
        assert repr(line) in refusal(model, line, tmp_path)
    recording()
    monkeypatch.setattr(audio, "MAX_SAMPLES", 7999)
    assert "7999 samples" in refusal(model, "a.wav", tmp_path)
    monkeypatch.setattr(source_files, "MAX_FILE_BYTES", 99)
    assert "the limit is 99" in refusal(model, "a.wav", tmp_path)


def test_samples_that_are_no_numbers_are_refused(tmp_path):
    wave = tone()
    wave[7] = np.nan
    soundfile.write(tmp_path / "nan.wav", wave, 16000, subtype="FLOAT")
    assert "no numbers" in refusal(loaded("moonshine"), "nan.wav", tmp_path)


@pytest.mark.parametrize("name", ["speech2text", "moonshine"])
def test_a_recording_shorter_than_a_frame_is_refused(name, recording):
    refusal(loaded(name), recording(seconds=0.004))


def test_a_path_is_from_the_programs_folder(recording, tmp_path, monkeypatch):
    model = loaded("moonshine")
    recording()
    monkeypatch.chdir("/")
    assert model.tokenize("a.wav", base=tmp_path).tokens
    monkeypatch.setattr(model, "base", tmp_path)
    assert model.tokenize(" a.wav ").tokens
    monkeypatch.setattr(model, "base", None)
    monkeypatch.chdir(tmp_path)
    source = model.tokenize("a.wav")
    monkeypatch.chdir("/")
    assert model.inputs(source)["input_values"].shape[1] == 8000


def test_a_file_that_changed_is_not_read_as_another(recording, picture):
    for model, path, again in (
        (loaded("moonshine"), recording(), lambda: recording(seconds=0.3)),
        (loaded("trocr"), picture(), lambda: picture(size=(20, 20))),
    ):
        source = model.tokenize(str(path))
        again()
        with pytest.raises(S2sdapError, match="has changed"):
            model.inputs(source)
        path.unlink()
        with pytest.raises(S2sdapError, match="No such file"):
            model.inputs(source)


@pytest.mark.parametrize("name", VISION)
def test_patches_are_told_by_row_column_and_box(name, picture):
    model = loaded(name)
    source = model.tokenize(str(picture(size=(48, 60))))
    pieces = [token.piece for token in source.tokens]
    assert pieces[:3] == ["[CLS]", "r0c0 0,0-16,20", "r0c1 16,0-32,20"]
    assert pieces[-1] == "r2c2 32,40-48,60"
    inputs = model.inputs(source)
    with torch.no_grad():
        assert len(pieces) == model.model.get_encoder()(**inputs)[0].shape[1]
    out = model.model.generate(**inputs, max_new_tokens=3)
    assert isinstance(model.target.text(out[0].tolist()), str)


@pytest.mark.parametrize("name", VISION)
def test_what_generate_is_given_is_the_processors_own_output(name, picture):
    model = loaded(name)
    path = picture()
    processor = getattr(model.processing, "image_processor", model.processing)
    with Image.open(path) as opened:
        expected = processor(opened.convert("RGB"), return_tensors="pt")["pixel_values"]
    assert torch.equal(model.inputs(model.tokenize(str(path)))["pixel_values"], expected)


def test_a_box_is_where_the_encoder_looks(picture, tmp_path):
    """Only the patch whose box was painted over gets other embeddings."""
    model = loaded("trocr")
    path = picture(size=(48, 60))
    before, source = model.inputs(model.tokenize(str(path))), model.tokenize(str(path))
    left, top, right, bottom = (16, 20, 32, 40)
    at = [token.piece for token in source.tokens].index(f"r1c1 {left},{top}-{right},{bottom}")
    with Image.open(path) as opened:
        painted = opened.convert("RGB")
    painted.paste((255, 255, 255), (left + 5, top + 7, right - 5, bottom - 7))
    painted.save(tmp_path / "painted.png")
    after = model.inputs(model.tokenize(str(tmp_path / "painted.png")))
    embed = model.model.get_encoder().embeddings
    with torch.no_grad():
        changed = (embed(before["pixel_values"]) - embed(after["pixel_values"])).abs().amax(dim=(0, 2)) > 1e-6
    assert changed.nonzero().flatten().tolist() == [at]


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK"])
def test_images_of_any_colours_are_read(mode, picture):
    name = "a.tiff" if mode == "CMYK" else "a.png"
    assert len(loaded("trocr").tokenize(str(picture(name, mode=mode))).tokens) == 10


def test_images_that_cannot_be_read_are_refused_with_their_line(tmp_path, picture, monkeypatch):
    model = loaded("trocr")
    (tmp_path / "text.png").write_text("no image")
    whole = picture("cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    for line in ("gone.png", "text.png", "cut.png", "."):
        assert repr(line) in refusal(model, line, tmp_path)
    picture()
    monkeypatch.setattr(image, "MAX_PIXELS", 100)
    assert "100 pixels" in refusal(model, "a.png", tmp_path)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    """A file of under a hundred bytes that says that it is 100 000 pixels wide and high."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    data = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )
    (tmp_path / "bomb.png").write_bytes(data)
    assert "pixels" in refusal(loaded("trocr"), "bomb.png", tmp_path)


def test_without_a_plain_resize_no_box_is_told(picture, monkeypatch):
    model = loaded("vit_gpt2")
    monkeypatch.setattr(model.processing, "do_center_crop", True, raising=False)
    monkeypatch.setattr(model.processing, "crop_size", {"height": 12, "width": 12}, raising=False)
    assert [token.piece for token in model.tokenize(str(picture())).tokens[:2]] == ["[CLS]", "r0c0"]


def test_numbers_are_given_in_the_models_type(recording, picture):
    from s2sdap.models.huggingface.face import HuggingFaceModel

    for name, path in (("whisper", recording()), ("trocr", picture())):
        given = loaded(name)
        import copy

        model = HuggingFaceModel.around(copy.deepcopy(given.model).half(), given.processing)
        assert {value.dtype for value in model.inputs(model.tokenize(str(path))).values()} == {torch.float16}
