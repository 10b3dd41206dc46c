"""A Hugging Face model as one that can be debugged: what it is, what it reads, and how it writes.

It deliberately has neither `encode` nor `step`: its decode is that of its own `generate`, which
`decoding.generation` runs. Here stands what is the same for every search: name and fingerprint, layout,
source tokens, target vocabulary, and the arguments of `generate`.
"""

import weakref
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from s2sdap.models.contract import Embeddings, Layout, Source, TargetVocabulary
from s2sdap.models.huggingface import call_sources, layout
from s2sdap.models.huggingface.audio import AudioReader
from s2sdap.models.huggingface.embeddings import source_embeddings_of, target_embeddings_of
from s2sdap.models.huggingface.encoder_length import EncoderLengths, main_input
from s2sdap.models.huggingface.fingerprint import fingerprint_of
from s2sdap.models.huggingface.image import ImageReader
from s2sdap.models.huggingface.processing import Processing
from s2sdap.models.huggingface.source_files import FileSource
from s2sdap.models.huggingface.source_tokens import TextReader
from s2sdap.models.huggingface.taps import Taps
from s2sdap.models.huggingface.target_tokens import target_of
from s2sdap.vocabulary.errors import S2sdapError

TEXT: Final = "input_ids"
AUDIO: Final = ("input_features", "input_values")
IMAGE: Final = "pixel_values"
READ_HERE: Final = (TEXT, *AUDIO, IMAGE)
"""The main arguments of `generate` that a line of a program can stand for."""


