"""A person debugs a decode in a real VS Code: what they see is what a script reads from the same model."""

import re

import pytest

pytestmark = pytest.mark.timeout(600)
"""The first test installs VS Code, packs the extension and starts both."""
UNSURE = "J 4, 2005"
LONG = "March 3, 1999 " * 9
"""More source tokens than VS Code shows in one page of variables."""
PROGRAM = f"{UNSURE}\nMarch 3, 1999\n{LONG}\n"


def names(stack):
    """The call stack as an editor shows it."""
    return [frame.name for frame in stack]


def variables(scripted, name):
    """The variables of a scope, as a script reads them."""
    (scope,) = (each for each in scripted.scopes() if each.name == name)
    return scripted.variables(scope.variables_reference)


def test_f5_on_a_text_file_steps_forth_and_back(code, scripted):
    code.write("dates.txt", PROGRAM)
    code.open("dates.txt")
    code.start()
    code.stopped(f"encoder · {len(UNSURE)} tokens")
    scripted.launch(source=PROGRAM)
    for _ in range(3):
        scripted.next()
    for step in range(3):
        code.click("Step Over")
        code.stopped(f"step {step}")
    code.settled(code.frames, names(scripted.stack_trace()))
    for stage in ("decoder", "attention", "prediction"):
        code.click("Step Into")
        code.stopped(f"step 3 · {stage}")
    code.click("Step Back")
    code.stopped(re.compile(r"step 2 · '\S'"))
    code.settled(code.frames, names(scripted.stack_trace()))
    code.click("Reverse")
    code.stopped("encoder")
    code.click("Step Out")
    code.console_says("2005-07-04")

    # A sentence of more tokens than a page of variables holds.
    code.line_breakpoint(3)
    code.click("Continue")
    code.stopped(f"encoder · {len(LONG)} tokens")
    code.expand("Encoder", "states")
    last = f"[100..{len(LONG) - 1}]"
    assert [each for each in code.names() if each.startswith("[")] == ["[0..99]", last]
    code.expand(last)
    code.expand("120")
    scripted.set_breakpoints([3])
    scripted.continue_()
    (states,) = (each for each in variables(scripted, "Encoder") if each.name == "states")
    (row,) = scripted.variables(states.variables_reference, start=120, count=1)
    assert code.value("5") == scripted.variables(row.variables_reference)[5].value
    code.stop()
    assert code.server.adapters() == {}


def test_breakpoints_on_lines_stages_and_unsure_tokens(code, scripted):
    code.write("dates.txt", PROGRAM)
    code.open("dates.txt")
    code.line_breakpoint(2)
    code.start()
    code.function_breakpoint("attention@4")
    code.click("Continue")
    code.stopped("step 4 · attention")
    code.click("Continue")
    code.stopped("encoder · 13 tokens")
    code.command("Remove All Breakpoints")

    code.rule("Low confidence", condition="p < 0.7")
    code.click("Restart")
    code.stopped(f"encoder · {len(UNSURE)} tokens")
    code.click("Continue")
    scripted.launch(source=UNSURE, rules={"lowConfidence": "p < 0.7"})
    stop = scripted.continue_()
    code.stopped(names(scripted.stack_trace())[0])
    assert stop.text in code.page.locator(".exception-widget").inner_text().replace("\xa0", " ")
    code.rule("Low confidence", False)
    code.stop()
    assert code.server.adapters() == {}
