"""From what a session is made of to parts of the document, and back: all but its records."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from s2sdap.debugger.program import Program, Sentence
from s2sdap.debugger.results import Result
from s2sdap.debugger.session_file.layout import (
    CursorPart,
    ErrorPart,
    ModelPart,
    OutputPart,
    ProgramPart,
    ResultPart,
    SentencePart,
    SettingPart,
    SettingsPart,
    SourcePart,
    StopPart,
    TokenPart,
    VocabularyPart,
)
from s2sdap.debugger.session_file.texts import Texts
from s2sdap.debugger.stops import Cursor, Finding, Stop, StopReason
from s2sdap.decoding.decode import Output
from s2sdap.decoding.generation.settings import GenerationSettings
from s2sdap.decoding.plan import SettingShown
from s2sdap.decoding.planning import Settings
from s2sdap.decoding.settings import SearchSettings
from s2sdap.models.contract import Described, Layout
from s2sdap.models.tokens import Source, SourceToken, TargetVocabulary, whole
from s2sdap.vocabulary.errors import CATALOGUE, ErrorKind, S2sdapError
from s2sdap.vocabulary.positions import Span
from s2sdap.vocabulary.sites import SITES
from s2sdap.vocabulary.stages import Stage

SEARCH, GENERATION, DEFAULT, CALL = "search", "generation", "default", "call"


# ---- the model -------------------------------------------------------------------------------


def tell_model(model: Described, texts: Texts, references: Iterable[str]) -> ModelPart:
    """What the model tells of itself, with its target vocabulary."""
    layout = model.layout
    return ModelPart(
        name=model.name,
        fingerprint=model.fingerprint,
        device=str(model.device),
        max_source_length=model.max_source_length,
        stages=[stage.value for stage in layout.stages],
        sites=list(layout.sites),
        sizes=list(layout.sizes),
        parameters=layout.parameters,
        missing=list(layout.missing),
        vocabulary=_tell_vocabulary(model.target, texts, references),
    )


def _tell_vocabulary(target: TargetVocabulary, texts: Texts, references: Iterable[str]) -> VocabularyPart:
    pieces = [target.piece(token) for token in range(len(target))]
    first: dict[str, int] = {}
    for token, piece in enumerate(pieces):
        first.setdefault(piece, token)
    found = {piece: (target.find(piece), token) for piece, token in first.items()}
    try:
        begin = target.piece(target.bos)
    except IndexError:  # some models begin with no token at all
        begin = ""
    return VocabularyPart(
        bos=target.bos,
        begin=begin,
        eos=target.eos,
        unknown=target.unknown,
        pieces=pieces,
        found={piece: meant for piece, (meant, token) in found.items() if meant not in (None, token)},
        encoded={reference: list(whole(target, reference)) for reference in references},
        texts=texts.told(),
        added=list(texts.words),
    )


def layout_of(part: ModelPart, kept: frozenset[str], why: str) -> Layout:
    """The layout of a recorded model: what the file does not keep is missing, and `why` says so."""
    return Layout(
        stages=tuple(Stage(stage) for stage in part.stages),
        sites=tuple(site for site in part.sites if site in kept and site in SITES),
        sizes=tuple(part.sizes),
        parameters=part.parameters,
        missing=(*part.missing, *((site, why) for site in part.sites if site not in kept)),
    )


def tell_source(source: Source) -> SourcePart:
    """A source sentence."""
    return SourcePart(
        source.text,
        [TokenPart(each.piece, each.id, each.seen, each.span, each.known) for each in source.tokens],
    )


def source_of(part: SourcePart) -> Source:
    """A source sentence again."""
    return Source(
        part.text,
        tuple(
            SourceToken(each.piece, each.id, each.seen, each.span and Span(*each.span), each.known)
            for each in part.tokens
        ),
    )


# ---- the program and its settings ------------------------------------------------------------


def tell_program(program: Program) -> ProgramPart:
    """The program."""
    return ProgramPart(
        program.path,
        program.name,
        list(program.lines),
        [
            SentencePart(each.line, each.reference, None if _is_line(program, each) else each.text)
            for each in program.sentences
        ],
    )


def _is_line(program: Program, sentence: Sentence) -> bool:
    return sentence.line < len(program.lines) and program.lines[sentence.line] == sentence.text


def program_of(part: ProgramPart) -> Program:
    """The program again. Raises `IndexError` where a sentence has no line."""
    sentences = tuple(
        Sentence(index, each.line, part.lines[each.line] if each.text is None else each.text, each.reference)
        for index, each in enumerate(part.sentences)
    )
    return Program(part.path, part.name, tuple(part.lines), sentences)


def tell_settings(settings: Settings | None, *, of_call: bool) -> SettingsPart:
    """What the session's decodes are to be planned by again."""
    if of_call:
        return SettingsPart(CALL, {})
    if settings is None:
        return SettingsPart(DEFAULT, {})
    kind = SEARCH if isinstance(settings, SearchSettings) else GENERATION
    return SettingsPart(kind, msgspec.to_builtins(settings))


