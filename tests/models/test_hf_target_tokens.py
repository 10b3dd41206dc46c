"""The target vocabulary: pieces that people can read and that are found again, and text as it is decoded."""

import pytest
import torch
from hf_tiny import TEXT_NAMES, loaded
from hypothesis import given
from hypothesis import strategies as st

from s2sdap.models.contract import TargetVocabulary
from s2sdap.models.huggingface.spelling import text_of_bytes, visible
from s2sdap.models.huggingface.target_tokens import NO_TOKEN, TargetPieces


@pytest.mark.parametrize("name", TEXT_NAMES)
def test_there_are_as_many_tokens_as_logits(name):
    model = loaded(name)
    inputs = model.inputs(model.tokenize("the cat"))
    start = (
        {"decoder_input_ids": torch.tensor([[model.target.bos]])}
        if model.model.config.is_encoder_decoder
        else {}
    )
    with torch.no_grad():
        assert len(model.target) == model.model(**inputs, **start).logits.shape[-1]
    assert isinstance(model.target, TargetVocabulary)


@pytest.mark.parametrize("name", TEXT_NAMES)
def test_every_piece_is_one_line_and_found_again(name):
    target = loaded(name).target
    for token in range(len(target)):
        piece = target.piece(token)
        assert piece
        assert piece.isprintable() or all(
            letter.isspace() or letter == "\u200d" for letter in piece if not letter.isprintable()
        )
        found = target.find(piece)
        assert found is not None
        assert target.piece(found) == piece


@pytest.mark.parametrize("name", TEXT_NAMES)
def test_text_goes_to_tokens_and_back(name):
    target = loaded(name).target
    tokens = target.encode("the cat")
    assert tokens
    assert target.text([target.bos, *tokens, target.eos]) == "the cat"
    assert target.text(tokens) == loaded(name).tokenizer.decode(tokens, skip_special_tokens=True)


def test_begin_and_end_are_those_of_generate():
    for name in TEXT_NAMES:
        model = loaded(name)
        inputs = model.inputs(model.tokenize("the cat"))
        out = model.model.generate(**inputs, max_new_tokens=4, do_sample=False)[0].tolist()
        if model.model.config.is_encoder_decoder:
            assert out[0] == model.target.bos, name
        assert model.target.eos == model.model.generation_config.eos_token_id, name


def test_the_first_of_several_ends_is_the_end(monkeypatch):
    from s2sdap.models.huggingface.target_tokens import target_of

    model = loaded("gpt2")
    monkeypatch.setattr(model.model.generation_config, "eos_token_id", [7, 1])
    assert target_of(model.model, model.tokenizer).eos == 7
    monkeypatch.setattr(model.model.generation_config, "eos_token_id", None)
    monkeypatch.setattr(model.model.generation_config, "bos_token_id", None)
    without = target_of(model.model, None)
    assert (without.bos, without.eos) == (NO_TOKEN, NO_TOKEN)


def test_marian_writes_with_its_target_model():
    """The two SentencePiece models cut a line differently, so each side asks its own."""
    model = loaded("marian")
    source = [token.piece for token in model.tokenize("die Katze saß").tokens[:-1]]
    target = [model.target.piece(token) for token in model.target.encode("die Katze saß")]
    assert target == model.tokenizer.spm_target.encode("die Katze saß", out_type=str)
    assert source == model.tokenizer.spm_source.encode("die Katze saß", out_type=str)
    assert source != target
    assert model.tokenizer.current_spm is model.tokenizer.spm_source  # left as it was


def test_an_id_that_the_tokenizer_lacks_is_a_number():
    tokenizer = loaded("t5").tokenizer
    target = TargetPieces(tokenizer, len(tokenizer) + 3, 0, 1)
    last = len(tokenizer) + 2
    assert (target.piece(last), target.find(f"#{last}")) == (f"#{last}", last)
    assert target.find(f"#{last + 1}") is None
    assert target.find("#007") is None
    assert target.text([*target.encode("the cat"), last]) == "the cat"
    for outside in (-1, len(target)):
        with pytest.raises(IndexError):
            target.piece(outside)


def test_without_a_tokenizer_pieces_are_numbers():
    target = TargetPieces(None, 12, 2, 1)
    assert (target.piece(7), target.find("#7"), target.find("#12"), target.find("x")) == ("#7", 7, None, None)
    assert target.text([2, 7, 11, 1]) == "#7 #11"
    assert target.encode("#7 #11 #99") == (7, 11)
    assert target.unknown is None


def test_languages_have_their_piece():
    target = loaded("m2m100").target
    assert target.piece(target.find("__fr__")) == "__fr__"


@pytest.mark.parametrize(
    ("spelling", "shown"),
    [("Ġthe", " the"), ("Ã¼", "ü"), ("âĢ", "<0xE2><0x80>"), ("Ċ", r"\n"), ("Âł", "\u00a0"), ("</s>", "</s>")],
)
def test_byte_level_spellings_are_read_back(spelling, shown):
    from s2sdap.models.huggingface.pieces import Pieces

    pieces = Pieces(loaded("gpt2").tokenizer, target=True)
    assert pieces.shown(spelling, 299) == shown


def test_what_is_shown_goes_before_what_is_spelt():
    """`ü` is how byte 0xFC is spelt, and how the two bytes of ü are shown: a person means the second."""
    target = loaded("gpt2").target
    assert target.piece(target.find("ü")) == "ü"
    assert target.piece(target.find("Ġthe")) == " the"


def test_a_special_token_with_letters_beyond_ascii_is_no_bytes():
    from transformers import AddedToken, AutoTokenizer

    from s2sdap.models.huggingface.pieces import Pieces

    tokenizer = AutoTokenizer.from_pretrained(loaded("gpt2").model.config.name_or_path)
    tokenizer.add_tokens([AddedToken("<ümlaut>", special=True)], special_tokens=True)
    assert Pieces(tokenizer, target=True).piece(len(tokenizer) - 1) == "<ümlaut>"


@given(st.binary(max_size=12))
def test_bytes_are_shown_whole(data):
    shown = text_of_bytes(data)
    back = b""
    rest = shown
    while rest:
        if rest.startswith("<0x") and len(rest) >= 6 and rest[5] == ">":
            back += bytes([int(rest[3:5], 16)])
            rest = rest[6:]
        else:
            back += rest[0].encode()
            rest = rest[1:]
    assert back == data or b"<0x" in data


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_shown_piece_has_no_control_characters(text):
    assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in visible(text))
