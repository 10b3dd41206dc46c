"""The tokens nearest by embedding, against one comparison at a time, and words that a vocabulary lacks."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from models import hf_tiny
from models.small_networks import seeded_network, small_config

from s2sdap.models.checkpoint import Checkpoint, CheckpointConfig
from s2sdap.models.contract import Embeds
from s2sdap.models.loading import load_model
from s2sdap.models.rnn.model import RnnModel
from s2sdap.models.tokenizers import SPECIAL_PIECES, SideConfig
from s2sdap.neighbors.embedding import near_token, near_word
from s2sdap.neighbors.search import Metric
from s2sdap.vocabulary.errors import S2sdapError

WORDS = ("Haus", "Hause", "Häuser", "Maus", "der", "die", "Straße", "x")


@pytest.fixture(scope="module")
def dates():
    return load_model("dates")


@pytest.fixture(scope="module")
def words():
    """A network that reads words and writes letters."""
    config = small_config()
    source = SideConfig(unit="word", lowercase=False, end=True, pieces=(*SPECIAL_PIECES, *WORDS))
    target = SideConfig(unit="character", lowercase=False, end=False, pieces=(*SPECIAL_PIECES, *"uvw"))
    network = seeded_network(config, len(source.pieces), len(target.pieces))
    whole = CheckpointConfig(family="rnn", network=config, source=source, target=target)
    return RnnModel(Checkpoint(whole, dict(network.state_dict()), "0" * 16), "words")


def brute_force(matrix, query, metric, left_out):
    """Ids, nearest first, and the distance of every row, in float64."""
    rows, wanted = matrix.double().numpy(), query.double().numpy()
    lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(wanted)
    cosines = np.divide(rows @ wanted, lengths, out=np.zeros(len(rows)), where=lengths > 0)
    far = {
        Metric.COSINE: 1 - cosines,
        Metric.L2: np.linalg.norm(rows - wanted, axis=1),
        Metric.INNER_PRODUCT: -(rows @ wanted),
    }[metric]
    order = [int(token) for token in np.argsort(far, kind="stable") if token not in left_out]
    return order, far, cosines


def check(found, matrix, query, left_out):
    order, far, cosines = brute_force(matrix, query, found.metric, left_out)
    expected = order[: len(found.near)]
    np.testing.assert_allclose([far[each.token] for each in found.near], far[expected], atol=1e-5)
    np.testing.assert_allclose([each.distance for each in found.near], far[expected], atol=1e-5)
    tokens = [each.token for each in found.near]
    np.testing.assert_allclose([each.similarity for each in found.near], cosines[tokens], atol=1e-5)
    assert len(set(tokens)) == len(tokens)
    assert not set(tokens) & set(left_out)


@settings(max_examples=40, deadline=None)
@given(data=st.data(), metric=st.sampled_from(Metric), k=st.integers(0, 90), source=st.booleans())
def test_tokens_of_the_date_model_are_as_near_as_one_by_one(dates, data, metric, k, source):
    side = "source" if source else "target"
    embeddings = dates.source_embeddings() if source else dates.target_embeddings()
    token = data.draw(st.integers(0, len(embeddings.vectors) - 1))
    found = near_token(dates, side, token, k, metric)
    left_out = {*range(len(SPECIAL_PIECES)), token}
    assert len(found.near) == min(k, len(embeddings.vectors) - len(left_out))
    check(found, embeddings.vectors, embeddings.vectors[token], left_out)
    assert (found.means, found.tokens, found.metric) == ("token", (token,), metric)
    assert [each.piece for each in found.near] == [embeddings.pieces[each.token] for each in found.near]


def test_embeddings_are_what_the_network_reads_with(dates):
    """A source token's row, changed in place, changes what the encoder computes from that token alone."""
    source, target = dates.source_embeddings(), dates.target_embeddings()
    assert source.vectors.shape[0] == len(source.pieces) == len(dates.source)
    assert target.vectors.shape[0] == len(target.pieces) == len(dates.target)
    assert {source.pieces[token] for token in source.special} == set(SPECIAL_PIECES)
    token = dates.tokenize("J").tokens[0].id
    assert source.pieces[token] == "J"
    assert torch.equal(source.vectors[token], dates.network.source_embedding(torch.tensor(token)))


def test_a_word_of_several_letters_is_their_mean(dates):
    matrix = dates.source_embeddings().vectors
    found = near_word(dates, "source", "Jan", 5)
    tokens = [token.id for token in dates.tokenize("Jan").tokens]
    assert (found.means, found.tokens, found.pieces) == ("pieces", tuple(tokens), ("J", "a", "n"))
    check(found, matrix, matrix[tokens].mean(dim=0), {*range(len(SPECIAL_PIECES)), *tokens})


