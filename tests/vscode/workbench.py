"""The window of VS Code in the words of a person who debugs: open a file, press F5, step, look, change."""

import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from panel_view import PanelView
from playwright.sync_api import TimeoutError as Late
from quick_input import QuickInput
from vscode_server import Server

OURS = "Debug the Decode of This File"
"""A command of the extension: once VS Code knows it, it knows all that the extension brings."""
PLACE = """(line, character) => {
  const words = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
  let left = character;
  while (words.nextNode()) {
    const { data } = words.currentNode;
    if (left < data.length) {
      const range = new Range();
      range.setStart(words.currentNode, left);
      range.setEnd(words.currentNode, left + 1);
      const { x, y, width, height } = range.getBoundingClientRect();
      return [x + width / 2, y + height / 2];
    }
    left -= data.length;
  }
}"""
"""Of a character of a line, where it is on the screen."""
TOP = "substring-before(translate({}/@style, ' ', ''), ';')"
BESIDE = (
    "ancestor::*[contains(@class, 'overflow-guard')]//*[contains(@class, 'line-numbers')][. = '{number}']/.."
)
LINE = f".//*[@class = 'view-line'][{TOP.format('.')} = {TOP.format(BESIDE)}]"
"""What is as high up as a line's number: in the page lines are in the order in which they came in sight."""
TOP_FRAME = ".debug-top-stack-frame-line, .debug-top-stack-frame-column"


