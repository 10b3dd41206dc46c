"""The panels in a side bar, in half a screen and in a small window: nothing is cut off or out of reach."""

import pytest

# Branches whose names lie on the lines of the tree beside them.
COVERED = """() => [...document.querySelectorAll("[aria-label=Branches] tr")].filter((row) => {
  const name = row.querySelector("td.name");
  if (!name) return false;
  const words = new Range();
  words.selectNodeContents(name);
  const { right } = row.querySelector("circle").getBoundingClientRect();
  return words.getBoundingClientRect().left < right;
}).length"""
FACES = {
    "Decode": ("Matrix", "Curves"),
    "Layers": ("One step, part by part", "Weights", "Vectors"),
}


@pytest.fixture(scope="module")
def opened(module_sheet):
    """A sentence of 60 tokens with a token forced in it, beside the branch without it."""
    module_sheet.begin_forced(("J 4, 2005 or March 3, 1999 or " * 2)[:60], steps=4)
    module_sheet.page.locator("[aria-label=Compare] dl").wait_for()
    return module_sheet


@pytest.mark.parametrize("panel", ["Timeline and compare", "Decode", "Beam tree", "Layers", "Verdict"])
def test_a_panel_has_room_however_narrow_it_is(opened, panel):
    page = opened.page
    opened.tab(panel)
    for face in FACES.get(panel, ("",)):
        if face:
            opened.button(face).click()
        page.wait_for_function("() => !document.querySelector('main [aria-busy=true]')")
        assert opened.beyond() == []


def test_a_branch_stands_beside_its_line(opened):
    opened.tab("Timeline and compare")
    opened.page.locator("[aria-label=Branches] td.name").nth(1).wait_for()
    for width in (320, 480, 900):
        opened.page.set_viewport_size({"width": width, "height": 700})
        assert opened.page.evaluate(COVERED) == 0
    opened.page.set_viewport_size({"width": 1360, "height": 860})
