"""The model behind the language server: decodes a sentence as the debugger does.

It runs on the worker's thread, the only place where the language server meets torch. A sentence is decoded
by a `Session` with the watch rules armed, so what an editor shows is what a debugger would.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import torch

from s2sdap.debugger.breakpoints import Armed
from s2sdap.debugger.corpus.run import Corpus
from s2sdap.debugger.frames import Frame
from s2sdap.debugger.neighbors.training import Training
from s2sdap.debugger.program import Program, Sentence
from s2sdap.debugger.results import Result
from s2sdap.debugger.session import Session
from s2sdap.debugger.stops import Motion, Stop, StopReason
from s2sdap.decoding.decode import Output
from s2sdap.decoding.edits import Edit, LogitEdit, TokenEdit
from s2sdap.decoding.planning import planner_for, settings_for
from s2sdap.decoding.records import Hypothesis
from s2sdap.language.configuration import Project
from s2sdap.language.decoded import Asked, DecodedSentence, Edited, FoundHere, Origin, Rival, TargetToken
from s2sdap.language.found import found_at
from s2sdap.language.words import Words
from s2sdap.language.worker import Interrupted
from s2sdap.models.contract import Described
from s2sdap.models.loading import load_model
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage

KEPT: Final = 32
"""Decodes whose tensors are kept, for whoever asks for the neighbours of one of their words."""
LIKELIEST: Final = 2
"""Tokens among which the rival of a chosen one is."""

Cancelled = Callable[[], bool]


@dataclass(frozen=True, slots=True, eq=False)
class Traced:
    """A decode with what it was computed from: the frame in which the best output took its last token."""

    decoded: DecodedSentence
    last: Frame | None


class Engine:
    """A loaded model with the settings and rules of a project."""

    def __init__(self, project: Project, model: Described | None = None) -> None:
        """Load the model, where it is not given."""
        configuration = project.configuration
        torch.set_num_threads(configuration.threads)
        self.project = project
        self.model = model or load_model(
            project.model,
            configuration.device,
            dtype=configuration.dtype,
            revision=configuration.revision,
            trust_remote_code=project.trusted,
        )
        self.settings = settings_for(self.model, project.search, configuration.generation)
        self.planner = planner_for(self.model, self.settings)
        self.rules = project.rules
        self.training = Training(self.model, project.index)
        if any(rule.of_training for rule in self.rules):
            self.training.open()
        self.words = Words(self.model, self.training)
        self._traced: OrderedDict[tuple[Asked, tuple[Edited, ...]], Traced] = OrderedDict()

    def decode(
        self,
        asked: Asked,
        path: str | None,
        origin: Origin,
        edits: tuple[Edited, ...] = (),
        cancelled: Cancelled = lambda: False,
    ) -> DecodedSentence:
        """Decode a sentence of the file `path`. Raises `Interrupted` once `cancelled()` is true."""
        return self.traced(asked, path, origin, edits, cancelled).decoded

    def traced(
        self,
        asked: Asked,
        path: str | None,
        origin: Origin,
        edits: tuple[Edited, ...] = (),
        cancelled: Cancelled = lambda: False,
    ) -> Traced:
        """The same with its tensors, as long as they are kept."""
        key = (asked, edits)
        found = self._traced.get(key)
        if found is None:
            found = self._traced[key] = self._decoded(asked, path, origin, edits, cancelled)
            while len(self._traced) > KEPT:
                self._traced.popitem(last=False)
        self._traced.move_to_end(key)
        return found

    def run(
        self, sentences: Sequence[Asked], path: str | None, cancelled: Cancelled
    ) -> Iterator[tuple[Asked, DecodedSentence]]:
        """Decode many sentences in batches; those in which a rule fired once more by themselves.

        Raises `Interrupted` once `cancelled()` is true.
        """
        program = Program(
            path,
            path or "source",
            (),
            tuple(
                Sentence(place, each.line, each.text, each.reference) for place, each in enumerate(sentences)
            ),
        )
        corpus = Corpus(self.model, program, self.settings, self.rules, training=self.training)
        for decoded in corpus:
            if cancelled():
                raise Interrupted
            asked = sentences[decoded.result.sentence.index]
            if decoded.stops:
                yield asked, self.decode(asked, path, Origin.RUN, (), cancelled)
            else:
                yield asked, brief(decoded.result, Origin.RUN)

    def _decoded(
        self, asked: Asked, path: str | None, origin: Origin, edits: tuple[Edited, ...], cancelled: Cancelled
    ) -> Traced:
        sentence = Sentence(asked.index, asked.line, asked.text, asked.reference)
        # Only the last is entered; its number is that of the sentence, by which draws are made.
        program = Program(path, path or "source", (), (sentence,) * (asked.index + 1), first=asked.index)
        results: list[Result] = []
        session = Session(
            self.model,
            program,
            on_result=results.append,
            planner=self.planner,
            training=self.training,
        )
        findings: dict[tuple[str, int], FoundHere] = {}
        error = _run(session, Armed.of(rules=self.rules), edits, findings, cancelled)
        timeline = session.walk.timeline_of(asked.index)
        if results and results[-1].error is not None:
            error = results[-1].error
        outputs = () if timeline is None else timeline.branch.plan.best(timeline.branch.tip)
        if timeline is None or not outputs or error is not None:
            text = str(error) if error is not None else "The search gave no output."
            decoded = DecodedSentence(
                asked.text, "", 0.0, origin, findings=tuple(findings.values()), edits=edits, error=text
            )
            return Traced(decoded, None)
        branch, best = timeline.branch, outputs[0]

        def frame(node: Hypothesis) -> Frame:
            at = (branch.plan, sentence, branch.id, Stage.SEARCH, branch.encoder, branch.records)
            return Frame(*at, branch.records[node.step], node.row, node, self.training)

        last = frame(best)
        attended = sites.ATTENTION_WEIGHTS in self.model.layout.sites
        width = len(last.source.tokens)
        received = last.attention_matrix().sum(dim=0).double().tolist()[:width] if attended else []
        decoded = DecodedSentence(
            asked.text,
            branch.plan.model.target.text(best.tokens),
            math.exp(best.score),
            origin,
            tokens=tuple(_token(frame(node), node) for node in tuple(best.path())[::-1]),
            received=tuple(received),
            findings=tuple(findings.values()),
            edits=edits,
        )
        return Traced(decoded, last)


def brief(result: Result, origin: Origin) -> DecodedSentence:
    """A sentence of a run in which nothing was found, without its tokens."""
    output: Output | None = result.outputs[0] if result.outputs else None
    return DecodedSentence(
        result.sentence.text,
        result.text,
        0.0 if output is None else math.exp(output.score),
        origin,
        error=None if result.error is None else str(result.error),
    )


def _run(
    session: Session,
    armed: Armed,
    edits: Sequence[Edited],
    findings: dict[tuple[str, int], FoundHere],
    cancelled: Cancelled,
) -> S2sdapError | None:
    """Run to the end with every finding noted. Gives what it failed with.

    Edits are made one after the other on the sentence decoded so far, as by hand; then the run goes over
    the whole sentence once more, so that rules are asked of what the edits made of it.
    """
    if edits:
        if (error := _to_end(session, Motion.START, cancelled)) is not None:
            return error
        for edit in edits:
            session.goto(edit.step)
            session.edit(_edit(edit))
            if (error := _to_end(session, Motion.STEP_OUT, cancelled)) is not None:
                return error
        if session.walk.has_encoder:
            session.goto(-1)
        else:
            session.goto(0, session.walk.stages[0])
    session.armed = armed
    motion = Motion.CONTINUE if edits else Motion.START
    before: Stop | None = None
    while True:
        stop = _moved(session, motion, cancelled)
        if stop.reason is StopReason.END:
            return None
        if stop.error is not None and before is not None and before.cursor == stop.cursor:
            return stop.error  # it cannot get past this position
        for finding in () if stop.finding is None else (stop.finding, *stop.also):
            step = -1 if finding.step is None else finding.step
            findings.setdefault((finding.rule, step), found_at(session.frame, finding, step))
        before, motion = stop, Motion.CONTINUE


def _to_end(session: Session, motion: Motion, cancelled: Cancelled) -> S2sdapError | None:
    """To the last position of the sentence, with no rule armed."""
    stop = _moved(session, motion, cancelled)
    while stop.error is None and not session.walk.at_sentence_end:
        stop = _moved(session, Motion.STEP_OUT, cancelled)
    return stop.error


def _moved(session: Session, motion: Motion, cancelled: Cancelled) -> Stop:
    session.begin(motion)
    while (stop := session.advance()) is None:
        if cancelled():
            raise Interrupted
    return stop


def _edit(edit: Edited) -> Edit:
    if edit.banned:
        return LogitEdit(edit.step, edit.hypothesis, edit.token, -math.inf)
    return TokenEdit(edit.step, edit.hypothesis, edit.token)


def _token(frame: Frame, node: Hypothesis) -> TargetToken:
    focus = frame.focus()
    others = [each for each in frame.top_tokens(LIKELIEST) if each[0] != node.token]
    rival = None
    if others:
        token, logprob = others[0]
        rival = Rival(token, frame.piece(token), math.exp(logprob))
    return TargetToken(
        node.token,
        frame.piece(node.token),
        math.exp(node.logprob),
        frame.before.id,
        focus if focus is not None and focus < len(frame.source.tokens) else None,
        rival,
    )
