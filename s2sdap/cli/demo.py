"""`s2sdap demo`: one decode, debugged as a person would, over the real protocol.

A server in a process of its own, the scripted client over the websocket, the bundled model. Every
number on show comes out of an answer of the protocol.
"""

import contextlib
import io
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rich.console import Console, RenderableType
from rich.rule import Rule
from rich.text import Text

from s2sdap.cli import pictures
from s2sdap.cli.pictures import plain, probability, written
from s2sdap.cli.undecoded import failure_of
from s2sdap.client import Debugger, Refused
from s2sdap.protocol.custom import ResultBody, StepBody
from s2sdap.vocabulary.errors import S2sdapError

AMBIGUOUS: Final = "J 4, 2005"
"""The source that is shown unless another is given."""
BEAM: Final = 3
INDENT: Final = "   "
TOP: Final = 5
CANDIDATES: Final = 6
NEIGHBORS: Final = 4
MEANT: Final = {
    "decoder.state": "the one that predicts",
    "attention.context": "what it had read for",
}
"""The sites whose neighbours are shown, and what their states are."""
FAMILIAR: Final = tuple(MEANT)
ATTEMPTS: Final = 12
"""Source tokens that the attention is pointed at before the demo gives up changing the token."""
DOUBTS: Final = ("p < 0.7", "p < 0.99", "p <= 1")
"""Conditions of the watch rule, tried in this order; the last one fires at the first token."""
TERMINATED: Final = 128 + signal.SIGTERM
PAUSE_SECONDS: Final = 1.2
SHOWN: Final = {
    "encoder": ("source", "states"),
    "decoder": ("reads", "state"),
    "attention": ("focus", "context"),
    "prediction": ("logits", "logprobs", "entropy"),
    "search": ("candidates", "live", "finished"),
}
"""The variables of each stage's scope that are shown."""


def demo(source: str | None, *, index: str | None, pauses: bool) -> None:
    """Show the whole story on standard output. `index` is another index than that of its training set."""
    terminal = sys.stdout.isatty()
    if isinstance(sys.stdout, io.TextIOWrapper):  # a stream that cannot write a bar writes `?`
        sys.stdout.reconfigure(errors="replace")
    console = Console(highlight=False, width=None if terminal else 100, soft_wrap=False)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))  # so that the server goes, too
    with (
        _server() as (address, token_file),
        Debugger.connect_address(address, token_file=token_file) as debugger,
    ):
        told = AMBIGUOUS if source is None else source
        _Story(console, debugger, told, index=index, pauses=pauses and terminal).tell(address)


