"""Takes the pictures of docs/tutorials/addition.md, of the network that it trains: a part of `make pictures`.

python docs/take_addition_pictures.py [FOLDER OF A TRAINED NETWORK]
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, sync_playwright
from take_pictures import CHROMIUM, FLAGS, PICTURES, keep, served, settled

TRAIN: Final = Path(__file__).parents[1] / "examples" / "addition" / "train.py"
OPTIONS: Final = ("--cell", "rnn", "--batch-size", "512", "--epochs", "50")
"""The tutorial's training, some 50 CPU seconds."""
SIZE: Final = {"width": 1280, "height": 620}
SUM: Final = "895+7"


def begin(page: Page, model: Path) -> None:
    """A session over the sum, at its last character."""
    page.locator("input[list=models]").fill(str(model))
    page.get_by_label("One sentence a line").fill(SUM)
    page.get_by_role("button", name="Begin").click()
    settled(page)
    for _ in range(4):
        page.get_by_role("button", name="Next token").click()
        settled(page)
    page.get_by_role("tab", name="Layers").click()
    settled(page)


def show(page: Page, site: str, row: int) -> None:
    """The vectors of a site, with one of them picked."""
    page.get_by_label("Site").select_option(site)
    settled(page)
    sheet = page.get_by_role("application").first
    sheet.wait_for()
    sheet.focus()
    for _ in range(8):
        page.keyboard.press("ArrowUp")
    for _ in range(row):
        page.keyboard.press("ArrowDown")


def main() -> None:
    """Train, unless a folder is given, and take them."""
    if CHROMIUM is None:
        raise SystemExit("There is no Chromium: apt-get install chromium, or set S2SDAP_CHROMIUM.")
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, served() as link, sync_playwright() as playwright:
        model = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder) / "addition"
        if len(sys.argv) == 1:
            subprocess.run([sys.executable, str(TRAIN), *OPTIONS, "--output", str(model)], check=True)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport=SIZE)
        page.set_default_timeout(120_000)
        page.goto(link)
        page.get_by_role("button", name="Begin").wait_for()
        begin(page, model)
        for name, site, row in (
            ("addition-encoder", "encoder.states", 0),
            ("addition-softmax", "prediction.probabilities", 0),
        ):
            show(page, site, row)
            keep(page, name, ("light",))
        browser.close()


if __name__ == "__main__":
    main()
