"""`s2sdap debug`: open a sentence of a file paused at one token, in this terminal.

An adapter of its own and the scripted client, as in the demo; what is shown comes out of answers of the
protocol. Where a person sits at a terminal, single letters then drive it.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from rich.console import Console
from rich.text import Text

from s2sdap.cli import pictures
from s2sdap.cli.pictures import plain, probability
from s2sdap.cli.reopening import Opening, narrowed, place_in_words
from s2sdap.cli.undecoded import failure_of
from s2sdap.client import Debugger
from s2sdap.client.views import StopView
from s2sdap.debugger.watch_rules import LOW_CONFIDENCE, ArmedRule, parse_rule
from s2sdap.vocabulary.errors import S2sdapError

TOP: Final = 5
CANDIDATES: Final = 6
PROMPT: Final = "(s2sdap) "
HELP: Final = """\
n       the next token              s       the next stage
b       the token before            o       the end of the sentence
c       on to the next finding      r       back to the one before
f WORD  take that token instead     e EXPR  the value of an expression
p       show the step again         q       leave"""
FROM_THE_END: Final = ("", "b", "r", "p", "h", "q")
"""The commands that do something at the end of the program."""
AT_THE_END: Final = "The program has ended: b goes back to its last token, r to the last finding, q leaves."


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where to pause: the token that `step` of `line` (from 1) chose; `rules` as people write them.

    Without a step it is where the rules first fire, and without rules the first token.
    """

    line: int
    step: int | None = None
    rules: tuple[str, ...] = ()


def debug(opening: Opening, place: Place) -> None:
    """Open the place and show it; then take commands, where a person can give them."""
    rules = tuple(parse_rule(written) for written in place.rules)
    terminal = sys.stdout.isatty()
    console = Console(highlight=False, width=None if terminal else 100)
    with Debugger.spawn() as debugger:
        stop = paused_at(debugger, opening, place, rules)
        prompt = Prompt(debugger, console)
        prompt.show(stop)
        if terminal and sys.stdin.isatty():
            prompt.listen(lambda: input(PROMPT))


def paused_at(
    debugger: Debugger, opening: Opening, place: Place, rules: tuple[ArmedRule, ...] = ()
) -> StopView:
    """Launch, and run to the place.

    Raises what kept the sentence from being decoded, or `no_such_token` where it does not come there.
    """
    asked = {rule.rule.id: rule.condition.text for rule in rules}
    step = place.step if asked or place.step is not None else 0
    wanted = asked or {LOW_CONFIDENCE.id: "step >= 0"}
    there = {rule: narrowed(condition, place.line, step) for rule, condition in wanted.items()}
    # The first choice of a later sentence says that there was no such token.
    there[LOW_CONFIDENCE.id] = f"line > {place.line} or ({there.get(LOW_CONFIDENCE.id, 'False')})"
    stop = debugger.launch(
        program=opening.program,
        reference=opening.reference,
        model=opening.model,
        search=opening.search,
        generation=opening.generation,
        start_line=place.line,
        stop_on_entry=False,
        rules=there,
        threads=opening.threads,
        device=opening.device,
        dtype=opening.dtype,
        revision=opening.revision,
        trust_remote_code=opening.trust_remote_code or None,
        index=opening.index,
    )
    if stop.ended or debugger.step(top=1).line + 1 != place.line:
        named = f" under {', '.join(place.rules)}" if place.rules else ""
        where = "" if step is None else f" at step {step}"
        raise failure_of(debugger, place.line, opening.program) or S2sdapError(
            "no_such_token", line=place.line, where=where, path=opening.program, rule=named
        )
    debugger.watch(asked)
    return replace(stop, text=in_own_words(stop.text, there, asked))


def in_own_words(text: str, there: Mapping[str, str], asked: Mapping[str, str]) -> str:
    """What a stop says, with the condition that was asked for in place of the one that was armed for it."""
    for rule, armed in there.items():
        if text.startswith(f"{armed}: "):
            told = text.removeprefix(f"{armed}: ")
            return f"{asked[rule]}: {told}" if rule in asked else told
    return text


class Prompt:
    """Shows stops, and does what single letters ask; from the end of the program it goes back."""

    def __init__(self, debugger: Debugger, console: Console) -> None:
        self.debugger = debugger
        self.console = console
        self._shown: StopView | None = None

    def listen(self, ask: Callable[[], str]) -> None:
        """Commands until the person leaves."""
        self.say("n next, s stage, b back, c continue, f WORD, e EXPR, q leave, h more")
        while True:
            try:
                line = ask()
            except EOFError:
                return
            if not self.answer(line):
                return

    def answer(self, line: str) -> bool:
        """Do one command. Returns whether to go on."""
        word, _, rest = line.strip().partition(" ")
        moves = {
            "n": self.debugger.next,
            "s": self.debugger.step_in,
            "b": self.debugger.step_back,
            "o": self.debugger.step_out,
            "c": self.debugger.continue_,
            "r": self.debugger.reverse_continue,
        }
        try:
            if word == "q":
                return False
            if self._shown is not None and self._shown.ended and word not in FROM_THE_END:
                self.say(AT_THE_END)
            elif word in moves:
                self.show(moves[word]())
            elif word == "f":
                self.debugger.force(rest)
                self.show(self.debugger.stop)
            elif word == "e":
                self.say(self.debugger.evaluate(rest).result)
            elif word == "p":
                self.show(self._shown)
            elif word:
                self.say(HELP)
        except S2sdapError as error:
            self.say(str(error))
        return True

    def show(self, stop: StopView | None) -> None:
        """A stop: where it is, the attention, the likeliest tokens, and what search made of them."""
        self._shown = stop
        if stop is None or stop.ended:
            self.show_end()
            return
        step = self.debugger.step(top=TOP)
        source = "".join(f"[{pictures.written(token.piece)}]" for token in step.source)
        place = place_in_words(step.line + 1, step.step if step.step >= 0 else None)
        self.say(f"{place}, {step.stage}: {plain(stop.text or stop.reason)}")
        self.say(f"source  {source}")
        self.say(f"output  {plain(step.output)}")
        if step.token is not None:
            self.say(f"token   {pictures.written(step.token.piece)}  p = {probability(step.token.p)}")
        if step.attention:
            pieces = [token.piece for token in step.source]
            if len(pieces) == len(step.attention):
                self.console.print(pictures.heat(pieces, step.attention, self.console.width))
        if step.top and step.token:
            self.console.print(pictures.bars(step.top, step.token.id))
        if step.candidates and step.step >= 0:
            searched = self.debugger.beam(start=step.step, count=1).steps[0]
            parents = {each.id: each.output for each in searched.hypotheses}
            self.console.print(pictures.beam(searched.candidates, parents, CANDIDATES))

    def show_end(self) -> None:
        """What the last sentences have come to, as far as they are told in a few lines."""
        results = self.debugger.results()
        more = f"; the last {TOP} of {len(results)} outputs:" if len(results) > TOP else ""
        self.say(f"the end of the program{more}")
        for result in results[-TOP:]:
            told = result.outputs[0].text if result.outputs else result.error or ""
            self.say(f"line {result.line + 1}  {plain(told)}")

    def say(self, line: str) -> None:
        """A line of text."""
        self.console.print(Text(line))
