"""The page in a real Chromium, against a real server. What a test's page logs as an error fails the test.

A test gets a `sheet`: a page of its own, opened by the server's link. At its end nothing may have gone
wrong in the browser, and nothing may have been asked of anywhere but the server.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from browser import CHROMIUM, FLAGS, PATIENCE, ROOT, from_disk, listen
from serving import Serving, serve

AXE = ROOT / "vscode-extension" / "panels" / "node_modules" / "axe-core" / "axe.min.js"
COLOURS = ("color-contrast", "link-in-text-block")
"""The rules of axe-core that other colours could break."""
NUMBERS = count()
# What a person uses or reads that reaches beyond the window, or beyond the panel that it is in. What is in a
# part that is scrolled by itself can be scrolled to.
BEYOND = """() => {
  const root = document.documentElement;
  const found = [];
  if (root.scrollWidth > innerWidth) found.push(`the page is ${root.scrollWidth} wide`);
  const whole = document.querySelector(".page.opened") && matchMedia("(min-width: 761px)").matches;
  if (whole && root.scrollHeight > innerHeight) found.push(`the page is ${root.scrollHeight} high`);
  const panel = document.querySelector("#panel");
  if (panel && panel.scrollWidth > panel.clientWidth) found.push(`the panel is ${panel.scrollWidth} wide`);
  for (const each of document.querySelectorAll("button, input, select, textarea, h3, h4, p, td, dd")) {
    const { left, right, width } = each.getBoundingClientRect();
    if (width === 0 || each.closest("[data-scrolls], .visually-hidden")) continue;
    if (left < -1 || right > innerWidth + 1)
      found.push(`${each.localName} ${each.ariaLabel ?? each.textContent.trim()} ends at ${right}`);
  }
  return found;
}"""


@pytest.fixture(scope="session")
def paged(bundle, warm, tmp_path_factory) -> Iterator[Serving]:
    """A server that hands out the page, for all tests of a process."""
    with serve(warm, tmp_path_factory.mktemp("paged"), "--page") as server:
        yield server


@dataclass
class Sheet:
    """A page of the browser, with the words of a person who uses it."""

    page: Any
    paged: Serving
    wrong: list[str] = field(default_factory=list)

    def button(self, name: str) -> Any:
        return self.page.get_by_role("button", name=name, exact=True)

    def begin(self, source: str, *, beam: int = 1, unsure: bool = False, reference: str = "") -> None:
        """Open a session over these sentences."""
        page = self.page
        page.get_by_label("One sentence a line").fill(source)
        page.get_by_label("Beam size").fill(str(beam))
        page.get_by_label("Stop at tokens with a probability below").set_checked(unsure)
        if reference:
            page.get_by_text("References", exact=True).click()
            page.get_by_label("What should come out, a line each").fill(reference)
        self.button("Begin").click()
        self.stopped()

    def begin_forced(self, source: str, *, steps: int) -> None:
        """Open a session with a token forced after some steps, and compare its branch with that without."""
        self.begin(source, beam=3, reference="2005-01-04")
        for _ in range(steps):
            self.go("Next token")
        self.run('force "1"')
        self.stopped()
        self.tab("Timeline and compare")
        self.page.locator("[aria-label='Edits in force'] li").first.wait_for()
        self.button("Compare").click()

    def stopped(self, why: str = "") -> None:
        """Wait until the run has stopped, for this reason, and the decode is on show."""
        if why:
            self.page.get_by_role("status").filter(has_text=why).wait_for()
        self.page.locator("header button[aria-label='Next token']:enabled").wait_for()
        self.page.locator(".decode[aria-busy=false]").wait_for()

    def tab(self, panel: str) -> None:
        """Bring a panel to the front."""
        self.page.get_by_role("tab", name=panel).click()

    def go(self, label: str) -> None:
        """Move the cursor, and wait for the stop."""
        self.button(label).click()
        self.stopped()

    @property
    def step(self) -> str:
        """The line, the step and the stage that are on show."""
        where, stage = (
            self.page.locator(f".head {part}").inner_text() for part in (".where", "[aria-current] button")
        )
        return f"{where.strip()}, {stage.strip().removeprefix('Break at').strip()}"

    def run(self, command: str) -> str:
        """Type into the console; what came of it."""
        entries = self.page.locator(".log .entry.value, .log .entry.error")
        before = entries.count()
        self.page.get_by_role("combobox", name="Expression or command").fill(command)
        self.page.keyboard.press("Enter")
        entries.nth(before).wait_for()
        return entries.nth(before).inner_text().strip()

    def to_the_end(self) -> list[str]:
        """Continue until the run is over. What was written, sentence by sentence."""
        self.button("Continue").click()
        self.page.get_by_role("status").filter(has_text="The end.").wait_for()
        # What came out is asked for after that.
        without = self.page.locator("[aria-label=Sentences] li:not(:has(.output, .error))")
        without.first.wait_for(state="detached")
        outputs = self.page.locator("[aria-label=Sentences] .output")
        return [text.removeprefix("→ ") for text in outputs.all_inner_texts()]

    def downloaded(self, button: Any, folder: Path) -> Path:
        """Click a button that offers a file; the file, under the name that it was offered with."""
        with self.page.expect_download() as downloading:
            button.click()
        path = folder / downloading.value.suggested_filename
        downloading.value.save_as(path)
        return path

    def opened_from_disk(self, file: Path) -> "Sheet":
        """A file in a page of its own, which may ask for nothing but the file."""
        return Sheet(from_disk(self.page.context.browser, file, self.wrong), self.paged, self.wrong)

    def axe(self, rules: tuple[str, ...] = ()) -> list[str]:
        """What axe-core finds that is serious or worse, by these rules or by all."""
        if not self.page.evaluate("() => 'axe' in window"):
            self.page.evaluate(AXE.read_text("utf-8"))
        # A colour that is still changing is no fault.
        self.page.evaluate("() => Promise.allSettled(document.getAnimations().map((each) => each.finished))")
        # What is in order need not be described.
        look = "async (how) => (await axe.run('body', { resultTypes: ['violations'], ...how })).violations"
        found = self.page.evaluate(look, {"runOnly": list(rules)} if rules else {})
        return [
            f"{each['id']}: {each['help']} at {[node['target'] for node in each['nodes']][:4]}"
            for each in found
            if each["impact"] in ("serious", "critical")
        ]

    def beyond(self) -> list[str]:
        """What of the page is beyond its window in a side bar, in half a screen and in a small window."""
        size, found = self.page.viewport_size, []
        for width in (320, 480, 900):
            self.page.set_viewport_size({"width": width, "height": 700})
            found += [f"{width} wide: {each}" for each in self.page.evaluate(BEYOND)]
        self.page.set_viewport_size(size)
        return found

    def faults(self) -> list[str]:
        """What axe-core finds in any of the themes, which differ in their colours alone."""
        found = []
        for theme, rules in (("dark", COLOURS), ("contrast", COLOURS), ("light", ())):
            self.page.get_by_label("Colours").select_option(theme)
            self.page.locator(f"html[data-theme={theme}]").wait_for()
            found += [f"{theme}: {each}" for each in self.axe(rules)]
        return found


@contextmanager
def _fresh(page, paged) -> Iterator[Sheet]:
    """A page as if it had never been at the server, where nothing may go wrong.

    The one before it stays until then: an empty page between them would be a new process of the browser.
    """
    if page.url.startswith(paged.origin):
        page.evaluate("() => { sessionStorage.clear(); localStorage.clear(); }")
    sheet = Sheet(page, paged)
    unheard = listen(page, sheet.wrong, lambda url: _own(url, paged))
    page.goto(paged.link.replace("#", f"?{next(NUMBERS)}#"))  # with another fragment it would not be loaded
    page.get_by_role("button", name="Begin").wait_for()
    yield sheet
    unheard()
    assert not sheet.wrong


def _window(chromium) -> Iterator[Any]:
    """One page for test after test: a new one would be a new process of the browser each time."""
    context = chromium.new_context(viewport={"width": 1360, "height": 860})
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


window = pytest.fixture(_window, scope="session", name="window")
module_window = pytest.fixture(_window, scope="session", name="module_window")


@pytest.fixture
def sheet(window, paged) -> Iterator[Sheet]:
    """A page for one test."""
    with _fresh(window, paged) as sheet:
        yield sheet


@pytest.fixture(scope="module")
def module_sheet(module_window, paged) -> Iterator[Sheet]:
    """A page for all tests of a module that only look at one session."""
    with _fresh(module_window, paged) as sheet:
        yield sheet


@pytest.fixture
def kept(chromium, paged) -> Iterator[Sheet]:
    """A page in a browser that keeps pages whole when they are left.

    Chromium does so with a page that had a websocket only where a feature is on, and where it may be stored.
    """
    feature = "--enable-features=DisconnectWebSocketOnBFCache"
    how = {"executable_path": CHROMIUM, "args": [*FLAGS, feature]}
    with chromium.browser_type.launch(**how, ignore_default_args=["--disable-back-forward-cache"]) as browser:
        context = browser.new_context(permissions=["local-network-access"])

        def may_be_stored(route):
            answer = route.fetch()
            headers = {name: value for name, value in answer.headers.items() if name != "cache-control"}
            route.fulfill(response=answer, headers=headers)

        context.route("**/*", may_be_stored)
        page = context.new_page()
        page.goto(paged.link)
        page.evaluate("() => addEventListener('pageshow', (event) => (window.kept = event.persisted))")
        yield Sheet(page, paged)


def _own(url: str, paged: Serving) -> bool:
    """Whether a request stays where the page came from. A blob or data address goes nowhere."""
    return url.startswith((paged.origin + "/", paged.websocket, "blob:", "data:"))


@pytest.fixture
def scripted(paged) -> Iterator[Any]:
    """A scripted client at the same server."""
    from s2sdap.client import Debugger

    with Debugger.connect_address(paged.websocket, token=paged.token) as debugger:
        yield debugger
