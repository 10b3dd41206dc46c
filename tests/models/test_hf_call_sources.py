"""The source of somebody's own `generate` call is told from its arguments, row by row."""

import pytest
import torch
from hf_tiny import TEXT_NAMES, loaded

from s2sdap.models.huggingface.face import HuggingFaceModel
from s2sdap.vocabulary.errors import S2sdapError

LONG, SHORT = "the cat sat on the mat", "the dog"


def padded(name, side):
    tokenizer = loaded(name).tokenizer
    tokenizer.padding_side = side
    try:
        return tokenizer([LONG, SHORT], padding=True, return_tensors="pt")
    finally:
        tokenizer.padding_side = "right"


PADDED = [name for name in TEXT_NAMES if name != "llama"]  # which has no padding token


@pytest.mark.parametrize("name", PADDED)
@pytest.mark.parametrize("side", ["left", "right"])
def test_rows_of_a_batch_are_read_as_their_lines(name, side):
    model = loaded(name)
    batch = padded(name, side)
    sources = model.sources_of({"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"]})
    for source, ids, line in zip(sources, batch["input_ids"].tolist(), (LONG, SHORT), strict=True):
        assert [token.id for token in source.tokens] == ids
        alone = model.tokenize(line)
        assert source.text == line
        kept = source.tokens[: len(alone.tokens)] if side == "right" else source.tokens[-len(alone.tokens) :]
        assert kept == alone.tokens
        padding = (
            source.tokens[len(alone.tokens) :] if side == "right" else source.tokens[: -len(alone.tokens)]
        )
        assert all(token.span is None and token.id == model.tokenizer.pad_token_id for token in padding)
    assert sources[1].tokens != model.tokenize(SHORT).tokens


def test_without_a_mask_padding_is_what_generate_takes_for_it():
    batch = padded("marian", "right")
    with_mask = loaded("marian").sources_of(dict(batch))
    assert loaded("marian").sources_of({"inputs": batch["input_ids"]}) == with_mask
    assert loaded("marian").sources_of({"input_ids": batch["input_ids"].tolist()}) == with_mask


def test_padding_that_is_also_the_end_is_kept_without_a_mask():
    """As `generate` does, which cannot tell either."""
    model = loaded("gpt2")
    ids = torch.tensor([[1, 1, *model.target.encode("the cat")]])
    tokens = model.sources_of({"input_ids": ids, "pad_token_id": 1})[0].tokens
    assert [token.piece for token in tokens][:2] == ["</s>", "</s>"]
    assert model.sources_of({"input_ids": ids, "pad_token_id": 1})[0].text == "the cat"


@pytest.mark.parametrize("name", TEXT_NAMES)
def test_ids_that_no_text_gives_are_spelled(name):
    model = loaded(name)
    ids = torch.randint(len(model.target), (3, 9), generator=torch.Generator().manual_seed(5))
    for source, row in zip(model.sources_of({"input_ids": ids}), ids.tolist(), strict=True):
        assert [token.id for token in source.tokens] == row
        last = 0
        for token in source.tokens:
            if token.span is not None:
                assert last <= token.span.start < token.span.end <= len(source.text)
                last = token.span.start


def test_an_unknown_token_still_has_a_line():
    model = loaded("marian")
    source = model.sources_of(
        {"input_ids": torch.tensor([[token.id for token in model.tokenize("a ☃").tokens]])}
    )[0]
    assert "<unk>" in source.text
    token = next(token for token in source.tokens if not token.known)
    assert source.text[slice(*token.span)] == "<unk>"


def test_without_a_tokenizer_tokens_are_numbers():
    model = HuggingFaceModel.around(loaded("marian").model)
    pad = model.model.generation_config.pad_token_id
    source = model.sources_of({"input_ids": torch.tensor([[5, 31, pad]])})[0]
    assert source.text == "#5 #31"
    assert [(token.piece, token.span) for token in source.tokens] == [
        ("#5", (0, 2)),
        ("#31", (3, 6)),
        (f"#{pad}", None),
    ]
    with pytest.raises(S2sdapError) as caught:
        model.tokenize("the cat")
    assert caught.value.name == "processing_missing"


def test_vectors_are_told_as_vectors():
    model = loaded("bart")
    vectors = torch.randn(2, 3, 16)
    for given in ({"inputs_embeds": vectors}, {"encoder_outputs": (vectors,)}):
        sources = model.sources_of(given)
        assert [token.piece for token in sources[1].tokens] == ["vector 0", "vector 1", "vector 2"]
        assert len(sources) == 2
    with pytest.raises(S2sdapError) as caught:
        model.sources_of({"num_beams": 2})
    assert caught.value.name == "source_kind"


def test_features_and_pixels_are_frames_and_patches():
    whisper = loaded("whisper")
    first = whisper.sources_of({"input_features": torch.randn(2, 8, 100)})
    assert [token.piece for token in first[0].tokens][:3] == ["0.00s", "0.02s", "0.04s"]
    assert (len(first), len(first[1].tokens)) == (2, 50)
    alone = HuggingFaceModel.around(whisper.model)
    assert alone.sources_of({"inputs": torch.randn(1, 8, 100)})[0].tokens[3].piece == "frame 3"
    seen = HuggingFaceModel.around(loaded("trocr").model).sources_of(
        {"pixel_values": torch.randn(3, 3, 12, 12)}
    )
    assert [token.piece for token in seen[2].tokens] == [
        "[CLS]",
        *(f"r{r}c{c}" for r in range(3) for c in range(3)),
    ]
