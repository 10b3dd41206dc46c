"""Takes the pictures of the page from the running product, into docs/pictures: `make pictures`.

Every panel in light, dark and high contrast, of one session that forces a token in a doubtful decode; and
one of the model of examples/no_attention, which is trained for it.
"""

import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Locator, Page, sync_playwright

PICTURES = Path(__file__).parent / "pictures"
CHROMIUM = os.environ.get("S2SDAP_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
THEMES = ("light", "dark", "contrast")
COLOURS = 256
"""Of a picture's palette: a screen has few, and so the files stay small."""
SIZE = {"width": 1280, "height": 760}


@contextmanager
def served() -> Iterator[str]:
    """A server; yields the link."""
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [sys.executable, "-m", "s2sdap", "serve", "--page", "--token-file", f"{folder}/token"],
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        if process.stdout is None:
            raise AssertionError("a process that was given a pipe has none")
        try:
            yield [process.stdout.readline().strip() for _ in range(4)][-1].removeprefix("page ")
        finally:
            process.terminate()


def settled(page: Page) -> None:
    """Nothing is being fetched any more."""
    page.locator("header button[aria-label='Next token']:enabled").wait_for()
    page.wait_for_function(
        "() => document.querySelector('[aria-busy]') && !document.querySelector('[aria-busy=true]')"
    )


def begin(page: Page) -> None:
    """A session in a doubtful decode, with a token forced on a branch."""
    page.get_by_label("One sentence a line").fill("J 4, 2005\nMarch 3, 1999\n24. Okt 1987")
    page.get_by_text("References", exact=True).click()
    page.get_by_label("What should come out, a line each").fill("2005-01-04\n1999-03-03\n1987-10-24")
    page.get_by_label("Stop at tokens with a probability below").set_checked(True)
    page.get_by_label("Probability", exact=True).fill("0.7")
    page.get_by_role("button", name="Begin").click()
    settled(page)
    page.get_by_role("button", name="Continue").click()
    settled(page)


def decode(page: Page) -> None:
    """The doubtful token, with its curves."""
    page.get_by_label("Unsure below").fill("0.7")
    page.locator(".target .token").last.focus()


def beam(page: Page) -> None:
    """The tree, with the way of the reference."""
    page.get_by_label("Where the reference went").check()
    page.locator("p.reference").filter(has_text="rank").wait_for()
    page.get_by_label("Beam tree of").focus()
    for key in ("ArrowRight",) * 7 + ("ArrowDown",):
        page.keyboard.press(key)


def neighbours(page: Page) -> None:
    """The neighbours of the doubtful state."""
    page.locator(".neighbours ol li").first.wait_for()


def nothing(_page: Page) -> None:
    """As it is."""


def compare(page: Page) -> None:
    """The branch with the forced token beside the first one."""
    entry = page.get_by_role("combobox", name="Expression or command")
    entry.fill('force "1"')
    entry.press("Enter")
    page.locator("[aria-label='Edits in force'] li").first.wait_for()
    page.get_by_role("button", name="Compare", exact=True).click()
    page.locator("[aria-label=Compare] dl").wait_for()


def verdict(page: Page) -> None:
    """On the first branch."""
    entry = page.get_by_role("combobox", name="Expression or command")
    entry.fill("switch 0")
    entry.press("Enter")
    settled(page)
    page.get_by_role("button", name="Find the stage to blame").click()
    page.locator(".answer").wait_for()


def walk(page: Page) -> None:
    """One step in its parts."""
    page.get_by_role("button", name="One step, part by part").click()
    settled(page)


PANELS: list[tuple[str, str, Callable[[Page], None]]] = [
    ("decode", "Decode", decode),
    ("beam", "Beam tree", beam),
    ("neighbourhood", "Neighbourhood", neighbours),
    ("layers", "Layers", nothing),
    ("step", "Layers", walk),
    ("verdict", "Verdict", verdict),
    ("compare", "Timeline and compare", compare),
]


def without_attention(page: Page) -> None:
    """A decode through one vector; the model is trained for half a minute."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "plain"
        train = PICTURES.parents[1] / "examples" / "no_attention" / "train.py"
        subprocess.run([sys.executable, train, "--output", model], check=True)
        page.locator("input[list=models]").fill(str(model))
        page.get_by_label("One sentence a line").fill("703561")
        page.get_by_text("References", exact=True).click()
        words = "seven hundred three thousand five hundred sixty one"
        page.get_by_label("What should come out, a line each").fill(words)
        page.get_by_role("button", name="Begin").click()
        settled(page)
        for _ in range(6):
            page.get_by_role("button", name="Next token", exact=True).click()
            settled(page)
        page.mouse.move(0, 0)
        keep(page, "no-attention", ("light",))


def keep(page: Page, name: str, themes: Sequence[str] = THEMES, part: Locator | None = None) -> None:
    """The page as it stands, or a part of it, in every theme."""
    for theme in themes:
        page.get_by_label("Colours").select_option(theme)
        page.wait_for_function("(theme) => document.documentElement.dataset.theme === theme", arg=theme)
        picture: Any = Image.open(io.BytesIO((part or page).screenshot(animations="disabled"))).convert("RGB")
        path = PICTURES / f"{name}-{theme}.png"
        picture.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
        print(f"{path.relative_to(PICTURES.parents[1])}  {path.stat().st_size // 1024} KiB")
    page.get_by_label("Colours").select_option("light")


def main() -> None:
    """Take them all."""
    if CHROMIUM is None:
        raise SystemExit("There is no Chromium: apt-get install chromium, or set S2SDAP_CHROMIUM.")
    PICTURES.mkdir(exist_ok=True)
    with served() as link, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport=SIZE)
        page.set_default_timeout(120_000)
        page.goto(link)
        page.get_by_role("button", name="Begin").wait_for()
        keep(page, "opening")
        begin(page)
        for name, tab, prepare in PANELS:
            page.get_by_role("tab", name=tab).click()
            settled(page)
            prepare(page)
            settled(page)
            page.mouse.move(0, 0)
            keep(page, name)
        other = browser.new_page(viewport=SIZE)
        other.set_default_timeout(120_000)
        other.goto(link)
        without_attention(other)
        browser.close()


if __name__ == "__main__":
    main()
