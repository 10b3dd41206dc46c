"""OpenNMT-py's vocabularies, in each form that it has saved them in, as the two sides of a model.

| form | versions | `vocab` (or `dicts`) |
|---|---|---|
| `onmt.Dict` | to spring 2017 | two of them under `dicts` |
| pairs | to 0.6 | a list of (name, `torchtext.vocab.Vocab`) |
| fields | 0.7 to 2.x | for each side a torchtext field, some of them in a list or in a `TextMultiField` |
| lists | 3.x | for each side the list of its tokens |

Tokens are parted by spaces, as its translate command reads them. A word that is not in a vocabulary has the
id 0 in those of torchtext, whatever the id of `<unk>` is. Of a token that stands twice, the id that `stoi`
gives is the one that it has, as a word or as a symbol; the other keeps its place under a name with its id.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from s2sdap.models.opennmt.pickled import Made
from s2sdap.models.opennmt.reasons import Unreadable, Unsupported
from s2sdap.models.tokenizers import BEGIN, END, PAD, SPECIAL_PIECES, UNKNOWN, SideConfig

_PAD: Final = "<blank>"


@dataclass(frozen=True, slots=True)
class Words:
    """A vocabulary: its tokens by id, the id of each, its special tokens, and whether it folds case."""

    tokens: tuple[str, ...]
    ids: Mapping[str, int]
    unknown: int
    begin: str = BEGIN
    end: str = END
    pad: str = _PAD
    lowercase: bool = False


def sides_of(checkpoint: Mapping[Any, Any]) -> tuple[SideConfig, SideConfig]:
    """How the source and the target of a checkpoint are tokenised.

    Raises:
        Unreadable: where there is no vocabulary, or one that contradicts itself.
        Unsupported: where words have features beside them.
    """
    vocab = checkpoint.get("vocab", checkpoint.get("dicts"))
    if isinstance(vocab, list):
        vocab = _by_name(vocab)
    if not isinstance(vocab, dict):
        raise Unreadable("it has no vocabulary")
    for name in vocab:
        if isinstance(name, str) and "_feat" in name and vocab[name]:
            raise Unsupported(f"word features ({name})")
    start = vocab.get("decoder_start_token")
    return (
        _side(_words(vocab.get("src"), "source"), is_target=False),
        _side(_words(vocab.get("tgt"), "target", start), is_target=True),
    )


def _by_name(pairs: list[Any]) -> dict[str, Any]:
    """What pairs of a name and something say, by name."""
    if any(not isinstance(pair, tuple) or len(pair) != 2 or not isinstance(pair[0], str) for pair in pairs):
        raise Unreadable("its vocabulary is none")
    return dict(pairs)


def _words(saved: Any, side: str, start: Any = None) -> Words:
    """The vocabulary of a side, from whatever form it was saved in."""
    if isinstance(saved, list) and saved and all(isinstance(token, str) for token in saved):
        ids = {token: number for number, token in reversed(list(enumerate(saved)))}
        begin = start if isinstance(start, str) else BEGIN
        return Words(tuple(saved), ids, ids.get(UNKNOWN, 0), begin)
    if isinstance(saved, Made) and isinstance(saved.fields.get("fields"), list):
        saved = saved.fields["fields"]
    if isinstance(saved, list):  # the field itself, and then those of features
        fields = list(_by_name(saved).values())
        if len(fields) > 1:
            raise Unsupported(f"word features beside the {side} words")
        saved = fields[0] if fields else None
    if not isinstance(saved, Made):
        raise Unreadable(f"it has no {side} vocabulary")
    if "idxToLabel" in saved.fields:
        return _of_dict(saved, side)
    field = saved.fields if "vocab" in saved.fields else {}
    vocab = field.get("vocab", saved)
    itos, stoi = (
        (vocab.fields.get(name) for name in ("itos", "stoi")) if isinstance(vocab, Made) else (None, None)
    )
    if not isinstance(itos, list) or not isinstance(stoi, dict):
        raise Unreadable(f"it has no {side} vocabulary")
    called = {name: field.get(f"{name}_token") or default for name, default in _CALLED.items()}
    return Words(
        _tokens(dict(enumerate(itos)), side),
        stoi,
        0,
        called["init"],
        called["eos"],
        called["pad"],
        field.get("lower") is True,
    )


_CALLED: Final = {"init": BEGIN, "eos": END, "pad": _PAD}


def _of_dict(saved: Made, side: str) -> Words:
    ids, tokens = saved.fields.get("labelToIdx"), saved.fields.get("idxToLabel")
    if not isinstance(ids, dict) or not isinstance(tokens, dict) or not isinstance(ids.get(UNKNOWN), int):
        raise Unreadable(f"it has no {side} vocabulary")
    return Words(_tokens(tokens, side), ids, ids[UNKNOWN], lowercase=saved.fields.get("lower") is True)


def _tokens(by_id: Mapping[Any, Any], side: str) -> tuple[str, ...]:
    tokens = tuple(by_id.get(number) for number in range(len(by_id)))
    if not tokens or not all(isinstance(token, str) for token in tokens):
        raise Unreadable(f"its {side} vocabulary has a token that is no text")
    return tokens  # type: ignore[return-value]  # checked in the line above


def _side(words: Words, *, is_target: bool) -> SideConfig:
    """The vocabulary as a side, in which every id has a name of its own."""
    for token, number in words.ids.items():
        if number != 0 and (not isinstance(number, int) or words.tokens[number : number + 1] != (token,)):
            raise Unreadable("a vocabulary of it gives a token an id that another token has")
    if not 0 <= words.unknown < len(words.tokens):
        raise Unreadable("a vocabulary of it has no unknown token")
    special = {words.unknown: UNKNOWN}
    for token, piece in ((words.pad, PAD), (words.begin, BEGIN), (words.end, END)):
        if token in words.ids and words.ids[token] not in special:
            special[words.ids[token]] = piece
    found = set(special.values())
    if PAD not in found or (is_target and len(found) < len(SPECIAL_PIECES)):
        raise Unreadable(f"a vocabulary of it lacks {words.pad}, or {words.begin} and {words.end}")
    bounded = len(found) == len(SPECIAL_PIECES)
    pieces, taken = [], set(SPECIAL_PIECES)
    for number, token in enumerate(words.tokens):
        piece = special.get(number, token)
        if number not in special and (not token or token in taken or words.ids.get(token, number) != number):
            piece = f"{token} ({number})"  # with a space, so that no word is written like it
        taken.add(piece)
        pieces.append(piece)
    if not bounded:
        for place, piece in special.items():  # one of the two without the other is of no use
            if piece in (BEGIN, END):
                pieces[place] = f"{piece} ({place})"
    return SideConfig(
        unit="word", lowercase=words.lowercase, end=False, pieces=tuple(pieces), bounded=bounded
    )
