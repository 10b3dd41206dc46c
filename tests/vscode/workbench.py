"""The window of VS Code in the words of a person who debugs: open a file, press F5, step, look, change."""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import TimeoutError as Late
from vscode_server import Server

TOP_FRAME = ".debug-top-stack-frame-line, .debug-top-stack-frame-column"


@dataclass
class Workbench:
    """A page of the browser with VS Code in it, on a folder."""

    page: Any
    server: Server
    folder: Path
    wrong: list[str] = field(default_factory=list)

    def load(self) -> None:
        """Open the window, or open it again."""
        self.page.goto(f"{self.server.origin}/?folder={self.folder}", wait_until="domcontentloaded")
        self.page.locator(".monaco-workbench").wait_for()

    # -- the window ------------------------------------------------------------------------------------

    def press(self, keys: str) -> None:
        self.page.keyboard.press(keys)

    def open(self, name: str) -> None:
        """Open a file of the folder in the editor, with the caret in its first line."""
        self._pick(str(self.folder / name), key="Control+P")
        self.page.get_by_role("tab", name=name, selected=True).wait_for()
        self.line(1).click()

    def line(self, number: int) -> Any:
        """A line of the active editor."""
        lines = self.page.locator(".editor-group-container.active .monaco-editor .view-lines").first
        return lines.locator(".view-line").nth(number - 1)

    def command(self, title: str) -> None:
        """Run a command by its title. An extension's come some seconds after the window."""
        for patience in (2_000, 4_000, 8_000, 16_000):
            try:
                self._pick(title, key="F1", patience=patience)
            except Late:
                continue
            return
        raise AssertionError(f"VS Code has no command `{title}`")

    def _pick(self, wanted: str, *, key: str, patience: int = 30_000) -> None:
        """Type into the quick pick that a key opens, and take the row that has these words."""
        self.press("Escape")
        self.press(key)
        entry = self.page.locator('.quick-input-widget input[type="text"]')
        entry.wait_for()
        entry.fill(f">{wanted}" if key == "F1" else wanted)
        rows = self.page.locator(".quick-input-widget .monaco-list-row")
        row = rows.filter(has_text=wanted if key == "F1" else Path(wanted).name).first
        try:
            row.click(timeout=patience)
        except Late:
            self.press("Escape")
            raise

    def answer(self, text: str) -> None:
        """Type an answer into the box that asks for one."""
        entry = self.page.locator('.quick-input-widget input[type="text"], .quick-input-widget input').first
        entry.fill(text)
        self.press("Enter")

    def notes(self) -> list[str]:
        """The notifications on show."""
        return self.page.locator(".notifications-toasts .notification-list-item-message").all_inner_texts()

    # -- running ---------------------------------------------------------------------------------------

    def start(self) -> None:
        """Press F5, as soon as debuggers are there, and wait for the first stop."""
        toolbar = self.page.locator(".debug-toolbar")
        for patience in (2_000, 3_000, 5_000, 20_000):
            self.press("F5")
            try:
                toolbar.wait_for(timeout=patience)
            except Late:  # a debugger registers late: nothing has begun
                continue
            break
        self.page.locator(TOP_FRAME).first.wait_for()

    def stopped(self, at: str | re.Pattern[str]) -> None:
        """Wait until the run has stopped and the first frame of the call stack tells this."""
        frame = self.page.locator(".debug-call-stack .monaco-list-row .stack-frame").first
        frame.filter(has_text=at).wait_for()
        self.page.locator(TOP_FRAME).first.wait_for()

    def click(self, button: str) -> None:
        """A button of the debug toolbar, by the beginning of its name."""
        self.page.locator(".debug-toolbar").get_by_role("button", name=re.compile(f"^{button}")).click()

    def stop(self) -> None:
        """End the session, and wait until VS Code says so."""
        self.click("Stop|^Disconnect")
        self.ended()

    def ended(self) -> None:
        """Wait for the end of the session."""
        self.page.locator(".debug-toolbar").wait_for(state="hidden")

    def frames(self) -> list[str]:
        """The call stack, from the top."""
        return self.page.locator(".debug-call-stack .monaco-list-row .stack-frame .label").all_inner_texts()

    # -- breakpoints -----------------------------------------------------------------------------------

    def line_breakpoint(self, number: int) -> None:
        """Click left of a line number."""
        place = self.page.locator(".margin .line-numbers", has_text=re.compile(f"^{number}$")).first
        box = place.bounding_box()
        self.page.mouse.click(box["x"] - 12, box["y"] + box["height"] / 2)
        self.page.locator(".codicon-debug-breakpoint, .codicon-debug-breakpoint-unverified").first.wait_for()

    def function_breakpoint(self, name: str) -> None:
        """Add a function breakpoint, which is one on a stage. It stands below the watch rules."""
        self.command("Add Function Breakpoint")
        entry = self.page.locator(".debug-breakpoints input[type=text]")
        self._scroll(".debug-breakpoints .monaco-list", entry)
        entry.fill(name)
        self.press("Enter")
        self.page.locator(".debug-breakpoints .monaco-list-row").filter(has_text=name).wait_for()

    def _scroll(self, within: str, to: Any) -> None:
        """Turn the wheel until something is there: lists have only the rows that are in sight."""
        self.page.locator(within).hover()
        for _ in range(100):
            if to.count():
                return
            self.page.mouse.wheel(0, 100)
            self.page.evaluate("() => new Promise((drawn) => requestAnimationFrame(drawn))")
        raise AssertionError(f"{within} has no {to}")

    def rule(self, label: str, on: bool = True) -> None:
        """Tick a watch rule in the view of breakpoints."""
        row = self.page.locator(".debug-breakpoints .monaco-list-row").filter(has_text=label)
        row.first.locator("input[type=checkbox]").set_checked(on)

    # -- variables -------------------------------------------------------------------------------------

    def variable(self, name: str) -> Any:
        """The row of a variable or scope that is on show."""
        exact = re.compile(rf"^{re.escape(name)}( = ?|:| )*$")
        label = self.page.locator(".name, .scope .monaco-highlighted-label, .scope", has_text=exact)
        return self.page.locator(".debug-variables .monaco-list-row").filter(has=label).first

    def expand(self, *path: str) -> None:
        """Unfold a scope, a variable in it, and so on."""
        for name in path:
            for _ in range(10):  # a list that is drawn again meanwhile loses the click
                row = self.variable(name)
                row.wait_for()
                if row.get_attribute("aria-expanded") == "true":
                    break
                row.locator(".monaco-tl-twistie").click()
                with suppress(Late):
                    row.and_(self.page.locator("[aria-expanded=true]")).wait_for(timeout=2_000)
            else:
                raise AssertionError(f"{name} does not unfold")

    def value(self, name: str) -> str:
        """What is shown as the value of a variable."""
        return self.variable(name).locator(".value").inner_text()

    def names(self) -> list[str]:
        """All names on show among the variables."""
        return [each.strip(" =:") for each in self.page.locator(".debug-variables .name").all_inner_texts()]

    def set_variable(self, name: str, value: str) -> None:
        """Change a variable in its place."""
        self.variable(name).locator(".value").dblclick()
        entry = self.page.locator(".debug-variables .inputBoxContainer input")
        entry.fill(value)
        self.press("Enter")
        entry.wait_for(state="detached")

    # -- the console -----------------------------------------------------------------------------------

    def console(self, text: str) -> None:
        """Type into the debug console."""
        self.page.locator(".repl-input-wrapper .monaco-editor").click()
        self.page.keyboard.type(text)
        self.press("Enter")

    def console_says(self, text: str | re.Pattern[str]) -> None:
        """Wait until the debug console has said this."""
        self.page.locator(".repl .monaco-list-rows").filter(has_text=text).wait_for()

    def frame(self, title: str) -> Any:
        """The inside of a webview, by the title of its document."""
        outer: Sequence[Any] = self.page.locator("iframe.webview.ready").all()
        for place in range(len(outer)):
            inner = self.page.locator("iframe.webview.ready").nth(place).content_frame
            if inner.locator(f"iframe#active-frame[title={title!r}]").count():
                return inner.locator("iframe#active-frame").content_frame
        raise AssertionError(f"no webview has the title {title}")
