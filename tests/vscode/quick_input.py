"""What VS Code asks and tells in boxes of its own: commands, questions, places of files, notifications."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator
from playwright.sync_api import TimeoutError as Late


class QuickInput:
    """The boxes of a window on a folder."""

    page: Any
    folder: Path

    def press(self, keys: str) -> None:
        self.page.keyboard.press(keys)

    def command(self, title: str) -> None:
        """Run a command by its title."""
        self._pick(f">{title}", title)

    def _pick(self, typed: str, row: str) -> None:
        """Type into the quick pick, and take the row that has these words, once there is one.

        What VS Code opens by itself shuts the quick pick, and what it has not read yet is no row of it.
        Escape shuts what is open in its place, but also leads out of a walkthrough: it comes after a try in
        vain.
        """
        for again in range(30):
            if again:
                self.press("Escape")
            self.press("F1")
            with suppress(Late):
                self.page.locator('.quick-input-widget input[type="text"]').fill(typed, timeout=2_000)
                self.pick_row(row, timeout=2_000)
                return
        raise AssertionError(f"VS Code has no {row!r} for {typed!r}")

    def pick_row(self, row: str, timeout: float | None = None) -> None:
        """Take a row of the quick pick that is open."""
        rows = self.page.locator(".quick-input-widget .monaco-list-row")
        rows.filter(has_text=row).first.click(timeout=timeout)

    def answer(self, question: str, text: str, timeout: float | None = None) -> None:
        """Type into the box that asks this."""
        asking = self.page.locator(".quick-input-widget").filter(has_text=question)
        asking.locator("input[type=text], input[type=password]").fill(text, timeout=timeout)
        self.press("Enter")
        asking.wait_for(state="hidden")

    def keep(self, button: Locator, name: str) -> Path:
        """Press what keeps a file, and say where. A busy VS Code may shut its box without the answer."""
        file = self.folder / name
        for _ in range(3):
            button.click()
            self.answer(f"Keep {name}", str(file))
            for _ in range(600):
                if file.exists():
                    self.told(f"{name} is kept")
                    return file
                self.page.wait_for_timeout(50)
        raise AssertionError(f"{file} was not written")

    def told(self, text: str, *, press: str = "") -> None:
        """Wait for the notification that says this, and press a button of it.

        A newer VS Code that is tested shows none by itself; an older one opens no empty list of them.
        """
        note = self.page.locator(".notification-list-item").filter(has_text=text).first
        for _ in range(60):
            with suppress(Late):
                note.wait_for(timeout=1_000)
                break
            self.command("Notifications: Show Notifications")
        if press:
            note.get_by_role("button", name=press).click()  # which also takes it away
        else:
            note.wait_for()
            self.command("Notifications: Clear All Notifications")

    def notes(self) -> list[str]:
        """The notifications on show."""
        return self.page.locator(".notification-list-item-message").all_inner_texts()
