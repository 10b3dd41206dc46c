"""Source tokens are exactly what the tokenizer gives the model, and each stands where it says it stands."""

import unicodedata
from functools import cache
from itertools import pairwise

import pytest
from hf_tiny import TEXT_NAMES, folder_of, loaded
from hypothesis import example, given, settings
from hypothesis import strategies as st

from s2sdap.models.source_readers import reader_of_file
from s2sdap.vocabulary.errors import S2sdapError

WORDS = [
    "the cat",
    "I saw",
    "saß",
    "über",
    "日本語",
    "です",
    "שלום",
    "עולם",
    "مرحبا",
    "xyzzy",
    "don't",
    "12.5",
]
ODD = [
    "e\u0301",
    "n\u0303a",
    "ﬁ½①",
    "ＡＢ",
    "😀",
    "👩\u200d👩\u200d👧",
    "🇩🇪",
    "…",
    " ",
    "  ",
    "\t",
    "\u00a0",
    "\u3000",
]
MARKS = ["</s>", "<pad>", "<unk>", "[SEP]", ">>de<<", "__en__", "▁", "Ġ", "##a", "<0xE2>", "#3"]
FRAGMENTS = [*WORDS, *ODD, *MARKS]
LINES = st.one_of(
    st.lists(st.sampled_from(FRAGMENTS), max_size=8).map("".join),
    st.lists(st.sampled_from(FRAGMENTS), max_size=8).map(" ".join),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)
WHOLE = ("byt5", "bart", "gpt2", "llama")
"""Those whose tokens cover every character, whatever it is: they read bytes."""
WITH_FILE = ("mbart", "t5", "bart", "gpt2", "llama", "bert")
"""Those that have a `tokenizer.json`, which is read by itself as well."""


@cache
def read_alone(name):
    """What reads a model's lines without the model."""
    return reader_of_file(f"hf:{folder_of(name)}")


def spelled(name, line):
    """(piece, where it stands in the line) of every token."""
    return [
        (token.piece, token.span and line[slice(*token.span)]) for token in loaded(name).tokenize(line).tokens
    ]


@pytest.mark.filterwarnings("ignore:This sequence already has </s>:UserWarning")  # ByT5 of `</s>`
@pytest.mark.parametrize("name", TEXT_NAMES)
@settings(max_examples=80, deadline=None)
@given(line=LINES)
@example(line="")
@example(line="   ")
@example(line="the  cat 😀 \t saß ")
def test_ids_are_the_tokenizers_and_spans_are_of_the_line(name, line):
    model = loaded(name)
    source = model.tokenize(line)
    tokens = source.tokens
    assert [token.id for token in tokens] == list(model.tokenizer(line)["input_ids"])
    alone = read_alone(name)
    assert (alone is not None) == (name in WITH_FILE)
    assert alone is None or alone.tokenize(line) == source
    spans = [token.span for token in tokens if token.span is not None]
    assert all(0 <= span.start < span.end <= len(line) for span in spans)
    assert all(left.start <= right.start for left, right in pairwise(spans))
    for span in spans:
        written = line[slice(*span)]
        assert written == written.strip() or not written.strip()
    if name in WHOLE:
        covered = {at for span in spans for at in range(*span)}
        assert {at for at, letter in enumerate(line) if not letter.isspace()} <= covered


def folded(text):
    """`text` as a normalising tokenizer may see it: compatibility forms, without case and accents."""
    apart = unicodedata.normalize("NFKD", text).lower()
    return "".join(letter for letter in apart if not unicodedata.combining(letter) and not letter.isspace())


@pytest.mark.parametrize("name", TEXT_NAMES)
@settings(max_examples=80, deadline=None)
@given(
    words=st.lists(st.sampled_from(["the", "cat", "saß", "über", "Brücke", "ﬁ", "日本", "שלום", "I", "saw"]))
)
def test_a_known_piece_says_what_stands_at_its_span(name, words):
    line = "  ".join(words)
    tokens = [token for token in loaded(name).tokenize(line).tokens if token.span is not None]
    for token in tokens:
        shared = sum(1 for other in tokens if other.span == token.span) > 1
        if token.known and not shared and "<0x" not in token.piece:  # those are parts of letters
            piece = token.piece.removeprefix("##").strip("▁")
            assert folded(piece) == folded(line[slice(*token.span)])


def test_spaces_before_a_piece_are_not_of_it():
    assert spelled("gpt2", "the  saw") == [("the", "the"), (" ", " "), (" saw", "saw")]
    assert spelled("bart", "the  saw")[1:-1] == [("the", "the"), (" ", " "), (" saw", "saw")]
    assert spelled("llama", "the saw") == [("▁the", "the"), ("▁saw", "saw")]


