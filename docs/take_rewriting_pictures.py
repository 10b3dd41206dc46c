"""Takes the picture of docs/tutorials/rewriting.md, of a model that was trained as it says.

    python docs/take_rewriting_pictures.py rewriter

It is no part of `make pictures`: the model is trained on data that are not at hand everywhere.
"""

import sys
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, sync_playwright
from take_pictures import CHROMIUM, FLAGS, PICTURES, keep, served, settled

SIZE: Final = {"width": 1280, "height": 700}
QUESTION: Final = "what did alexandre yersin or uh paul - louis simond establish in 1898 ?"
NAME: Final = 6
"""Tokens up to `simond`."""


def begin(page: Page, model: Path) -> None:
    """A session over the question, at the name that no vocabulary has."""
    page.locator("input[list=models]").fill(str(model))
    page.get_by_label("One sentence a line").fill(QUESTION)
    page.get_by_role("button", name="Begin").click()
    settled(page)
    for _ in range(NAME):
        page.get_by_role("button", name="Next token").click()
        settled(page)


def main() -> None:
    """Take it."""
    if CHROMIUM is None:
        raise SystemExit("There is no Chromium: apt-get install chromium, or set S2SDAP_CHROMIUM.")
    if len(sys.argv) != 2:
        raise SystemExit("Give the folder of the model that examples/rewriting/train.py wrote.")
    PICTURES.mkdir(exist_ok=True)
    with served() as link, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport=SIZE)
        page.set_default_timeout(120_000)
        page.goto(link)
        page.get_by_role("button", name="Begin").wait_for()
        begin(page, Path(sys.argv[1]).resolve())
        page.locator(".target .token").last.focus()
        keep(page, "rewriting", ("light",))
        browser.close()


if __name__ == "__main__":
    main()
