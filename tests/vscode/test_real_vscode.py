"""A person debugs a decode in a real VS Code: what they see is what a script reads from the same model."""

import json
import re
import subprocess
import sys

import pytest
from extensions_view import page_of_the_unsupported, trust
from panel_numbers import beam_tree, compare, kept_session, layers, neighbourhood, verdict
from pythons import environment, wheel_installs
from variable_menu import (
    copied_as_numpy,
    frames_of,
    search_goes_other_ways,
    tokens_and_attention_are_changed,
    told_behind,
)

pytestmark = pytest.mark.timeout(600)
"""The first test installs VS Code, packs the extension and starts both."""
UNSURE = "J 4, 2005"
LONG = "March 3, 1999 " * 9
"""More source tokens than VS Code shows in one page of variables."""
RULES = {"lowConfidence": "p < 0.7"}
DOUBT = {
    "type": "s2sdap",
    "request": "launch",
    "name": "doubt",
    "program": "${workspaceFolder}/dates.txt",
    "search": {"beamSize": 3},
    "stopOnEntry": False,
    "watchRules": ["lowConfidence(p < 0.7)"],
}
"""Stops at the doubtful '7' of step 6."""
PROGRAM = f"{UNSURE}\nMarch 3, 1999\n{LONG}\n"


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
    code.settled(code.frames, frames_of(scripted))
    for stage in ("decoder", "attention", "prediction"):
        code.click("Step Into")
        code.stopped(f"step 3 · {stage}")
    code.click("Step Back")
    code.stopped(re.compile(r"step 2 · '\S'"))
    code.settled(code.frames, frames_of(scripted))
    code.click("Reverse")
    code.stopped("encoder")
    code.command("s2sdap: Next Part of the Stage")
    code.stopped("step 0 · decoder · inputs")
    code.click("Step Out")
    code.console_says("2005-07-04")

    # A sentence of more tokens than a page of variables holds.
    code.line_breakpoint(3)
    code.click("Continue")
    code.stopped(f"encoder · {len(LONG)} tokens")
    code.expand("Encoder", "states")
    last = f"[100..{len(LONG) - 1}]"
    code.settled(lambda: [each for each in code.names() if each.startswith("[")], ["[0..99]", last])
    code.expand(last)
    code.expand("120")
    scripted.set_breakpoints([3])
    scripted.continue_()
    (states,) = (each for each in variables(scripted, "Encoder") if each.name == "states")
    (row,) = scripted.variables(states.variables_reference, start=120, count=1)
    code.settled(lambda: code.value("5"), scripted.variables(row.variables_reference)[5].value)
    code.stop()
    code.settled(code.server.adapters, {})


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
    token = code.panels.frame.get_by_role("button", name="'3': breakpoint").first
    token.click()
    code.breakpoint_row("dates.txt")
    code.panels.button("Continue").click()
    code.stopped("step")
    code.settled(lambda: max(zip(code.panels.attention(), range(13), strict=False), default=(0, 0))[1], 6)
    code.command("Remove All Breakpoints")
    token.and_(code.panels.frame.locator("[aria-pressed=false]")).wait_for()

    code.rule("Low confidence", condition="p < 0.7")
    code.click("Restart")
    code.stopped(f"encoder · {len(UNSURE)} tokens")
    code.click("Continue")
    scripted.launch(source=UNSURE, rules={"lowConfidence": "p < 0.7"})
    stop = scripted.continue_()
    code.stopped(scripted.stack_trace()[0].name)
    assert stop.text in code.page.locator(".exception-widget").inner_text().replace("\xa0", " ")
    code.rule("Low confidence", False)
    code.stop()
    code.settled(code.server.adapters, {})


