"""Takes the pictures of docs/tutorials/dates.md, of its small model: a part of `make pictures`.

python docs/take_dates_pictures.py [FOLDER OF find_the_bug.py]
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from playwright.sync_api import sync_playwright
from take_pictures import CHROMIUM, FLAGS, PICTURES, keep, served, settled
from take_translation_pictures import begin, forward

FIND: Final = Path(__file__).parents[1] / "examples" / "date_conversion" / "find_the_bug.py"
SIZE: Final = {"width": 1280, "height": 700}
SOURCE, REFERENCE = "20301024", "2030-10-24"
WRONG: Final = 6
"""Tokens up to the first wrong one, and with it."""


def main() -> None:
    """Train and index, unless a folder is given, and take them."""
    if CHROMIUM is None:
        raise SystemExit("There is no Chromium: apt-get install chromium, or set S2SDAP_CHROMIUM.")
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as made, served() as link, sync_playwright() as playwright:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else made).resolve()
        if len(sys.argv) == 1:
            subprocess.run([sys.executable, str(FIND), "--output", str(folder)], check=True)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport=SIZE)
        page.set_default_timeout(120_000)
        begin(page, link, folder / "model", folder / "index", SOURCE, REFERENCE)
        forward(page, WRONG)
        page.locator(".target .token").last.focus()
        page.mouse.move(0, 0)
        keep(page, "dates-wrong", ("light",))
        page.get_by_role("tab", name="Neighbourhood").click()
        settled(page)
        page.locator(".neighbours ol li").first.wait_for()
        keep(page, "dates-neighbours", ("light",))
        page.get_by_role("tab", name="Verdict").click()
        page.get_by_role("button", name="Find the stage to blame").click()
        page.locator(".answer").wait_for()
        settled(page)
        keep(page, "dates-verdict", ("light",))
        browser.close()


if __name__ == "__main__":
    main()
