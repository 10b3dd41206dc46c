"""A person reads a file of source sentences in a real VS Code: what the model writes stands beside it."""

import pytest

pytestmark = pytest.mark.timeout(600)
CONFIGURATION = 'watchRules = ["lowConfidence(p < 0.7)"]\n'
READ = "Show What the Model Writes for This File"


def test_outputs_findings_a_lens_that_debugs_and_an_action_that_changes_the_output(code):
    code.write("s2sdap.toml", CONFIGURATION)
    code.write("letters.src", "J 4, 2005\nMarch 3, 1999\n")
    code.open("letters.src")
    code.command(READ)
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
