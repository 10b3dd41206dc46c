"""What is computed of one batch of a corpus: its states and its sentences, in this process or in another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from s2sdap.decoding.forced.checked import Way
from s2sdap.models.contract import Described, extends
from s2sdap.models.tokens import TargetVocabulary
from s2sdap.neighbors.extraction import Example, Extracted, Extractor
from s2sdap.neighbors.sentences import CorpusSentence
from s2sdap.neighbors.states import Pair, States, StateSite


@dataclass(frozen=True, slots=True)
class BatchTask:
    """A batch to compute: its pairs, the 0-based line of each, and the file that they are from."""

    pairs: tuple[Pair, ...]
    lines: tuple[int, ...]
    file: str


@dataclass(frozen=True, slots=True, eq=False)
class BatchStates:
    """The states of a batch, the sentences that have some, and of how many the model has none.

    `way` and `apart` are the extractor's after it: how it forces sentences, and how far at most from the
    debugger's own steps.
    """

    states: Mapping[StateSite, States]
    sentences: Sequence[CorpusSentence]
    failed: int
    way: Way = Way.BATCHES
    apart: float = 0.0


def batch_states(extractor: Extractor, task: BatchTask) -> BatchStates:
    """Compute a batch."""
    examples, unread = extractor.read(task.pairs)
    found = extractor(examples)
    failed = {each.sentence for each in (*unread, *found.skipped)}
    taken = [each for each in examples if each.pair.sentence not in failed]
    sentences = _sentences(task, extractor.model, taken, found)
    return BatchStates(found, sentences, len(failed), extractor.way, extractor.apart)


def _sentences(
    task: BatchTask, model: Described, examples: Sequence[Example], found: Extracted
) -> list[CorpusSentence]:
    """The sentences of a batch. A target that nobody gave is what the model wrote, if that was looked at."""
    lines = {pair.sentence: line for pair, line in zip(task.pairs, task.lines, strict=True)}
    sees = any(not site.of_source for site in found)
    copying = model if extends(model) else None
    sentences = []
    for example in examples:
        number, target = example.pair.sentence, example.pair.target
        vocabulary = model.target if copying is None else copying.reading(example.source).target
        if example.target is None:
            tokens = found.written.get(number, ()) if sees else ()
            target = vocabulary.text(tokens) if target is None and tokens else target
        else:
            tokens = example.target if copying is None else _as_written(vocabulary, example.target, target)
        sentences.append(
            CorpusSentence(
                sentence=number,
                source=example.pair.source,
                target=target,
                file=task.file,
                line=lines[number],
                pieces=tuple(token.piece for token in example.source.tokens),
                spans=tuple(token.span for token in example.source.tokens),
                target_pieces=tuple(vocabulary.piece(token) for token in tokens),
            )
        )
    return sentences


def _as_written(vocabulary: TargetVocabulary, tokens: tuple[int, ...], text: str | None) -> tuple[int, ...]:
    """The tokens of a target with the words that its source adds, which the model reads as unknown ones."""
    written = () if text is None else vocabulary.encode(text)
    return (*written, *tokens[len(written) :])