@dataclass
class Workbench(QuickInput):
    """A page of the browser with VS Code in it, on a folder."""

    page: Any
    server: Server
    folder: Path
    wrong: list[str] = field(default_factory=list)

    def load(self) -> None:
        """Open the window, or open it again, and wait until the extension is there."""
        self.load_alone()
        self.extended()

    def load_alone(self) -> None:
        """Open the window, whatever becomes of the extension."""
        self.page.goto(f"{self.server.origin}/?folder={self.folder}", wait_until="domcontentloaded")
        self.page.locator(".monaco-workbench").wait_for()

    def extended(self) -> None:
        """Wait until VS Code knows what the extension brings."""
        for _ in range(60):  # the list of commands is made when it opens
            self.press("Escape")
            self.press("F1")
            self.page.locator('.quick-input-widget input[type="text"]').fill(f">{OURS}")
            with suppress(Late):
                rows = self.page.locator(".quick-input-widget .monaco-list-row")
                rows.filter(has_text=OURS).wait_for(timeout=1_000)
                self.press("Escape")
                return
        raise AssertionError("VS Code does not know the extension")

    def run_in_host(self, tests: Path, folder: Path) -> tuple[int, str]:
        """Let an extension host run these tests in a window of its own; its exit code, and all it said."""
        page, said, exits = self.page.context.browser.new_page(), [], []

        def leave(exit_code: int, *_logs: object) -> None:
            exits.append(exit_code)

        page.expose_function("codeAutomationLog", lambda _, told: said.append(" ".join(map(str, told))))
        page.expose_function("codeAutomationExit", leave)
        at = f"vscode-remote://127.0.0.1:{self.server.port}"
        wanted = {
            "extensionDevelopmentPath": self.server.extension,
            "extensionTestsPath": tests / "index.cjs",
        }
        payload = json.dumps([[name, f"{at}{path}"] for name, path in wanted.items()])
        page.goto(f"{self.server.origin}/?folder={folder}&payload={quote(payload)}")
        self.settled(lambda: bool(exits), True)
        page.goto("about:blank")
        page.close()
        return exits[0], "\n".join(said)

    @property
    def panels(self) -> PanelView:
        """The panels in their tab."""
        return PanelView(self.page)

    # -- the window ------------------------------------------------------------------------------------

    def open(self, name: str) -> None:
        """Open a file of the folder in the editor, with the caret in its first line."""
        self._pick(str(self.folder / name), name)
        self.page.get_by_role("tab", name=name, selected=True).wait_for()
        self.line(1).click()

    def line(self, number: int) -> Any:
        """A line of the active editor."""
        editor = self.page.locator(".editor-group-container.active .monaco-editor").first
        return editor.locator(f"xpath={LINE.format(number=number)}")

    def read(self, number: int) -> str:
        """A line of the active editor with what VS Code has written after it."""
        return " ".join(self.line(number).inner_text().split())

    def point_at(self, number: int, character: int) -> str:
        """Point at a character of a line; what pops up there while a session is stopped."""
        x, y = self.line(number).evaluate(PLACE, character)
        self.page.mouse.move(x, y)
        return self.page.locator(".debug-hover-widget .value").inner_text()

    def status(self) -> list[str]:
        """What the status bar says."""
        return [each.strip() for each in self.page.locator(".statusbar-item").all_inner_texts()]

    def clipboard(self) -> str:
        """The text in the clipboard."""
        self.page.context.grant_permissions(["clipboard-read"], origin=self.server.origin)
        text: str = self.page.evaluate("navigator.clipboard.readText()")
        return text

    def write(self, name: str, text: str) -> Path:
        """A file in the folder."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    def configure(self, *configurations: dict[str, Any]) -> None:
        """The launch configurations of the folder; none at all, where none is given."""
        if configurations:
            self.write(".vscode/launch.json", json.dumps({"configurations": configurations}))
        else:
            (self.folder / ".vscode" / "launch.json").unlink(missing_ok=True)

    def tidy(self) -> None:
        """End what runs, forget breakpoints, close editors."""
        if self.page.locator(".debug-toolbar").is_visible():
            self.stop()
        self.configure()
        self.command("Remove All Breakpoints")
        self.command("View: Close All Editors")
        self.page.locator(".monaco-workbench .part.editor .tab").wait_for(state="detached")

    # -- running ---------------------------------------------------------------------------------------

    def start(self) -> None:
        """Press F5, and wait for the first stop. Now and then VS Code drops the first F5 of a new window."""
        toolbar = self.page.locator(".debug-toolbar")
        for _ in range(3):
            if not toolbar.is_visible():
                self.press("F5")
            with suppress(Late):
                toolbar.wait_for(timeout=20_000)
                break
        self._begun()

    def launch(self, name: str) -> None:
        """Start a configuration by its name, and wait for the first stop."""
        self.choose_configuration(name)
        self._begun()

    def choose_configuration(self, name: str) -> None:
        """Start a configuration by its name."""
        self._pick(f"debug {name}", name)

    def choose_and_answer(self, name: str, question: str, text: str) -> None:
        """Start a configuration that asks this first. Now and then a newer VS Code shows no box."""
        for _ in range(3):
            self.choose_configuration(name)
            with suppress(Late):
                self.answer(question, text, timeout=20_000)
                return
        raise AssertionError(f"{name} asks for nothing")

    def _begun(self) -> None:
        try:
            self.page.locator(".debug-toolbar").wait_for()
            self.page.locator(TOP_FRAME).first.wait_for()
        except Late as late:
            told = self.page.locator(".monaco-dialog-box .dialog-message-text").all_inner_texts()
            raise AssertionError(
                f"no session has come to a stop; VS Code says {self.notes() + told}"
            ) from late
        watch = self.page.get_by_role("button", name=re.compile("^Watch Section$", re.IGNORECASE))
        if watch.get_attribute("aria-expanded") == "true":
            watch.click()  # a newer VS Code has no room beside it for a whole call stack

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

    def settled(self, look: Callable[[], Any], wanted: Any) -> None:
        """Look until this is what is to be seen: VS Code fills its views piece by piece."""
        for _ in range(2_000):
            seen = look()
            if seen == wanted:
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"{seen!r} is on show, not {wanted!r}")

    def frames(self) -> list[str]:
        """The call stack, from the top."""
        return self.page.locator(".debug-call-stack .monaco-list-row .stack-frame .label").all_inner_texts()

    def restart_frame(self, label: str) -> None:
        """Go on from a frame of the call stack."""
        row = self.page.locator(".debug-call-stack .monaco-list-row").filter(has_text=label)
        for _ in range(10):  # a list that is drawn again meanwhile hides the button
            row.hover()
            with suppress(Late):
                row.get_by_role("button", name="Restart Frame").click(timeout=2_000)
                return
        raise AssertionError(f"the frame {label!r} has no button to go on from it")

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
        self._scroll(".debug-breakpoints", entry)
        entry.fill(name)
        self.press("Enter")
        self.breakpoint_row(name)

    def breakpoint_row(self, text: str) -> Any:
        """A row of the view of breakpoints."""
        row = self.page.locator(".debug-breakpoints .monaco-list-row").filter(has_text=text).first
        self._scroll(".debug-breakpoints", row)
        return row

    def _scroll(self, within: str, to: Any) -> None:
        """Turn the wheel up, then down, until something is there: a list has only the rows in sight."""
        place = "(rows) => new Promise((drawn) => requestAnimationFrame(() => drawn(rows.style.cssText)))"
        rows = self.page.locator(f"{within} .monaco-list-rows").first
        for turn in (-100, 100):
            before = ""
            while not to.count() and (now := rows.evaluate(place)) != before:
                before = now
                self.page.locator(within).first.hover()
                self.page.mouse.wheel(0, turn)
                self.page.mouse.wheel(0, turn)
        to.wait_for()

    def rule(self, label: str, on: bool = True, *, condition: str = "") -> None:
        """Tick a watch rule in the view of breakpoints, or not, and give it this condition."""
        row = self.breakpoint_row(label)
        if row.get_attribute("aria-checked") != str(on).lower():
            row.locator("input[type=checkbox], .monaco-checkbox").click()
        row.and_(self.page.locator(f"[aria-checked={str(on).lower()}]")).wait_for()
        if condition:
            row.hover()
            row.get_by_role("button", name="Edit Condition").click()
            self.page.locator(".debug-breakpoints input[type=text]").fill(condition)
            self.press("Enter")
            row.filter(has_text=condition).wait_for()

    # -- variables -------------------------------------------------------------------------------------

    def variable(self, name: str) -> Any:
        """The row of a variable or scope in what is unfolded."""
        exact = re.compile(rf"^{re.escape(name)}( = ?|:| )*$")
        label = self.page.locator(".name, .scope .monaco-highlighted-label, .scope", has_text=exact)
        row = self.page.locator(".debug-variables .monaco-list-row").filter(has=label).first
        self._scroll(".debug-variables", row)
        return row

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
        entry.wait_for(state="hidden")

    def choose(self, name: str, item: str, *, within: Sequence[str] = ()) -> None:
        """Take an item of the menu of a variable, `within` a scope, a variable in it, and so on.

        What was unfolded is now and then folded again after a stop.
        """
        entry = self.page.get_by_role("menuitem", name=item)
        for _ in range(10):
            self.expand(*within)
            row = self.variable(name)
            row.click(button="right")
            entry.hover()
            # The list may have been drawn again before the click, with another row in this place.
            meant = row.and_(self.page.locator(".focused")).count()
            # A click would be passed over where it comes too soon after the one that opened the menu.
            self.press("Enter" if meant else "Escape")
            entry.wait_for(state="detached")
            if meant:
                return
        raise AssertionError(f"the menu of {name!r} does not open")

    # -- the terminal and the console -------------------------------------------------------------------

    def terminal(self) -> str:
        """What the terminal shows, without spaces: its lines are broken where its room ends."""
        return "".join("".join(self.page.locator(".xterm-rows").all_inner_texts()).split())

    def console(self, text: str) -> None:
        """Type into the debug console."""
        self.page.locator(".repl-input-wrapper .monaco-editor").click()
        self.page.keyboard.type(text)
        self.press("Enter")

    def console_says(self, text: str | re.Pattern[str]) -> None:
        """Wait until the debug console has said this."""
        self.page.locator(".repl .monaco-list-rows").filter(has_text=text).wait_for()