class HuggingFaceModel:
    """A `PreTrainedModel` with what belongs to it. Fulfils the contract's `GeneratingModel`.

    Attributes:
        model: the model itself, unchanged.
        processing: the tokenizer or processor as it was loaded or given, or `None`.
        tokenizer: the tokenizer in it, or `None`.
        base: the folder from which lines name their files, where `tokenize` is not told another.
    """

    name: str
    device: torch.device
    target: TargetVocabulary
    max_source_length: int | None

    def __init__(self, model: PreTrainedModel, processing: Processing, name: str) -> None:
        self.model = model
        self.name = name
        self.device = model.device
        self.processing = processing.whole
        self.tokenizer: PreTrainedTokenizerBase | None = processing.tokenizer
        self.base: Path | None = None
        self.target = target_of(model, self.tokenizer)
        self.reads = main_input(model)
        self.max_source_length = layout.source_limit(model) if self.reads == TEXT else None
        self._tapped = False
        self._lengths = EncoderLengths(model)
        self._text = None if self.tokenizer is None else TextReader(self.tokenizer)
        self._audio = AudioReader(model, processing.extractor, self._lengths)
        self._image = ImageReader(model, processing.image_processor, self._lengths)

    @classmethod
    def around(
        cls, model: PreTrainedModel, tokenizer: Any = None, name: str | None = None
    ) -> "HuggingFaceModel":
        """A model that is loaded already, with its tokenizer or processor if there is one."""
        own = Path(str(model.config.name_or_path)).name
        return cls(model, Processing.of(tokenizer), name or own or type(model).__name__)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the configuration and of a sample of the weights; see `fingerprint`."""
        return fingerprint_of(self.model)

    @cached_property
    def taps(self) -> Taps:
        """What sees and edits the model's sites during a forward pass."""
        return Taps(self.model)

    def stay_tapped(self) -> None:
        """Put the taps in place for good: the model is ours. Doing it again changes nothing.

        They are taken out when this is gone, or when Python ends, while there is still all that it takes.
        """
        if not self._tapped:
            installed = ExitStack()
            installed.enter_context(self.taps.installed())
            weakref.finalize(self, installed.close)
            self._tapped = True

    @cached_property
    def layout(self) -> Layout:
        """The stages, sites and sizes that can be shown of the model."""
        return layout.layout_of(self.model, self.taps)

    def tokenize(self, text: str, /, base: Path | None = None) -> Source:
        """The source tokens of a line, in reading order.

        Args:
            text: the line: text, or the path of a recording or an image.
            base: the folder from which a path is meant, by default the attribute `base`.

        Raises:
            S2sdapError: `source_file` where a file cannot be read, `processing_missing` where the model has
                no tokenizer or processor, `source_kind` where a line cannot say what the model reads.
        """
        if self.reads in AUDIO and self._audio.ready:
            return self._audio.read(text, base or self.base)
        if self.reads == IMAGE and self._image.ready:
            return self._image.read(text, base or self.base)
        if self.reads == TEXT and self._text is not None:
            return self._known(self._text.read(text))
        raise self._unread()

    def source_embeddings(self) -> Embeddings | None:
        """The embeddings that a text is read with; `None` where the source is no text."""
        return source_embeddings_of(self.model, self._text) if self.reads == TEXT else None

    def target_embeddings(self) -> Embeddings | None:
        """The embeddings that the decoder reads its own tokens with."""
        return target_embeddings_of(self.model, self._text)

    def named_weights(self) -> list[tuple[str, Tensor]]:
        """Every weight tensor with its name."""
        return [(name, weight.detach()) for name, weight in self.model.named_parameters()]

    def inputs(self, source: Source, /) -> dict[str, Tensor]:
        """What `generate` is given for a source of `tokenize`, as a batch of one on the model's device.

        Text: `input_ids` and `attention_mask` [1, S]. A file: the tensors of the feature extractor or the
        image processor, those of numbers in the model's own type.
        """
        if not isinstance(source, FileSource):
            if self.reads != TEXT:
                return self.inputs(self.tokenize(source.text))
            ids = torch.tensor([[token.id for token in source.tokens]], device=self.model.device)
            names = ("attention_mask",) if self.tokenizer is None else self.tokenizer.model_input_names
            mask = {"attention_mask": torch.ones_like(ids)} if "attention_mask" in names else {}
            return {"input_ids": ids.long(), **mask}
        reader = self._image if self.reads == IMAGE else self._audio
        return {name: self._placed(value) for name, value in reader.inputs(source.file).items()}

    def sources_of(self, inputs: Mapping[str, Any], /) -> tuple[Source, ...]:
        """The sources of somebody's own call of `generate`, by its arguments, one a row of the batch.

        `inputs` are the keyword arguments, with the first positional one as `inputs`.
        """
        given = dict(inputs)
        first = given.pop("inputs", None)
        if first is not None:
            given.setdefault(self.reads, first)
        if (value := given.get(self.reads)) is not None:
            if self.reads == TEXT:
                ids = call_sources.as_rows(value)
                rows = call_sources.rows_of(ids, given.get("attention_mask"), self._pad(given))
                return tuple(call_sources.text_source(row, self._text) for row in rows)
            one = call_sources.first_row(given)
            if self.reads == IMAGE:
                return call_sources.repeated(Source("", self._image.patches(one)), len(value))
            if self.reads in AUDIO:
                return call_sources.repeated(Source("", self._audio.frames(one)), len(value))
        states = given.get("encoder_outputs")
        vectors = states[0] if states is not None else given.get("inputs_embeds")
        if isinstance(vectors, Tensor):
            return call_sources.repeated(call_sources.vectors_source(vectors.shape[1]), len(vectors))
        raise S2sdapError("source_kind", model=self.name, argument=self.reads)

    def _pad(self, given: Mapping[str, Any]) -> int | None:
        """What counts as padding where a call has no mask: nothing, where it is also an end symbol."""
        config = given.get("generation_config") or self.model.generation_config
        pad = given.get("pad_token_id", config.pad_token_id)
        end = given.get("eos_token_id", config.eos_token_id)
        ends = end if isinstance(end, (list, tuple)) else (end,)
        return None if pad in ends else pad

    def _known(self, source: Source) -> Source:
        size = layout.source_vocabulary_size(self.model)
        foreign = [token.id for token in source.tokens if size is not None and token.id >= size]
        if foreign:
            raise S2sdapError("tokenizer_foreign", model=self.name, size=size, token=foreign[0])
        return source

    def _placed(self, value: Tensor) -> Tensor:
        kind = self.model.dtype if value.is_floating_point() else value.dtype
        return value.to(self.model.device, kind)

    def _unread(self) -> S2sdapError:
        if self.reads not in READ_HERE:
            return S2sdapError("source_kind", model=self.name, argument=self.reads)
        part = "tokenizer" if self.reads == TEXT else "processor"
        return S2sdapError("processing_missing", path=self.name, part=part, reason="none was given")
