"""Checks of what a model tells of itself: contract, fingerprint, layout, tokens, spans, vocabulary."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

import torch

from s2sdap.debugger.conformance.bench import Bench, Broken
from s2sdap.models.contract import Bounded, Described, GeneratingModel, Model
from s2sdap.models.tokens import SourceToken
from s2sdap.vocabulary.sites import PREDICTION_LOGPROBS, SEARCH_CANDIDATES, SITES
from s2sdap.vocabulary.stages import Stage

VOCABULARY_SAMPLE: Final = 2000
"""How many pieces of the target vocabulary are looked up at most."""
_MEMBERS: Final = ("name", "fingerprint", "device", "layout", "target", "max_source_length", "tokenize")
_STEPPING: Final = ("encode", "begin", "step", "select")
_BYTE: Final = re.compile(r"<0x[0-9A-Fa-f]{2}>")


def contract(bench: Bench) -> str:
    """Whether everything is there, and of the right kind."""
    model = bench.model
    missing = [name for name in _MEMBERS if not hasattr(model, name)]
    if missing:
        raise Broken(f"it lacks {', '.join(f'`{name}`' for name in missing)}")
    if not isinstance(model, (Model, GeneratingModel)):
        lacking = [name for name in _STEPPING if not hasattr(model, name)]
        raise Broken(f"it lacks {', '.join(f'`{name}`' for name in lacking)}")
    _check_kinds(model)
    return "steps by itself" if isinstance(model, Model) else "brings the search of its library"


def _check_kinds(model: Described) -> None:
    for name in ("name", "fingerprint"):
        value = getattr(model, name)
        if not isinstance(value, str) or not value:
            raise Broken(f"`{name}` is {value!r}; it must be a string with something in it")
    if not isinstance(model.device, torch.device):
        raise Broken(f"`device` is {model.device!r}; it must be a torch.device")
    limit = model.max_source_length
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        raise Broken(f"`max_source_length` is {limit!r}; it must be a number from 1, or None")
    if isinstance(model, Bounded):
        room = model.max_target_length
        if not isinstance(room, int) or room < 1:
            raise Broken(f"`max_target_length` is {room!r}; it must be a number from 1")


def loading(bench: Bench) -> str:
    """Whether two loads give one fingerprint."""
    first, second = bench.first_fingerprint, bench.model.fingerprint
    if first != second:
        raise Broken(f"the fingerprint was {first!r} and is {second!r} after loading again")
    return f"two loads have the fingerprint {second}"


def layout(bench: Bench) -> str:
    """Whether stages and sites are known and in order."""
    told = bench.model.layout
    stages, names = list(told.stages), list(told.sites)
    wrong = [each for each in stages if each not in set(Stage)]
    if wrong or len(set(stages)) != len(stages):
        raise Broken(f"stages {stages}: each must be a Stage, and come once")
    if stages[-2:] != [Stage.PREDICTION, Stage.SEARCH] or Stage.DECODER not in stages:
        raise Broken(f"stages {_told(stages)}: a decoder comes before prediction and search, which are last")
    if Stage.ENCODER in stages[1:]:
        raise Broken(f"stages {_told(stages)}: the encoder comes first")
    if unknown := [name for name in names if name not in SITES]:
        raise Broken(f"there are no sites {', '.join(unknown)}; see docs/architecture.md")
    if ours := [name for name in names if name in (PREDICTION_LOGPROBS, SEARCH_CANDIDATES)]:
        raise Broken(f"{', '.join(ours)} are made by the search, not by a model")
    if len(set(names)) != len(names):
        raise Broken(f"a site is announced twice: {', '.join(names)}")
    if homeless := [name for name in names if SITES[name].stage not in stages]:
        raise Broken(f"{', '.join(homeless)} belong to stages that are not announced")
    order = [stages.index(SITES[name].stage) for name in names]
    if order != sorted(order):
        raise Broken(f"the sites {', '.join(names)} are not in the order of the stages {_told(stages)}")
    bad = [f"{axis}={size!r}" for axis, size in told.sizes if not isinstance(size, int) or size < 1]
    if bad or told.parameters < 0:
        raise Broken(f"a size is no number from 1: {', '.join(bad) or f'parameters={told.parameters}'}")
    sizes = ", ".join(f"{axis}={size}" for axis, size in told.sizes)
    return f"{' > '.join(stages)}; {len(names)} sites; {sizes}; {told.parameters:,} parameters"


def _told(stages: list[Stage]) -> str:
    return " > ".join(stages)


def tokens(bench: Bench) -> str:
    """Whether each line becomes tokens with ids."""
    counts, unknown = [], 0
    for text in bench.sources:
        source = bench.model.tokenize(text)
        if source != bench.model.tokenize(text):
            raise Broken(f"{text!r} has other tokens when it is read again")
        if source.text != text:
            raise Broken(f"the source of {text!r} says that its text is {source.text!r}")
        if not source.tokens:
            raise Broken(f"{text!r} has no tokens")
        for token in source.tokens:
            if not isinstance(token, SourceToken) or not isinstance(token.id, int) or token.id < 0:
                raise Broken(f"{text!r}: {token!r} is no SourceToken with an id from 0")
        counts.append(len(source.tokens))
        unknown += sum(not token.known for token in source.tokens)
    told = f"{len(counts)} lines of {min(counts)} to {max(counts)} tokens"
    return f"{told}, {unknown} of {sum(counts)} unknown" if unknown else told


def spans(bench: Bench) -> str:
    """Whether spans lie within the line, in reading order, on what their token is written as."""
    spanned = 0
    for text in bench.sources:
        last = 0
        for place, token in enumerate(bench.model.tokenize(text).tokens):
            if token.span is None:
                continue
            spanned += 1
            start, end = token.span.start, token.span.end
            where = f"token {place} of {text!r}, {token.piece!r}, has the span {start}..{end}"
            if not 0 <= start <= end <= len(text):
                raise Broken(f"{where}, outside of the line")
            if start < last:
                raise Broken(f"{where}, before the token to its left")
            last = start
            if bench.opaque and not _reads_as(token.piece, text[start:end]):
                raise Broken(f"{where}, where {text[start:end]!r} stands")
    return f"{spanned} spans" if spanned else "no token says where it stands"


def _reads_as(piece: str, written: str) -> bool:
    """Whether the letters and digits of a piece are those in the line; marks around them are free."""
    read = _letters(piece)
    return not read or not written or _BYTE.fullmatch(piece) is not None or read == _letters(written)


def _letters(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(character for character in plain if character.isalnum())


def vocabulary(bench: Bench) -> str:
    """Whether target pieces and ids lead to each other."""
    target = bench.model.target
    size = len(target)
    for name in ("eos", "unknown"):
        value = getattr(target, name)
        absent = value is None if name == "unknown" else value == -1 and isinstance(bench.model, Bounded)
        if not absent and not 0 <= value < size:
            raise Broken(f"`{name}` is {value}, outside of a vocabulary of {size}")
    try:
        target.piece(target.bos)
    except LookupError:
        raise Broken(f"`bos` is {target.bos}, and `piece` does not say how it is written") from None
    for token in _sample(size):
        piece = target.piece(token)
        found = target.find(piece)
        if found is None or target.piece(found) != piece:
            raise Broken(f"token {token} is written {piece!r}, and `find` of that gives {found}")
    for run in bench.runs:
        run_tokens, target = run.tokens, run.plan.model.target
        size = len(target)
        text = target.text(run_tokens)
        again = target.encode(text)
        if not all(0 <= token < size for token in again):
            raise Broken(f"`encode` of {text!r} gives {again}, outside of a vocabulary of {size}")
        if bench.opaque and target.unknown not in again and target.text(again) != text:
            raise Broken(f"the output {text!r} is {target.text(again)!r} after `encode` and `text`")
    size = len(bench.model.target)
    looked = min(size, VOCABULARY_SAMPLE)
    return f"{looked} of {size} pieces lead back to themselves, {len(bench.runs)} outputs too"


def _sample(size: int) -> Iterator[int]:
    """Token ids, evenly spread over the vocabulary."""
    step = max(1, size // VOCABULARY_SAMPLE)
    yield from range(0, size, step)
