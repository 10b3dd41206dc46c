"""What stands in for a model without it: its vocabulary, its description, and plans that run nothing."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from s2sdap.debugger.session_file.layout import EncoderPart, ModelPart
from s2sdap.debugger.session_file.telling import layout_of
from s2sdap.debugger.session_file.texts import RecordedTexts
from s2sdap.decoding.edits import Edit
from s2sdap.decoding.plan import SettingShown
from s2sdap.decoding.records import EncoderRecord, Hypothesis, Snapshot, StepRecord
from s2sdap.models.tokens import Source
from s2sdap.vocabulary.errors import S2sdapError


class RecordedVocabulary:
    """The target vocabulary of a recording. Fulfils the contract's `TargetVocabulary`."""

    bos: int
    eos: int
    unknown: int | None

    added: tuple[str, ...]
    """The words that a source has added to it."""

    def __init__(self, part: ModelPart, source: EncoderPart | None = None) -> None:
        """The vocabulary as `source` extends it. Raises `IndexError` where that names no such word."""
        told = part.vocabulary
        numbers = () if source is None else source.added
        if any(number < 0 for number in numbers):
            raise IndexError("a source adds a word that has no number")
        self.added = tuple(told.added[number] for number in numbers)
        self._numbers = [len(told.pieces) + number for number in numbers]
        self.bos, self.eos, self.unknown = told.bos, told.eos, told.unknown
        self._begin = told.begin
        self._pieces = [*told.pieces, *self.added]
        self._encoded = told.encoded if source is None else {**told.encoded, **source.encoded}
        self._texts = RecordedTexts(told.texts)
        self._ids: dict[str, int] = {}
        for token, piece in enumerate(self._pieces):
            self._ids.setdefault(piece, token)
        self._ids.update(told.found)

    def __len__(self) -> int:
        return len(self._pieces)

    def piece(self, token: int, /) -> str:
        """How token `token` is written; an id outside the vocabulary is an `IndexError`."""
        if token == self.bos:
            return self._begin
        if token < 0:
            raise IndexError(f"token {token} is not in the vocabulary")
        return self._pieces[token]

    def find(self, piece: str, /) -> int | None:
        """The id of `piece`, or `None` if no token is written so."""
        return self._ids.get(piece)

    def encode(self, text: str, /) -> tuple[int, ...]:
        """The ids of a reference; no other text can be encoded without the model's tokenizer."""
        found = self._encoded.get(text)
        if found is None:
            raise S2sdapError("not_recorded", what=f"the tokens of {text[:100]!r}")
        return tuple(found)

    def text(self, tokens: Sequence[int], /) -> str:
        """The text of recorded tokens."""
        first = len(self._pieces) - len(self.added)
        found = self._texts.text([each if each < first else self._numbers[each - first] for each in tokens])
        if found is None:
            raise S2sdapError("not_recorded", what=f"the text of {len(tokens)} tokens that no step chose")
        return found


class RecordedModel:
    """What a model told of itself. Fulfils the contract's `Described`."""

    def __init__(self, part: ModelPart, kept: frozenset[str], sources: Mapping[str, Source]) -> None:
        self.name = part.name
        self.fingerprint = part.fingerprint
        self.device = torch.device(part.device)  # where it ran; what was recorded is on the CPU
        self.max_source_length = part.max_source_length
        self.layout = layout_of(part, kept, "the recording was saved without it")
        self.target = RecordedVocabulary(part)
        self._part, self._sources = part, sources

    def read(self, source: EncoderPart) -> "RecordedModel":
        """The model as it read a source, which may have added words. Raises `IndexError` for a bad one."""
        if not source.added:
            return self
        model = copy.copy(self)
        model.target = RecordedVocabulary(self._part, source)
        sizes = {**dict(self.layout.sizes), "V": len(model.target)}
        model.layout = replace(self.layout, sizes=tuple(sizes.items()))
        return model

    def tokenize(self, text: str, /) -> Source:
        """The recorded tokens of a source that was read."""
        found = self._sources.get(text)
        if found is None:
            raise S2sdapError("not_recorded", what=f"the tokens of {text[:100]!r}")
        return found


class RecordedPlan:
    """The plan of a recorded branch. Fulfils `Plan`, but runs nothing."""

    def __init__(
        self,
        model: RecordedModel,
        shown: tuple[SettingShown, ...],
        changed: Mapping[Snapshot, tuple[SettingShown, ...]],
        best: Mapping[Snapshot, tuple[Hypothesis, ...]],
    ) -> None:
        """`changed` are the settings as they stood after steps by which a person had changed some."""
        self.model = model
        self._shown = shown
        self._changed = changed
        self._best = best

    def begin(self, edits: Sequence[Edit] = ()) -> EncoderRecord:
        """Refuses: reading the source takes the model."""
        raise _only_recorded(self.model, edits)

    def step(self, encoder: EncoderRecord, before: Snapshot, edits: Sequence[Edit] = ()) -> StepRecord:
        """Refuses: a step takes the model."""
        del encoder, before
        raise _only_recorded(self.model, edits)

    def best(self, after: Snapshot) -> tuple[Hypothesis, ...]:
        """The hypotheses that were the result."""
        return self._best.get(after, ())

    def settings_shown(self, after: Snapshot | None = None) -> tuple[SettingShown, ...]:
        """The settings as they were shown."""
        return self._shown if after is None else self._changed.get(after, self._shown)


def _only_recorded(model: RecordedModel, edits: Sequence[Edit]) -> S2sdapError:
    what = "take an edit" if edits else "run on"
    return S2sdapError("post_mortem", model=model.name, what=what)
