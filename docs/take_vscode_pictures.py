"""Takes the pictures of the extension from a real VS Code, into docs/pictures: `make pictures`.

The first run installs VS Code, as the tests in tests/vscode do. The window stands at the doubtful token of a
decode, in light, dark and high contrast.
"""

import io
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
# The harness of the tests drives the same VS Code. It is no package, so its folders go on the path first.
sys.path[:0] = [str(ROOT / each) for each in ("tests", "tests/vscode", "vscode-extension")]

import bundle  # noqa: E402
from browser import CHROMIUM, FLAGS  # noqa: E402
from real_vscode import OLDEST, install  # noqa: E402
from vscode_server import started  # noqa: E402
from workbench import Workbench  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
THEMES = {"light": "Default Light Modern", "dark": "Default Dark Modern", "contrast": "Default High Contrast"}
COLOURS = 256
"""Of a picture's palette: a screen has few, and so the files stay small."""
SIZE = {"width": 1360, "height": 820}
DECODE = {
    "type": "s2sdap",
    "request": "launch",
    "name": "Decode the dates",
    "program": "${workspaceFolder}/dates.txt",
    "search": {"beamSize": 3},
    "watchRules": ["lowConfidence(p < 0.7)"],
    "stopOnEntry": False,
    "internalConsoleOptions": "neverOpen",
}


def main() -> None:
    """Stop at the doubtful token, and keep the window in every theme."""
    with (
        tempfile.TemporaryDirectory() as state,
        tempfile.TemporaryDirectory(prefix="dates-") as folder,
        started(install(OLDEST), bundle.vsix(), Path(state), {"s2sdap.python": sys.executable}) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport=SIZE)
        page.set_default_timeout(60_000)
        code = Workbench(page, server, Path(folder))
        code.write("dates.txt", "J 4, 2005\nMarch 3, 1999\n24. Okt 1987\n16 février 2005\n")
        settings = json.loads(server.user_settings.read_text("utf-8"))
        for name, theme in THEMES.items():
            server.user_settings.write_text(json.dumps({**settings, "workbench.colorTheme": theme}), "utf-8")
            code.configure(DECODE)
            code.load()
            code.open("dates.txt")
            code.start()
            code.panels.at(6)
            code.panels.frame.locator(f":root[data-theme={name}]").wait_for()
            page.mouse.move(SIZE["width"] / 2, SIZE["height"] - 60)
            picture: Any = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
            path = PICTURES / f"vscode-{name}.png"
            picture.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
            print(f"{path.relative_to(ROOT)}  {path.stat().st_size // 1024} KiB")
            code.tidy()
            page.goto("about:blank")
        browser.close()


if __name__ == "__main__":
    main()
