"""The HTML report in a browser: nothing that a run may be told makes it wider than its window."""

import pytest
from browser import launched

LINES = """(element) => {
    const words = document.createRange();
    words.selectNodeContents(element);
    return words.getClientRects().length;
}"""
"""In how many lines an element's text is laid out."""


@pytest.fixture(scope="module")
def report(s2sdap, tmp_path_factory):
    folder = tmp_path_factory.mktemp("width") / ("long_name_without_blanks_" * 8)
    folder.mkdir()
    (folder / "in.txt").write_text(f"March 3, 1999\n{'4' * 300}\n")
    condition = f"(p<2)or(token=='{'x' * 400}')"
    done = s2sdap(
        *("run", folder / "in.txt", "--break", f"lowConfidence({condition})", "--break", "attentionCollapse"),
        *("--output", folder / "out.txt", "--html", folder / "out.html"),
    )
    assert done.returncode == 1, done.stderr
    return folder / "out.html"


@pytest.fixture(scope="module")
def chromium():
    """A browser that is closed with the last test of this file: this worker has others to run after it."""
    with launched() as browser:
        yield browser


@pytest.mark.parametrize("width", [1400, 600, 320])
def test_it_is_as_wide_as_its_window(chromium, report, width):
    page = chromium.new_page(viewport={"width": width, "height": 900})
    try:
        page.goto(report.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")
        assert page.evaluate("document.documentElement.scrollWidth") == width
        # A rule's name stays whole, however long a condition beside it is.
        name = page.get_by_role("rowheader", name="attentionCollapse")
        assert name.evaluate(LINES) == 1
    finally:
        page.close()
