"""Takes the pictures of docs/tutorials/translation.md, of a model that the example has trained.

    python docs/take_translation_pictures.py build/translation-en-de-small

It needs what `python -m examples.translation.story` leaves in that folder, and so text that is not here: it
is no part of `make pictures`. For the same reason the list of neighbours, whose sentences are of that text,
is not in a picture.
"""

import sys
from pathlib import Path
from typing import Final

from playwright.sync_api import Locator, Page, sync_playwright
from take_pictures import CHROMIUM, FLAGS, keep, served, settled

SIZE: Final = {"width": 1280, "height": 900}
SENTENCE: Final = "a man climbs a rock ."
LONGER: Final = "a man climbs a rock wall ."
PAIRS: Final = (
    ("two cars are driving on a road .", "zwei autos fahren auf einer straße ."),
    ("three cars are driving on a racetrack .", "drei autos fahren auf einer rennstrecke ."),
    ("two men are driving on a road .", "zwei männer fahren auf einer straße ."),
    ("two cyclists are driving on a road .", "zwei radfahrer fahren auf einer straße ."),
)
"""The fault of a sentence of the test set, in one of our own, and sentences that are right beside it."""
STEPS: Final = 4
"""Up to the word that is looked at, and with it what the decoder has read by then."""


def begin(page: Page, link: str, model: Path, index: Path, sentence: str, reference: str = "") -> None:
    """A session over the sentence, with the index of what the model was trained on."""
    page.goto(link)
    page.get_by_role("button", name="Begin").wait_for()
    page.locator("input[list=models]").fill(str(model))
    page.get_by_label("One sentence a line").fill(sentence)
    if reference:
        page.get_by_text("References", exact=True).click()
        page.get_by_label("What should come out, a line each").fill(reference)
    page.get_by_text("More settings").click()
    page.get_by_label("Index of training states").fill(str(index))
    page.get_by_role("button", name="Begin").click()
    settled(page)


def forward(page: Page, steps: int = STEPS) -> None:
    """Some tokens on."""
    for _ in range(steps):
        page.get_by_role("button", name="Next token", exact=True).click()
        settled(page)


def neighbours(page: Page, position: int) -> None:
    """The neighbours of one source word's state."""
    page.get_by_role("tab", name="Neighbourhood").click()
    settled(page)
    toolbar = page.get_by_role("toolbar", name="Which neighbours")
    toolbar.get_by_label("State of").or_(toolbar.locator("select").first).first.select_option(
        "encoder.states"
    )
    toolbar.get_by_label("other sentences only").check()
    settled(page)
    page.locator(".neighbours ol li").first.wait_for()
    page.get_by_role("button", name=f"State {position}, ").first.click()
    settled(page)
    page.mouse.move(0, 0)


def the_picture(page: Page) -> Locator:
    """The states and their neighbours as points."""
    return page.get_by_label("States of the decode among")


def main() -> None:
    """A wrong word and who is to blame; states before and after a word is put in."""
    if CHROMIUM is None or len(sys.argv) != 2:
        raise SystemExit("Name the folder of the training; and there must be a Chromium (S2SDAP_CHROMIUM).")
    folder = Path(sys.argv[1]).resolve()
    model, index = folder / "model", folder / "story" / "index"
    with served() as link, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport=SIZE)
        page.set_default_timeout(120_000)
        begin(page, link, model, index, *("\n".join(side) for side in zip(*PAIRS, strict=True)))
        forward(page, 5)
        page.locator(".target .token").nth(1).focus()
        page.mouse.move(0, 0)
        keep(page, "translation-wrong", ("light",))
        page.get_by_role("tab", name="Verdict").click()
        page.get_by_role("button", name="Find the stage to blame").click()
        page.locator(".answer").wait_for()
        settled(page)
        keep(page, "translation-verdict", ("light",))
        page = browser.new_page(viewport=SIZE)
        page.set_default_timeout(120_000)
        begin(page, link, model, index, SENTENCE)
        forward(page)
        neighbours(page, SENTENCE.split().index("rock"))
        keep(page, "translation-before", ("light",), the_picture(page))
        entry = page.get_by_role("combobox", name="Expression or command")
        entry.fill(f"source {LONGER}")
        entry.press("Enter")
        settled(page)
        forward(page)
        neighbours(page, LONGER.split().index("rock"))
        keep(page, "translation-after", ("light",), the_picture(page))
        browser.close()


if __name__ == "__main__":
    main()