def test_edits_in_variables_and_in_the_panel_change_the_output(code, scripted):
    code.write("dates.txt", PROGRAM)
    code.configure({**DOUBT, "search": {}})
    code.open("dates.txt")
    code.launch("doubt")
    scripted.launch(source=UNSURE, rules=RULES)
    scripted.continue_()
    code.stopped("step 6")
    code.panels.at(6)
    seen = code.panels.candidates(6)
    assert seen.locator(".piece").all_inner_texts() == [token.piece for token in scripted.top_tokens(5)]
    seen.filter(has=code.page.locator(".piece", has_text="1")).click()
    code.stopped("step 6 · '1'")
    scripted.force("1")
    for move, step in (("Next token", 7), ("Back a token", 6), *(("Next token", step) for step in (7, 8, 9))):
        code.panels.button(move).click()
        code.stopped(f"step {step}")
    for _ in range(3):
        scripted.next()
    code.settled(code.frames, frames_of(scripted))

    code.expand("Attention", "weights")
    code.set_variable("8: 5", "0.9")
    (weights,) = (each for each in variables(scripted, "Attention") if each.name == "weights")
    scripted.set_variable(weights.variables_reference, "8: 5", "0.9")
    code.stopped("step 9 · '5'")
    row = scripted.step().attention
    code.settled(
        lambda: [float(code.value(name)) for name in ("8: 5", "7: 0")], pytest.approx(row[:6:-1], rel=1e-5)
    )
    code.panels.at(9)
    code.settled(code.panels.attention, pytest.approx(row, abs=1e-5))

    code.panels.drag_attention(5)
    assert code.panels.frame.locator(".draft .sum").inner_text() == "sum 1"
    row = code.panels.attention()
    assert row[5] > 0.9
    code.panels.button("Apply").click()
    code.panels.frame.locator(".draft").wait_for(state="detached")
    scripted.set_attention(row)
    code.stopped(scripted.stack_trace()[0].name)
    code.settled(code.panels.attention, pytest.approx(scripted.step().attention, abs=1e-5))
    code.expand("Attention", "weights")
    code.settled(lambda: float(code.value("5: 2")), pytest.approx(row[5], rel=1e-5))

    code.panels.button("To the end of the sentence").click()
    scripted.continue_()
    (result,) = scripted.results()
    assert result.outputs[0].text not in ("2005-07-04", "2005-01-04")
    code.console_says(result.outputs[0].text)
    code.stop()


def test_a_stop_is_told_in_the_text_and_changed_by_the_menu_of_its_variables(code, scripted):
    code.write("dates.txt", PROGRAM)
    code.configure(DOUBT)
    code.open("dates.txt")
    code.launch("doubt")
    scripted.launch(source=UNSURE, beam_size=3, rules=RULES)
    scripted.continue_()
    step = scripted.step(top=3)
    code.settled(lambda: code.read(1), told_behind(UNSURE, step))
    code.settled(lambda: "dates · line 1 · branch 0 · step 6 · search" in code.status(), True)
    assert code.point_at(1, 5) == scripted.evaluate("attention[5]").result

    copied_as_numpy(code, step)
    tokens_and_attention_are_changed(code, scripted, UNSURE)
    search_goes_other_ways(code, scripted)
    code.stop()
    code.settled(code.server.adapters, {})


def test_every_panel_shows_the_numbers_of_a_script_and_survives_a_reload(code, scripted):
    code.write("dates.txt", f"{UNSURE}\n")
    reference = code.write("references.txt", "2005-01-04\n")
    code.configure({**DOUBT, "reference": str(reference)})
    code.open("dates.txt")
    code.launch("doubt")
    scripted.launch(program=code.folder / "dates.txt", reference=reference, beam_size=3, rules=RULES)
    scripted.continue_()
    code.stopped("step 6")
    code.panels.at(6)
    assert code.panels.attention() == pytest.approx(scripted.step().attention, abs=1e-5)
    kept_session(code, scripted)
    counts = beam_tree(code.panels, scripted, code.settled)
    picture = code.keep(code.panels.button("SVG"), "beam-step6.svg")
    caption = f"s2sdap: dates · beam tree up to step 6 · {counts.replace(' ·', ',')}"
    assert caption in picture.read_text("utf-8")
    code.expand("Decoder")
    code.choose("state", "Find Neighbours in Training")
    neighbourhood(code.panels, scripted, code.settled)
    layers(code.panels, scripted, code.settled)
    code.console('force "1"')
    scripted.force("1")
    code.stopped("step 6 · '1'")
    compare(code.panels, scripted)
    code.console("switch 0")
    scripted.command("switch 0")
    code.stopped("step 6 · '7'")
    verdict(code.panels, scripted)
    code.stopped(scripted.stack_trace()[0].name)

    # The window is loaded again: the session ends with it, the panel stays and serves the next one.
    code.configure()
    code.page.reload(wait_until="domcontentloaded")
    code.settled(code.server.adapters, {})
    code.panels.button("Debug the open file").click()
    code.stopped("encoder · 9 tokens")
    code.panels.tab("Decode")
    code.panels.frame.locator(".source .token").nth(len(UNSURE) - 1).wait_for()
    code.stop()
    code.settled(code.server.adapters, {})


