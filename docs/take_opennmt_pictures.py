"""Takes the picture of docs/tutorials/opennmt.md, of OpenNMT-py's own checkpoint.

    python docs/take_opennmt_pictures.py path/to/test_model2.pt

It is no part of `make pictures`: the checkpoint is not at hand everywhere.
"""

import sys
from pathlib import Path
from typing import Final

from playwright.sync_api import sync_playwright
from take_pictures import CHROMIUM, FLAGS, PICTURES, keep, served, settled

SIZE: Final = {"width": 1280, "height": 620}
WORD: Final = "ј а ј а ш ц е"
STEPS: Final = 3
"""Up to the token that is wrong."""


def main() -> None:
    """Take it."""
    if CHROMIUM is None:
        raise SystemExit("There is no Chromium: apt-get install chromium, or set S2SDAP_CHROMIUM.")
    if len(sys.argv) != 2:
        raise SystemExit("Give the checkpoint, test_model2*.pt of OpenNMT-py's repository.")
    PICTURES.mkdir(exist_ok=True)
    with served() as link, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport=SIZE)
        page.set_default_timeout(120_000)
        page.goto(link)
        page.locator("input[list=models]").fill(f"opennmt:{Path(sys.argv[1]).resolve()}")
        page.get_by_label("One sentence a line").fill(WORD)
        page.get_by_role("button", name="Begin").click()
        settled(page)
        for _ in range(STEPS):
            page.get_by_role("button", name="Next token").click()
            settled(page)
        page.locator(".target .token").last.focus()
        keep(page, "opennmt", ("light",))
        browser.close()


if __name__ == "__main__":
    main()
