"""A decode and the model's own Python in a real VS Code: both sessions are there, and the decode goes on."""

import json
from contextlib import suppress

import pytest
from playwright.sync_api import TimeoutError as Late

pytestmark = pytest.mark.timeout(600)
NAME = "With Python"
LAUNCH = {"type": "s2sdap", "request": "launch", "name": NAME, "source": "March 3, 1999", "pythonDebug": True}


def start(code):
    """Choose the configuration by its name, once VS Code has read it."""
    for _ in range(60):
        code.press("Escape")
        code.press("Control+P")
        code.page.locator('.quick-input-widget input[type="text"]').fill(f"debug {NAME}")
        with suppress(Late):
            code.page.locator(".quick-input-widget .monaco-list-row").get_by_text(NAME).first.click(
                timeout=1_000
            )
            return
    raise AssertionError("VS Code does not know the configuration")


def test_python_has_a_session_beside_the_decode(code):
    code.write(".vscode/launch.json", json.dumps({"version": "0.2.0", "configurations": [LAUNCH]}))
    start(code)
    code.stopped("encoder · 13 tokens")
    code.page.locator(".debug-call-stack").get_by_text("Python of dates").first.wait_for()
    code.page.locator(".debug-call-stack .stack-frame").first.click()
    code.click("Step Over")
    code.stopped("step 0")
    code.stop()