@pytest.mark.parametrize("name", ["marian", "t5", "mbart", "m2m100"])
def test_a_piece_that_is_but_a_space_stands_where_the_space_does(name):
    tokens = [token for token in loaded(name).tokenize("q  q").tokens if token.piece == "▁"]
    assert [token.span and tuple(token.span) for token in tokens] == [None, (1, 3)]


@pytest.mark.parametrize("name", ["gpt2", "byt5", "llama"])
def test_the_bytes_of_an_emoji_share_its_span(name):
    tokens = [token for token in loaded(name).tokenize("a😀").tokens if token.span and token.span.start == 1]
    assert [token.piece for token in tokens] == ["<0xF0>", "<0x9F>", "<0x98>", "<0x80>"]
    assert {tuple(token.span) for token in tokens} == {(1, 2)}


@pytest.mark.parametrize("name", ["marian", "m2m100"])
def test_letters_of_a_ligature_share_its_span(name):
    found = [
        token for token in loaded(name).tokenize("the ﬀ").tokens if token.piece == "f" or not token.known
    ]
    assert [tuple(token.span) for token in found] == [(4, 5), (4, 5)]


def test_what_stands_around_a_line_has_no_span():
    around = {
        "marian": ([], ["</s>"]),
        "m2m100": (["__de__"], ["</s>"]),
        "mbart": ([], ["</s>", "en_XX"]),
        "bart": (["<s>"], ["</s>"]),
        "bert": (["[CLS]"], ["[SEP]"]),
        "prophetnet": ([], ["[SEP]"]),
        "gpt2": ([], []),
    }
    for name, (before, after) in around.items():
        tokens = loaded(name).tokenize("saw").tokens
        body = tokens[len(before) : len(tokens) - len(after)]
        assert [token.piece for token in tokens if token not in body] == before + after, name
        assert all(token.span is None for token in tokens if token not in body), name
        assert any(token.span is not None for token in body), name


def test_a_language_written_in_the_text_has_a_span():
    first = loaded("marian").tokenize(">>de<< the cat").tokens[0]
    assert (first.piece, first.span, first.known) == (">>de<<", (0, 6), True)
    unheard_of = loaded("marian").tokenize(">>xx<< the cat").tokens[0]
    assert (unheard_of.piece, unheard_of.seen, unheard_of.span) == (">>xx<<", "<unk>", (0, 6))


def test_a_special_token_in_the_text_has_a_span():
    for name in ("marian", "t5", "bart", "gpt2", "llama"):
        token = next(token for token in loaded(name).tokenize("a </s> b").tokens if token.piece == "</s>")
        assert token.span == (2, 6), name


@pytest.mark.parametrize(("name", "unknown"), [("marian", "<unk>"), ("t5", "<unk>"), ("bert", "[UNK]")])
def test_an_unknown_piece_is_as_written(name, unknown):
    token = next(token for token in loaded(name).tokenize("the ☃").tokens if not token.known)
    assert (token.piece, token.seen, token.span) == ("☃", unknown, (4, 5))


def test_the_end_symbol_is_known_where_it_is_also_the_unknown_token():
    from transformers import AutoTokenizer

    from s2sdap.models.huggingface.source_tokens import TextReader

    tokenizer = AutoTokenizer.from_pretrained(loaded("gpt2").model.config.name_or_path)
    tokenizer.unk_token = tokenizer.eos_token
    assert all(token.known for token in TextReader(tokenizer).read("a </s>").tokens)


def test_a_word_of_a_tokenizer_without_offsets():
    """The Python WordPieces: letters where the pieces spell the word, and else the whole word."""
    assert spelled("prophetnet", "The ☃☃ saw")[:2] == [("the", "The"), ("☃☃", "☃☃")]
    assert spelled("prophetnet", "x!y")[:3] == [("x!y", "x!y")] * 3


def test_the_source_language_is_the_tokenizers():
    tokenizer = loaded("m2m100").tokenizer
    try:
        tokenizer.src_lang = "fr"
        assert loaded("m2m100").tokenize("saw").tokens[0].piece == "__fr__"
    finally:
        tokenizer.src_lang = "de"


@pytest.mark.parametrize("name", TEXT_NAMES)
def test_half_a_character_is_refused(name):
    with pytest.raises(S2sdapError) as caught:
        loaded(name).tokenize("ab\ud800")
    assert (caught.value.name, caught.value.details["position"]) == ("half_character", 2)
