r"""Takes a picture of one step on the page, of a model that is not at hand everywhere.

    python docs/take_decode_picture.py rewriting rewriter \
        "what did alexandre yersin or uh paul - louis simond establish in 1898 ?" 6 --height 700
    python docs/take_decode_picture.py opennmt opennmt:OpenNMT-py/test_model2.pt \
        "ј а ј а ш ц е" 3 --height 640
    python docs/take_decode_picture.py own-text own "۳ مارس ۱۹۹۹" 3 --height 640
    python docs/take_decode_picture.py no-attention plain 703561 6 --height 760

It is no part of `make pictures`: the tutorials tell where their models come from.
"""

from pathlib import Path
from typing import Annotated

import typer
from playwright.sync_api import sync_playwright
from take_pictures import CHROMIUM, FLAGS, PICTURES, keep, served, settled


def main(
    name: Annotated[str, typer.Argument(help="What the picture is called, without its theme.")],
    model: Annotated[str, typer.Argument(help="A folder, or hf:, opennmt: and what to read.")],
    source: Annotated[str, typer.Argument(help="The sentence.")],
    tokens: Annotated[int, typer.Argument(help="How many tokens are chosen in it.")],
    *,
    height: Annotated[int, typer.Option(help="Of the page, in pixels.")] = 620,
) -> None:
    """Take it."""
    if CHROMIUM is None:
        raise SystemExit("There is no Chromium: apt-get install chromium, or set S2SDAP_CHROMIUM.")
    family, colon, path = model.rpartition(":")
    PICTURES.mkdir(exist_ok=True)
    with served() as link, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": height})
        page.set_default_timeout(120_000)
        page.goto(link)
        page.locator("input[list=models]").fill(f"{family}{colon}{Path(path).resolve()}")
        page.get_by_label("One sentence a line").fill(source)
        page.get_by_role("button", name="Begin").click()
        settled(page)
        for _ in range(tokens):
            page.get_by_role("button", name="Next token").click()
            settled(page)
        page.locator(".target .token").last.focus()
        keep(page, name, ("light",))
        browser.close()


if __name__ == "__main__":
    typer.run(main)