def test_a_letter_is_read_alone_and_a_space_is_one_too(dates):
    assert near_word(dates, "source", "J").pieces == ("J",)
    assert near_word(dates, "source", " ").pieces == (" ",)
    assert near_word(dates, "target", "7").means == "token"


def test_a_part_that_the_vocabulary_lacks_is_left_out_of_the_mean_and_said(dates):
    found = near_word(dates, "source", "J💡", 3)
    assert (found.means, found.pieces, found.unknown) == ("pieces", ("J",), ("💡",))


def test_a_word_that_the_vocabulary_lacks_is_compared_by_its_letters(words):
    assert near_word(words, "source", "Haus", 2).means == "token"
    found = near_word(words, "source", "Hausen", 4)
    assert (found.means, found.tokens, found.unknown) == ("characters", (), ("Hausen",))
    assert [each.piece for each in found.near] == ["Hause", "Haus", "Häuser", "Maus"]

    def pairs(word):
        marked = f"^{word.lower()}$"
        return Counter(pairwise(marked))

    for each in found.near:
        one, other = pairs("Hausen"), pairs(each.piece)
        common = 2 * (one & other).total() / (one.total() + other.total())
        assert each.similarity == pytest.approx(common)
        assert each.distance == pytest.approx(1 - common)
    assert [each.piece for each in near_word(words, "source", "STRASSE", 1).near] == ["Straße"]
    assert near_word(words, "source", "💡", 5).near == ()
    assert len(near_word(words, "source", "Hausen", 1).near) == 1


@pytest.mark.parametrize("side", ["source", "target"])
@pytest.mark.parametrize("metric", Metric)
def test_tokens_of_a_marian_are_as_near_as_one_by_one(side, metric):
    model = hf_tiny.loaded("marian")
    part = model.model.get_encoder() if side == "source" else model.model.get_decoder()
    matrix = part.get_input_embeddings().weight.detach()
    special = set(model.tokenizer.all_special_ids)
    word = "Katze" if side == "target" else "cat"
    read = model.tokenizer(word) if side == "source" else model.tokenizer(text_target=word)
    mark = model.tokenizer.convert_tokens_to_ids("▁")
    tokens = [token for token in read["input_ids"] if token not in special | {mark}]
    found = near_word(model, side, word, 20, metric)
    assert found.tokens == tuple(tokens)
    assert found.means == ("token" if len(tokens) == 1 else "pieces")
    assert found.unknown == ()
    check(found, matrix, matrix[tokens].mean(dim=0), special | set(tokens))
    for each in found.near:
        assert each.piece == model.tokenizer.convert_ids_to_tokens(each.token)
        assert each.text == (each.piece.lstrip("▁") or each.piece)


def test_the_mark_of_a_word_is_no_part_of_a_word_that_the_vocabulary_lacks():
    found = near_word(hf_tiny.loaded("marian"), "source", "💡")
    assert (found.means, found.tokens, found.unknown) == ("characters", (), ("💡",))


def test_within_a_text_a_byte_level_vocabulary_has_other_tokens():
    model = hf_tiny.loaded("gpt2")
    words = [piece[1:] for piece in model.source_embeddings().pieces if piece and piece[:1] == " " != piece]
    apart = [word for word in words if len(model.tokenizer(word)["input_ids"]) > 1]
    assert apart
    found = near_word(model, "source", apart[0], 5)
    assert found.pieces == (f" {apart[0]}",)
    assert found.tokens == tuple(model.tokenizer(f" {apart[0]}")["input_ids"])
    near = near_word(model, "source", "💡", 5)
    assert (near.means, len(near.tokens)) == ("pieces", 4)


@pytest.mark.parametrize("name", hf_tiny.BUILDERS)
def test_every_family_shows_the_embeddings_that_it_reads_with(name):
    model = hf_tiny.loaded(name)
    assert isinstance(model, Embeds)
    target = model.target_embeddings()
    assert len(target.pieces) == len(target.vectors)
    token = model.target.encode("Katze")[0]
    assert target.pieces[token] == model.target.piece(token)
    letters = [token for token in model.target.encode("Katze") if model.target.piece(token) != "▁"]
    assert near_word(model, "target", "Katze", 3).tokens == tuple(letters)
    if model.reads == "input_ids":
        read = [each for each in model.tokenize("cat").tokens if each.span is not None]
        pieces = model.source_embeddings().pieces
        assert [pieces[each.id] for each in read] == [each.seen for each in read]
    else:
        with pytest.raises(S2sdapError, match=r"S2S4544.*source"):
            near_word(model, "source", "cat")


def test_what_cannot_be_looked_up_is_refused(dates):
    with pytest.raises(S2sdapError, match=r"S2S4545.*''"):
        near_word(dates, "source", "")
    with pytest.raises(S2sdapError, match=r"S2S4546.*target token 99"):
        near_token(dates, "target", 99)
    with pytest.raises(S2sdapError, match="S2S4546"):
        near_token(dates, "source", -1)