def settings_of(part: SettingsPart) -> Settings | None:
    """The settings again. Raises what is wrong with them."""
    kinds: dict[str, Any] = {SEARCH: SearchSettings, GENERATION: GenerationSettings}
    return msgspec.convert(part.given, kinds[part.kind]) if part.kind in kinds else None


def tell_shown(settings: Sequence[SettingShown]) -> list[SettingPart]:
    """The settings as people read them. A value that JSON does not know is told as text."""
    return [SettingPart(each.name, _plain(each.value), each.origin) for each in settings]


def _plain(value: object) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    return str(value)


def shown_of(parts: Sequence[SettingPart]) -> tuple[SettingShown, ...]:
    """The settings as people read them, again."""
    return tuple(SettingShown(each.name, each.value, each.origin) for each in parts)


# ---- results, stops and errors ---------------------------------------------------------------


def tell_result(result: Result) -> ResultPart:
    """What a sentence came to."""
    return ResultPart(
        result.sentence.index,
        result.branch,
        [
            OutputPart(
                each.text,
                list(each.tokens),
                list(each.pieces),
                [value.hex() for value in each.logprobs],
                each.score.hex(),
                each.final.hex(),
            )
            for each in result.outputs
        ],
        None if result.error is None else tell_error(result.error),
    )


def result_of(part: ResultPart, program: Program) -> Result:
    """What a sentence came to, again."""
    outputs = tuple(
        Output(
            each.text,
            tuple(each.tokens),
            tuple(each.pieces),
            tuple(float.fromhex(value) for value in each.logprobs),
            float.fromhex(each.score),
            float.fromhex(each.final),
        )
        for each in part.outputs
    )
    error = None if part.error is None else error_of(part.error)
    return Result(program.sentences[part.sentence], part.branch, outputs, error)


def tell_error(error: S2sdapError) -> ErrorPart:
    """A refusal in words: its details may be anything."""
    return ErrorPart(error.number, error.name, error.what, error.remedy)


class RecordedError(S2sdapError):
    """A refusal that a session has met, told again in the words of then."""

    def __init__(self, part: ErrorPart) -> None:
        known = CATALOGUE.get(part.name)
        if known is None or known.number != part.number:
            known = ErrorKind(part.number, part.name, part.what, part.remedy)
        self.kind = known
        self.details = {}
        self.what, self.remedy = part.what, part.remedy
        Exception.__init__(self, f"S2S{part.number}: {part.what}. {part.remedy}.")


def error_of(part: ErrorPart) -> S2sdapError:
    """A refusal again."""
    return RecordedError(part)


def tell_cursor(cursor: Cursor) -> CursorPart:
    """Where the session stands."""
    return CursorPart(cursor.sentence, cursor.branch, cursor.step, cursor.stage.value, cursor.hypothesis)


def tell_stop(stop: Stop) -> StopPart:
    """Why it stands there."""
    return StopPart(
        stop.reason.value,
        stop.text,
        list(stop.breakpoints),
        None if stop.finding is None else msgspec.to_builtins(stop.finding),
        None if stop.error is None else tell_error(stop.error),
        stop.traceback,
        [msgspec.to_builtins(each) for each in stop.also],
    )


def stop_of(part: StopPart, cursor: Cursor) -> Stop | None:
    """The stop again, where it is one that still says something: a rule, a model's error."""
    if part.reason not in (StopReason.RULE, StopReason.ERROR):
        return None
    error = None if part.error is None else error_of(part.error)
    also = (_finding_of(each) for each in part.also)
    return Stop(
        StopReason(part.reason),
        cursor,
        part.text,
        tuple(part.breakpoints),
        _finding_of(part.finding),
        tuple(each for each in also if each is not None),
        error,
        part.traceback,
    )


def _finding_of(part: dict[str, Any] | None) -> Finding | None:
    """A finding again; `None` also where another release looked for other numbers."""
    try:
        return None if part is None else msgspec.convert(part, Finding)
    except msgspec.ValidationError:
        return None
