"""A SentencePiece vocabulary that both languages share, as the files that `MarianTokenizer` reads.

One vocabulary for both sides lets the model tie all its embeddings, and copy names as they are.
"""

import io
import json
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import sentencepiece
from parallel_text import DataError
from transformers import MarianTokenizer

END: Final = "</s>"
UNKNOWN: Final = "<unk>"
PAD: Final = "<pad>"


def write_vocabulary(
    folder: Path, sentences: Iterable[str], size: int, source: str, target: str, longest: int
) -> MarianTokenizer:
    """Train SentencePiece on `sentences` and write `source.spm`, `target.spm` and the rest to `folder`.

    Args:
        folder: Made if it is not there.
        sentences: Of both languages.
        size: Pieces at most; a small text has fewer.
        source: Language code, as in `en`.
        target: Language code.
        longest: Tokens of a sentence, its end included, that the model has room for.
    """
    trained = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences),
            model_writer=trained,
            model_type="unigram",
            vocab_size=size - 2,  # besides the end and padding, which SentencePiece need not know
            hard_vocab_limit=False,
            character_coverage=1.0,
            unk_id=0,
            bos_id=-1,
            eos_id=-1,
            num_threads=1,  # the same pieces each time
            minloglevel=2,
        )
    except (RuntimeError, OSError) as error:
        raise DataError(f"SentencePiece cannot make {size} pieces of this text: {error}.") from None
    model = sentencepiece.SentencePieceProcessor(model_proto=trained.getvalue())
    pieces = [model.id_to_piece(number) for number in range(1, model.get_piece_size())]
    ids = {piece: number for number, piece in enumerate((END, UNKNOWN, *pieces, PAD))}
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("source.spm", "target.spm"):
        (folder / name).write_bytes(trained.getvalue())
    (folder / "vocab.json").write_text(json.dumps(ids, ensure_ascii=False, indent=0), encoding="utf-8")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Recommended: pip install sacremoses")
        tokenizer = MarianTokenizer(
            source_spm=str(folder / "source.spm"),
            target_spm=str(folder / "target.spm"),
            vocab=str(folder / "vocab.json"),
            source_lang=source,
            target_lang=target,
            model_max_length=longest,
        )
    tokenizer.save_pretrained(folder)
    return tokenizer


def read_vocabulary(folder: Path) -> MarianTokenizer:
    """The tokenizer that `write_vocabulary` wrote."""
    with warnings.catch_warnings():
        # The punctuation normaliser that it asks for is not used in reading text.
        warnings.filterwarnings("ignore", message="Recommended: pip install sacremoses")
        return MarianTokenizer.from_pretrained(folder)


def encoded(tokenizer: MarianTokenizer, sentences: Sequence[str]) -> list[list[int]]:
    """The sentences as ids that end with the end symbol; all at once, which the tokenizer itself does not."""
    known = tokenizer.encoder
    pieces = tokenizer.spm_source.encode(list(sentences), out_type=str)
    unknown, end = known[UNKNOWN], known[END]
    return [[*(known.get(piece, unknown) for piece in sentence), end] for sentence in pieces]
