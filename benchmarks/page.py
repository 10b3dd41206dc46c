"""What the page costs the browser.

Script to show a stop, the longest task while one scrolls, points and drags, a large beam tree, the bytes
of a stop: in a real Chromium over a real server. The model is a ByT5 with random weights and 8 heads that
reads 100 bytes and writes 100; what it writes means nothing, but every number on show is its own. Times are
processor time of the main thread of the page, as the browser counts it.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers
from playwright.sync_api import sync_playwright

from benchmarks.measuring import Row

CHROMIUM = os.environ.get("S2SDAP_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
TOKENS = 100
HEADS = 8
PAINT = 100.0
"""Milliseconds of script in which the Decode panel shows a stop."""
FRAME = 50.0
"""Milliseconds that no frame takes."""
TREE = 200.0
"""Milliseconds in which a tree of `CANDIDATES` is drawn."""
CANDIDATES = 2000
SEQ2SEQ_VIS = 1.4e6
"""Bytes of a translation reply of Seq2Seq-Vis at 20 by 20 tokens."""
RUNS = 5

LETTERS = "the quick brown fox jumps over the lazy dog and "

_STOPPED = """() => document.querySelector("header button[aria-label='Next token']:enabled")
  && document.querySelector("main [aria-busy=false]") && !document.querySelector(".computing")"""
_TO_THE_START = "(rows) => rows.forEach((row) => row.scrollTo(0, 0))"
_PAINTED = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def model(folder: str) -> None:
    """Write a ByT5 with random weights that chooses among all bytes."""
    torch.manual_seed(0)
    tokenizer = transformers.ByT5Tokenizer(extra_ids=2)
    config = transformers.T5Config(
        vocab_size=len(tokenizer),
        d_model=512,
        d_kv=64,
        d_ff=512,
        num_layers=2,
        num_heads=HEADS,
        decoder_start_token_id=0,
    )
    tokenizer.save_pretrained(folder)
    transformers.T5ForConditionalGeneration(config).save_pretrained(folder)


@contextmanager
def served(folder: str) -> Iterator[str]:
    """A server of the page; its link."""
    command = [sys.executable, "-m", "s2sdap", "serve", "--page", "--token-file", f"{folder}/token"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield [process.stdout.readline().strip() for _ in range(4)][-1].removeprefix("page ")
        finally:
            process.terminate()


class Looking:
    """A page of the browser, and what it has cost so far."""

    def __init__(self, browser: Any, link: str) -> None:
        self.page = browser.new_page(viewport={"width": 1360, "height": 860})
        self.page.set_default_timeout(120_000)
        self._session = self.page.context.new_cdp_session(self.page)
        # Of this thread's own processor time: what else the machine does is not counted.
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})
        self.received = 0
        self.page.on("websocket", lambda socket: socket.on("framereceived", self._count))
        self.page.goto(link)
        self.page.get_by_role("button", name="Begin").wait_for()

    def _count(self, payload: str | bytes) -> None:
        self.received += len(payload.encode() if isinstance(payload, str) else payload)

    def cost(self, name: str = "ScriptDuration") -> float:
        """Milliseconds of the main thread."""
        told = self._session.send("Performance.getMetrics")["metrics"]
        return 1000 * next(float(each["value"]) for each in told if each["name"] == name)

    def begin(self, folder: str, tokens: int, beams: int) -> None:
        """A decode of so many tokens from as many, at its first stop."""
        text = (LETTERS * 9)[: tokens - 1]  # and the end symbol
        length = {"min_new_tokens": tokens, "max_new_tokens": tokens, "num_beams": beams}
        page = self.page
        page.get_by_label("Model").fill(f"hf:{folder}")
        page.get_by_label("One sentence a line").fill(text)
        page.get_by_label("Stop at tokens with a probability below").set_checked(False)
        page.get_by_label("Beam size").fill("1")
        page.get_by_text("More settings").click()
        page.get_by_label("Launch arguments as JSON").fill(json.dumps({"generation": length}))
        page.get_by_role("button", name="Begin").click()
        self.stopped()

    def stopped(self) -> None:
        """Wait until the stop is on show, all columns of it."""
        self.page.wait_for_function(_STOPPED)
        self.page.evaluate(_PAINTED)

    def press(self, keys: str) -> None:
        """A key of run control, and wait for the stop.

        To look for a button by its name would cost more script than the page itself.
        """
        self.page.keyboard.press(keys)
        self.stopped()

    def tab(self, name: str, there: str) -> None:
        """Another panel, until it is painted."""
        self.page.locator(f"#tab-{name}").click()
        self.page.wait_for_function("(there) => document.querySelector(there)", arg=there)
        self.page.evaluate(_PAINTED)

    def middle(self, selector: str) -> tuple[float, float]:
        """The middle of an element."""
        box = self.page.locator(selector).first.bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def frame(self) -> None:
        """Wait for the next frame."""
        self.page.evaluate("() => new Promise(requestAnimationFrame)")

    def costs(self, deed: Callable[[], None], name: str = "ScriptDuration") -> float:
        """What a deed costs."""
        before = self.cost(name)
        deed()
        return self.cost(name) - before

    def longest(self, deed: Callable[[], None]) -> float:
        """The longest task of the main thread while something is done: no frame can come in between.

        In milliseconds of its own processor time.
        """
        browser = self.page.context.browser
        browser.start_tracing(
            page=self.page, categories=["toplevel", "disabled-by-default-devtools.timeline"]
        )
        deed()
        events = json.loads(browser.stop_tracing())["traceEvents"]
        names = {
            (each["pid"], each["tid"]): each["args"]["name"]
            for each in events
            if each["name"] == "thread_name"
        }
        # Of several renderers it is that of the page which is busy.
        return max(
            each["tdur"] / 1000
            for each in events
            if names.get((each["pid"], each["tid"])) == "CrRendererMain" and "tdur" in each
        )


# Each looks for its places first and returns what is then done to them: looking costs script as well.


def _scrolling(look: Looking) -> Callable[[], None]:
    """Along the decode and back."""
    x, y = look.middle(".row.target")

    def deed() -> None:
        look.page.mouse.move(x, y)
        for way in (1, -1):
            for _ in range(20):
                look.page.mouse.wheel(way * 120, 0)
                look.frame()

    return deed


def _pointing(look: Looking) -> Callable[[], None]:
    """Over tokens that are in sight, source and target, and candidates."""
    look.page.locator(".row").evaluate_all(_TO_THE_START)
    rows = (".source .slot:nth-child({}) .token", ".target .slot:nth-child({}) .token")
    places = [look.middle(row.format(at)) for row in rows for at in range(1, 10)]

    def deed() -> None:
        for place in places:
            look.page.mouse.move(*place)
            look.frame()

    return deed


def _dragging(look: Looking) -> Callable[[], None]:
    """An attention bar up and down."""
    look.page.evaluate("() => document.querySelector('.draft button:last-child')?.click()")
    look.page.locator(".row").evaluate_all(_TO_THE_START)
    x, y = look.middle(".source .slot:nth-child(4) .track")

    def deed() -> None:
        look.page.mouse.move(x, y)
        look.page.mouse.down()
        for step in range(30):
            look.page.mouse.move(x, y + (step % 10 - 5) * 4)
            look.frame()
        look.page.mouse.up()

    return deed


def _drawing(look: Looking) -> Callable[[], None]:
    """The slider of how much attention is drawn, from 75 % to nearly all and far down."""
    look.page.locator(".options input[type=range]").focus()

    def deed() -> None:
        for key in (*["ArrowRight"] * 20, *["ArrowLeft"] * 40):
            look.page.keyboard.press(key)
            look.frame()

    return deed


def _goal(what: str, told: list[float], goal: float, unit: str = "ms") -> Row:
    middle = statistics.median(told)
    return Row(what, f"{middle:.1f} {unit}", f"goal {goal:.0f} {unit}", middle / goal, 1.0)


def _decode(look: Looking, folder: str) -> list[Row]:
    look.begin(folder, TOKENS, 1)
    look.press("Shift+F9")
    size = f"{TOKENS}x{TOKENS} tokens, {HEADS} heads"
    stops, whole, opened = [], [], []
    for _ in range(RUNS):
        look.press("Shift+F10")
        before = look.cost("TaskDuration")
        stops.append(look.costs(lambda: look.press("F10")))
        whole.append(look.cost("TaskDuration") - before)
        look.tab("timeline", ".timeline[aria-busy=false]")
        opened.append(look.costs(lambda: look.tab("decode", ".target .token")))
    rows = [
        _goal(f"page: script to show the next stop, {size}", stops, PAINT),
        _goal(f"page: script to open the Decode panel, {size}", opened, PAINT),
    ]
    print(
        f"  all of the main thread for a stop, layout and painting with it: {statistics.median(whole):.0f} ms"
    )
    for what, gesture in (
        ("scrolling", _scrolling),
        ("pointing at tokens", _pointing),
        ("dragging attention", _dragging),
        ("drawing more and less attention", _drawing),
    ):
        told = [look.longest(gesture(look)) for _ in range(2)]
        rows.append(_goal(f"page: longest task of a frame, {what}, {size}", [max(told)], FRAME))
    return rows


def _tree(look: Looking, folder: str) -> list[Row]:
    look.begin(folder, TOKENS, 10)
    look.press("Shift+F9")
    look.tab("beam", ".beam[aria-busy=false]")
    look.page.get_by_role("combobox", name="Pruned").select_option("all")
    counts = look.page.locator(".counts").inner_text()
    candidates = sum(int(word) for word in counts.split() if word.isdigit())
    if candidates < CANDIDATES:
        raise RuntimeError(f"the tree has only {candidates} candidates")
    drawn, fitted = [], []
    for _ in range(RUNS):
        look.tab("timeline", ".timeline[aria-busy=false]")
        drawn.append(look.costs(lambda: look.tab("beam", ".beam[aria-busy=false]"), "TaskDuration"))
        fitted.append(look.costs(lambda: _fit(look), "TaskDuration"))
    return [
        _goal(f"page: a tree of {candidates:,} candidates drawn, all of the main thread", drawn, TREE),
        _goal("page: the same, all of it in sight", fitted, TREE),
    ]


def _fit(look: Looking) -> None:
    look.page.locator(".zoom button:last-child").click()
    look.page.evaluate(_PAINTED)


def _bytes(look: Looking, folder: str) -> list[Row]:
    look.begin(folder, 20, 1)
    look.press("Shift+F9")
    look.press("Shift+F10")
    look.page.wait_for_timeout(500)  # what is on its way belongs to the stop before
    before = look.received
    look.press("F10")
    look.page.wait_for_timeout(500)
    told = look.received - before
    return [
        Row(
            "page: bytes of a stop at 20x20 tokens, peer Seq2Seq-Vis",
            f"{told / 1000:.1f} kB",
            f"{SEQ2SEQ_VIS / 1000:.0f} kB",
            told / SEQ2SEQ_VIS,
            1 / 20,
        )
    ]


def rows() -> list[Row]:
    """All of them; none without a Chromium."""
    if CHROMIUM is None or not (Path(__file__).parents[1] / "s2sdap/page/bundle/index.html").is_file():
        return [Row("page: needs Chromium, and `make page`", "", "")]
    out: list[Row] = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        made = f"{folder}/model"
        model(made)
        with served(folder) as link:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            for part in (_decode, _tree, _bytes):
                look = Looking(browser, link)
                out += part(look, made)
                look.page.close()
            browser.close()
    return out
