"""What the menus of variables and of the call stack do is what a script does in the same session."""

import json
import math
import re

import numpy as np
import pytest


def frames_of(scripted):
    """The call stack as an editor shows it."""
    return [frame.name for frame in scripted.stack_trace()]


def told_behind(line, step):
    """A line of the editor at a stop, with what is told behind it."""
    p, last = math.exp(step.score), step.token
    return f"{line} → {step.output} p = {p:.3f} (last ‘{last.piece}’ p = {last.p:.3f})"


def hypotheses(code):
    """The threads that the call stack shows."""
    return code.page.locator(".debug-call-stack .thread .name").all_inner_texts


def copied_as_numpy(code, step):
    """The scores, whose softmax is the attention of this step. They have bytes to look at, too."""
    code.expand("Attention")
    row = code.variable("scores")
    row.hover()
    row.get_by_role("button", name="View Binary Data").wait_for()
    code.choose("scores", "Copy as NumPy")
    code.settled(lambda: any("scores is in the clipboard" in each for each in code.status()), True)
    written, dtype = re.fullmatch(r"np\.array\((.*), dtype=np\.(\w+)\)", code.clipboard()).groups()
    scores = np.array(json.loads(written), dtype)
    assert scores.shape == (1, 1, len(step.attention))
    weights = np.exp(scores[0, 0] - scores.max())
    assert weights / weights.sum() == pytest.approx(step.attention, abs=1e-6)


def tokens_and_attention_are_changed(code, scripted, line):
    """On branches of their own, of the line of the program that is the first."""
    top = ("Prediction", "top")
    code.choose("1: 1", "Force a Token Here", within=top)
    scripted.force("1")
    code.settled(code.frames, frames_of(scripted))
    code.settled(lambda: "dates · line 1 · branch 1 · step 6 · search" in code.status(), True)
    code.settled(lambda: code.read(1), told_behind(line, scripted.step()))
    code.choose("2: 6", "Ban This Token Here", within=top)
    scripted.ban("6")
    code.settled(code.frames, frames_of(scripted))
    code.choose("token", "Force a Token Here", within=("Prediction",))
    code.answer("Which token is to come here?", "7")
    scripted.force("7")
    code.settled(code.frames, frames_of(scripted))
    code.choose("weights", "Change the Attention", within=("Attention",))
    code.answer("Where is it to look?", "[5]=1")
    scripted.command("attend [5]=1")
    code.settled(code.frames, frames_of(scripted))


def search_goes_other_ways(code, scripted):
    """The run goes on from an earlier step, a hypothesis is pruned, a candidate is revived."""
    code.restart_frame("step 3 ·")
    (third,) = (each for each in scripted.stack_trace() if each.name.startswith("step 3 ·"))
    scripted.restart_frame(third.id)
    code.settled(code.frames, frames_of(scripted))
    code.click("Step Over")
    scripted.next()
    code.settled(code.frames, frames_of(scripted))
    least = scripted.threads()[-1]
    code.choose(f"hypothesis {least.id}", "Prune This Hypothesis", within=("Search", "live"))
    scripted.prune(least.id)
    code.settled(hypotheses(code), [each.name for each in scripted.threads()])
    code.choose("5", "Revive This Candidate", within=("Search", "candidates"))
    reviving = scripted.beam().steps[-1].candidates[5]
    scripted.revive(reviving.parent, reviving.id)
    code.settled(hypotheses(code), [each.name for each in scripted.threads()])