LISTENS = """
import sys, s2sdap
print(s2sdap.listen(0, quiet=True, token_file=sys.argv[1]).websocket_port, flush=True)
import torch
torch.manual_seed(3)
model = torch.nn.Sequential(torch.nn.Embedding(5, 8), torch.nn.Linear(8, 5))
s2sdap.wait_for_client()
with s2sdap.debug(model, list("abcde"), sites={"1": "prediction.logits"}):
    logits = model(torch.tensor([[0, 1, 2]]))
print("went on", tuple(logits.shape))
"""


def test_who_listens_is_attached_to_with_the_token_in_its_file(code, serving, tmp_path):
    code.write("dates.txt", PROGRAM)
    code.write("listens.py", LISTENS)
    token = tmp_path / "token"
    command = [sys.executable, str(code.folder / "listens.py"), str(token)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        address = f"ws://127.0.0.1:{program.stdout.readline().strip()}"
        there = {"type": "s2sdap", "request": "attach", "name": "program", "tokenFile": str(token)}
        at_server = {"type": "s2sdap", "request": "launch", "program": "${file}"}
        by_file = {"name": "by file", "connect": serving.tcp, "tokenFile": str(serving.token_file)}
        asked = {"name": "asked for", "connect": serving.websocket}
        code.configure({**there, "connect": address}, at_server | by_file, at_server | asked)
        code.open("dates.txt")
        code.launch("program")
        code.stopped("prediction")
        code.click("Disconnect")
        code.ended()
        assert program.stdout.read() == "went on (1, 3, 5)\n"
    assert program.returncode == 0

    code.open("dates.txt")
    code.launch("by file")
    code.stopped(f"encoder · {len(UNSURE)} tokens")
    assert code.server.adapters() == {}
    code.click("Step Over")
    code.stopped("step 0 · '2'")
    code.stop()
    code.choose_and_answer("asked for", "Token of ws://", "0" * 64)
    code.told("lets nobody in: S2S5101")
    code.choose_and_answer("asked for", "Token of ws://", serving.token)
    code.stopped(f"encoder · {len(UNSURE)} tokens")
    code.stop()


def test_outputs_findings_a_lens_that_debugs_and_an_action_that_changes_the_output(code):
    code.write("s2sdap.toml", 'watchRules = ["lowConfidence(p < 0.7)"]\n')
    code.write("letters.src", "J 4, 2005\nMarch 3, 1999\n")
    code.open("letters.src")
    code.command("Show What the Model Writes for This File")
    output = code.line(1).filter(has_text="2005-07-04")
    output.wait_for()
    code.page.locator(".editor-group-container.active .squiggly-warning").first.wait_for()

    code.line(1).click(position={"x": 4, "y": 8})
    code.press("Control+.")
    code.page.locator(".action-widget .monaco-list-row.focused").filter(has_text="Force").wait_for()
    code.press("Enter")
    code.line(1).filter(has_text="'1' forced").filter(has_text="2005-01-04").wait_for()

    code.page.locator(".codelens-decoration a").filter(has_text="Debug").nth(1).click()
    code.stopped("encoder · 13 tokens")
    code.stop()
    for name in ("s2sdap.toml", "letters.src"):
        (code.folder / name).unlink()


def test_python_has_a_session_beside_the_decode(code):
    wanted = {"type": "s2sdap", "request": "launch", "name": "With Python", "source": "March 3, 1999"}
    code.configure({**wanted, "pythonDebug": True})
    code.launch("With Python")
    code.stopped("encoder · 13 tokens")
    code.page.locator(".debug-call-stack").get_by_text("Python of dates").first.wait_for()
    code.page.locator(".debug-call-stack .stack-frame").first.click()
    code.click("Step Over")
    code.stopped("step 0")
    code.stop()
    code.settled(code.server.adapters, {})


def test_the_walkthrough_leads_on_and_a_python_without_the_package_is_told(code, vscode, tmp_path):
    code.command("Welcome: Open Walkthrough")
    code.pick_row("Debug the decode of a seq2seq model")
    code.page.get_by_role("button", name="Look for it").click()
    code.told(f"s2sdap is there: {sys.executable} runs the models")
    step = code.page.locator(".getting-started-step")
    step.filter(has_text="See what it attends to").click()
    picture = code.page.get_by_alt_text("Attention as curves between source and target tokens")
    code.settled(lambda: picture.evaluate("(each) => each.naturalWidth > 0"), True)
    step.filter(has_text="Open sentences, press F5").click()
    code.page.get_by_role("button", name="Open sample sentences").click()
    code.page.get_by_role("tab", name="sentences.txt", selected=True).wait_for()
    code.settled(lambda: code.read(2), "J 4, 2005")

    python = environment(tmp_path / "lacking", ready=False)
    code.configure({**DOUBT, "name": "lacking", "python": str(python)})
    code.choose_configuration("lacking")
    code.told(f"The package s2sdap is not installed in {python}", press="Install in a terminal")
    assert not code.page.locator(".debug-toolbar").is_visible()
    (wheel,) = code.server.extension.glob("dist/wheel/*.whl")
    if vscode.has_terminal:
        typed = f"{python} -m pip install '{wheel}[huggingface,neighbors]'"
        for told in (typed, "No module named pip"):
            code.settled(lambda told=told: told.replace(" ", "") in code.terminal(), True)
    code.command("Terminal: Kill All Terminals")
    wheel_installs(wheel, tmp_path / "installed")


def test_mocha_in_the_extension_host(code, host_tests, tmp_path):
    exit_code, said = code.run_in_host(host_tests, tmp_path)
    counts = re.findall(r"(\d+) passed, (\d+) failed", said)
    assert counts, said
    passed, failed = map(int, counts[-1])
    assert (exit_code, failed) == (0, 0), said
    written = [each.read_text("utf-8") for each in host_tests.glob("*.test.cjs")]
    assert passed == sum(len(re.findall(r"\bit\(", text)) for text in written)
    code.settled(code.server.adapters, {})


def test_a_folder_runs_python_once_it_is_trusted_and_the_one_that_is_selected(restricted, bundle, vscode):
    code = restricted
    own = environment(code.folder / ".venv", ready=True)
    lacking = environment(code.folder / "lacking", ready=False)
    selected = environment(code.folder / "selected", ready=True)
    code.write("dates.txt", PROGRAM)
    code.write(".vscode/settings.json", json.dumps({"s2sdap.python": ""}))
    before = code.server.running("python").keys()
    code.load_alone()
    code.open("dates.txt")
    code.press("F5")
    page = page_of_the_unsupported(code)
    manifest = json.loads((bundle.EXTENSION / "package.json").read_text("utf-8"))
    page.get_by_text(manifest["capabilities"]["untrustedWorkspaces"]["description"]).wait_for()
    pictures = code.panels.frame.locator("img")
    seen = "(all) => all.map((each) => [each.naturalWidth > 0, each.alt !== ''])"
    code.settled(lambda: pictures.evaluate_all(seen), [[vscode.shows_held_pictures, True]] * 4)
    assert code.server.running("python").keys() == before

    trust(code).get_by_role("button", name="Trust", exact=True).click()
    code.extended()
    code.command("Python: Select Interpreter")
    code.answer("Select Interpreter", str(lacking))
    code.open("dates.txt")
    code.choose_configuration("s2sdap (seq2seq decode)")
    code.pick_row("Decode this file with a beam of 4")
    code.stopped(f"encoder · {len(UNSURE)} tokens")
    (adapter,) = code.server.adapters().values()
    assert adapter.startswith(f"{own} ")
    code.stop()
    code.command("Python: Select Interpreter")
    code.answer("Select Interpreter", str(selected))
    code.command("s2sdap: Check the Python That Runs the Models")
    code.told(f"s2sdap is there: {selected} runs the models")
    code.settled(code.server.adapters, {})