@contextlib.contextmanager
def _server() -> Iterator[tuple[str, Path]]:
    """A server on free ports: the address of its websocket and the file with its token."""
    with tempfile.TemporaryDirectory(prefix="s2sdap-demo-") as folder:
        token_file = Path(folder) / "token"
        command = [sys.executable, "-m", "s2sdap", "serve", "--token-file", str(token_file)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
            try:
                announced = [process.stdout.readline().strip() for _ in range(3)] if process.stdout else []
                address = next((line for line in announced if line.startswith("ws://")), "")
                if not address:
                    raise S2sdapError("connection_lost", word=": the server of the demo did not start")
                yield address, token_file
            finally:
                process.terminate()


class _Story:
    """The demo's chapters, in order; each says what is done and shows what came back."""

    def __init__(
        self, console: Console, debugger: Debugger, source: str, *, index: str | None, pauses: bool
    ) -> None:
        self.console = console
        self.debugger = debugger
        self.source = source
        self.index = index
        self.pauses = pauses
        self.condition = DOUBTS[0]

    def tell(self, address: str) -> None:
        """All of it."""
        self.opening(address)
        self.stages()
        doubtful = self.doubt()
        self.training(doubtful)
        before = self.ending(doubtful)
        forced = self.force(doubtful, before)
        self.attention(forced)
        self.say()
        self.say(
            "Next: s2sdap run FILE --break 'lowConfidence(p < 0.7)' finds such tokens in a whole file.",
            "bold",
        )

    # ---- the chapters ------------------------------------------------------------------------

    def opening(self, address: str) -> None:
        """The source, and who is talking to whom."""
        stop = self.debugger.launch(source=self.source, beam_size=BEAM, n_best=BEAM, index=self.index)
        if stop.ended:
            raise failure_of(self.debugger, 1, "SENTENCE") or S2sdapError("ended")
        step = self.debugger.step()
        self.chapter("The source", "launch")
        self.say(f"A debug adapter serves the model `dates` at {address}; this is a client of it.")
        tokens = f"{len(step.source)} source token" + ("s" if len(step.source) != 1 else "")
        self.say(f"{self.source!r} is {tokens}; the beam holds {BEAM} hypotheses.")
        pieces = " ".join(f"[{written(token.piece)}]" for token in step.source)
        for line in textwrap.wrap(pieces, self.console.width - len(pictures.INDENT), break_long_words=False):
            self.say("  " + line)
        if self.source == AMBIGUOUS:
            self.say("Is that a day in January, in June or in July?")
        unknown = [written(token.piece) for token in step.source if not token.known]
        if unknown:
            self.say(f"The model does not know {' '.join(unknown)}.")

    def stages(self) -> None:
        """The encoder, then the four stages of the first step."""
        self.chapter("One step, stage by stage", "step_in")
        while True:
            step = self.debugger.step(top=TOP)
            self.stage(step)
            if step.stage == "attention" and step.attention:
                self.say(f"  weights    [S] {len(step.attention)}, sum {sum(step.attention):.4f}")
                self.heat(step)
            if step.stage == "prediction":
                self.bars(step)
            if step.stage == "search":
                self.beam(step)
                return
            self.pause()
            self.debugger.step_in()

    def doubt(self) -> StepBody:
        """Run to a token that the model is not sure of."""
        for self.condition in DOUBTS:
            self.debugger.watch({"lowConfidence": self.condition})
            stop = self.debugger.continue_()
            if not stop.ended:
                break
            self.debugger.restart()
        self.chapter("Where the model is not sure", f"watch lowConfidence({self.condition}); continue_")
        step = self.debugger.step(top=TOP)
        self.say(f"Stopped: {plain(stop.text)}")
        self.say(f"Step {step.step}, output so far {step.output!r}. Attention of this step:")
        self.heat(step)
        self.say("The likeliest tokens, with their probabilities:")
        self.bars(step)
        self.say("What search made of it:")
        self.beam(step)
        return step

    def training(self, doubtful: StepBody) -> None:
        """The training states that are nearest to what predicts the doubtful token."""
        self.chapter(
            "Where has it seen this before?", f"neighbors({FAMILIAR[0]!r}); neighbors({FAMILIAR[1]!r})"
        )
        if self.index is None:
            self.say("The index of its training set is built when it is first asked for, and then kept.")
        else:
            self.say(f"The index that is asked is {self.index}.")
        for site in FAMILIAR:
            try:
                found = self.debugger.neighbors(site, k=NEIGHBORS)
            except Refused as refused:  # its packages are an extra
                self.say(str(refused))
                return
            word = _word(doubtful)
            self.say(
                f"Of {found.states:,} states in training the nearest to {MEANT[site]} {word!r} ({site}):"
            )
            self.show(pictures.neighbors(found.neighbors))
            far = found.summary.percentile
            if far is not None:
                self.say(f"  {far:.1f} of 100 training states have their own nearest less far.")

    def ending(self, doubtful: StepBody) -> ResultBody:
        """The output as it is without any edit; then back to the doubtful token."""
        self.chapter("To the end, and back", "step_out; step_back; reverse_continue")
        self.debugger.watch([])
        result = self.finish(0)
        self.say("The outputs without any edit:")
        for output in result.outputs:
            self.say(f"  {plain(output.text)}   score {output.score:.3f}")
        self.debugger.step_back()
        at = self.debugger.step(top=1)
        self.say(f"One step_back leads to step {at.step}, where it chose {_word(at)!r}.")
        self.debugger.watch({"lowConfidence": self.condition})
        while (step := self.debugger.step(top=1)).step > doubtful.step:
            self.debugger.reverse_continue()
        self.debugger.watch([])
        self.say(
            f"reverse_continue leads to the doubtful {_word(step)!r} of step {step.step}, from its record."
        )
        return result

    def force(self, doubtful: StepBody, before: ResultBody) -> ResultBody:
        """Take the runner-up in place of the choice."""
        chosen = doubtful.token.id if doubtful.token else -1
        runner_up = next(token for token in doubtful.top or [] if token.id != chosen)
        word = written(runner_up.piece)
        self.chapter("What if it had said something else?", f"force {word!r}")
        edit = self.debugger.force(runner_up.id)
        step = self.debugger.step(top=TOP)
        p = step.token.p if step.token else runner_up.p
        self.say(f"{word!r} keeps its own probability, {probability(p)}, and search goes on from it:")
        self.beam(step)
        after = self.finish(edit.branch)
        self.compare(f"forcing {word!r}", before, after)
        return after

    def attention(self, before: ResultBody) -> None:
        """The attention of an earlier step of the best output, pointed elsewhere."""
        self.chapter("What if it had looked elsewhere?", "stack_trace; edit_attention")
        best = self.debugger.threads()[0].id
        stack = self.debugger.stack_trace(hypothesis=best)
        frame = stack[1 if len(before.outputs[0].tokens) > 1 else 0]
        step = self.debugger.step(top=TOP, frame_id=frame.id)
        output, word = before.outputs[0].text, _word(step)
        self.say(f"The stack of {output!r} holds every step. At step {step.step}, {word!r}, it looked here:")
        self.heat(step)
        context = self.context(frame.id)
        branch, position, edited = self.look_elsewhere(step, frame.id)
        self.say(f"All of it on source token {position}, {written(step.source[position].piece)!r}:")
        self.heat(edited)
        self.say(f"context before  {context}")
        self.say(f"context after   {self.context()}")
        self.say("and so the prediction is:")
        self.bars(edited)
        self.compare("looking elsewhere", before, self.finish(branch))

    # ---- what they are made of ---------------------------------------------------------------

    def look_elsewhere(self, step: StepBody, frame: int) -> tuple[int, int, StepBody]:
        """Point the attention at one source token after the other until the prediction changes."""
        positions = [each for each in reversed(range(len(step.source))) if each != step.focus]
        best = step.top[0].id if step.top else -1
        at: int | None = frame  # an edit moves the cursor to its step, so only the first one names it
        for position in positions[:ATTEMPTS] or [0]:
            branch = self.debugger.edit_attention(position, 1.0, frame_id=at).branch
            edited, at = self.debugger.step(top=TOP), None
            if edited.top and edited.top[0].id != best:
                break
        return branch, position, edited

    def finish(self, branch: int) -> ResultBody:
        """Run the sentence to its end on the branch at the cursor."""
        while True:
            for result in self.debugger.results():
                if result.branch == branch:
                    return result
            self.debugger.step_out()

    def context(self, frame: int | None = None) -> str:
        """The beginning of the context vector of a frame, by default the cursor's."""
        shown = self.debugger.evaluate("context", frame_id=frame).result
        numbers = shown.strip("[]").split(", ")
        return f"[{', '.join(numbers[:4])}, …]"

    def compare(self, edit: str, before: ResultBody, after: ResultBody) -> None:
        """The best output before an edit and after it."""
        line = Text(INDENT).append("the output before  ").append(plain(before.outputs[0].text), "bold")
        line.append(f"    after {edit}  ").append(plain(after.outputs[0].text), "bold green")
        self.show(line)

    def stage(self, step: StepBody) -> None:
        """A stage's variables."""
        place = "the sentence, once" if step.step < 0 else f"step {step.step}"
        self.show(Text(f"\n{INDENT}{step.stage}", "bold cyan").append(f"  {place}", "dim"))
        scope = self.debugger.scopes()[0]
        for variable in self.debugger.variables(scope.variables_reference):
            if variable.name in SHOWN[step.stage]:
                self.say(f"  {variable.name:<11}{plain(variable.value)}")

    def heat(self, step: StepBody) -> None:
        """The attention of a step."""
        if step.attention:
            pieces = [token.piece for token in step.source]
            self.show(pictures.heat(pieces, step.attention, self.console.width))

    def bars(self, step: StepBody) -> None:
        """The likeliest tokens of a step."""
        if step.top and step.token:
            self.show(pictures.bars(step.top, step.token.id))

    def beam(self, step: StepBody) -> None:
        """The search of a step."""
        searched = self.debugger.beam(start=step.step, count=1).steps[0]
        parents = {each.id: each.output for each in searched.hypotheses}
        self.show(pictures.beam(searched.candidates, parents, CANDIDATES))
        left = searched.candidates[CANDIDATES:]
        if left:
            self.say(f"  and {pictures.others(left)}", "dim")

    def chapter(self, title: str, verbs: str) -> None:
        """A heading with the verbs of the client that the chapter is about."""
        self.pause()
        self.console.print()
        heading = Text(f"{title} ", "bold").append(f"({verbs})", "dim")
        self.console.print(Rule(heading, align="left", style="dim"))

    def say(self, line: str = "", style: str = "") -> None:
        """A line of text."""
        self.show(Text(INDENT + line if line else "", style))

    def show(self, picture: RenderableType) -> None:
        """A picture, or a line."""
        self.console.print(picture)

    def pause(self) -> None:
        """Time to read, where somebody does."""
        if self.pauses:
            time.sleep(PAUSE_SECONDS)


def _word(step: StepBody) -> str:
    """The token of a step, as it is shown."""
    return written(step.token.piece) if step.token else ""
