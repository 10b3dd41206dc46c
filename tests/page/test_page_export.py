"""What the page gives to keep: views as drawings and pictures, and the session as one file for the disk."""

import re
from xml.etree import ElementTree

import pytest
from PIL import Image

SOURCE = "J 4, 2005"
PANELS = ("Decode", "Beam tree", "Layers", "Timeline and compare")
DRAWN = {
    *("svg", "title", "g", "rect", "line", "path", "circle", "text", "tspan", "image"),
    *("clipPath", "linearGradient", "stop"),
}
SVG = "{http://www.w3.org/2000/svg}"

# What a person reads in a view, without what is only there to be pressed, in the order of the page.
READ = """(view) => {
  const found = [];
  const read = (node) => {
    if (node instanceof Text) return void found.push(node.data);
    if (!(node instanceof Element) || node.closest("[data-controls]")) return;
    if (!node.checkVisibility({ visibilityProperty: true })) return;
    if (node instanceof HTMLSelectElement) return void found.push(node.selectedOptions[0].textContent);
    if (getComputedStyle(node).clipPath !== "inset(50%)") node.childNodes.forEach(read);
  };
  read(view);
  return found.join("");
}"""


def plain(text):
    return re.sub(r"\s", "", text)


@pytest.fixture(scope="module")
def edited(module_sheet):
    """A session with a forced token, and the branch beside the one without it."""
    module_sheet.begin_forced(SOURCE, steps=7)
    module_sheet.page.get_by_text("They part at step 6.").wait_for()
    return module_sheet


def shown(sheet, panel):
    """The view of a panel, once it is there."""
    sheet.tab(panel)
    view = sheet.page.locator(f"[data-view='{panel}']")
    view.and_(sheet.page.locator("[aria-busy=false]")).wait_for()
    return view


def words(sheet, panel, folder):
    """What a drawing of a whole panel says."""
    shown(sheet, panel)
    root = ElementTree.parse(sheet.downloaded(sheet.button("SVG"), folder)).getroot()
    return [plain("".join(each.itertext())) for each in root.iter(f"{SVG}text")]


@pytest.mark.parametrize("panel", ["Decode", "Layers", "Timeline and compare"])
def test_a_view_is_kept_as_a_drawing_that_needs_nothing_else(edited, panel, tmp_path):
    view = shown(edited, panel)
    wanted = view.evaluate(READ)
    file = edited.downloaded(edited.button("SVG"), tmp_path)
    root = ElementTree.parse(file).getroot()
    *written, caption = [element for element in root.iter() if element.tag == f"{SVG}text"]
    assert plain("".join("".join(each.itertext()) for each in written)) == plain(wanted)
    assert "s2sdap: dates" in caption.text
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= DRAWN
    for element in root.iter():
        assert element.get("href", "data:image/png;base64,").startswith("data:image/png;base64,")
        assert not {"style", "class"} & set(element.attrib)
    assert written[0].get("font-family")
    kept = edited.opened_from_disk(file)
    outside = kept.page.evaluate(
        "() => { const room = document.documentElement.getBoundingClientRect();"
        " return [...document.querySelectorAll('text')].filter((each) => {"
        "  const box = each.getBoundingClientRect();"
        "  return box.right > room.right + 1 || box.bottom > room.bottom + 1 || box.left < -1; }).length; }"
    )
    assert outside == 0
    kept.page.context.close()


def test_a_picture_has_two_pixels_for_one(edited, tmp_path):
    view = shown(edited, "Decode")
    drawing = ElementTree.parse(edited.downloaded(edited.button("SVG"), tmp_path)).getroot()
    picture = Image.open(edited.downloaded(edited.button("PNG"), tmp_path)).convert("RGB")
    assert picture.size == tuple(2 * int(drawing.get(side)) for side in ("width", "height"))
    colour = view.evaluate("(view) => getComputedStyle(view.querySelector('.source .token')).backgroundColor")
    red, green, blue = (int(each) for each in re.findall(r"\d+", colour))
    tokens = view.locator(".source .token").count()
    painted = sum(count for count, each in picture.getcolors(1 << 24) if each == (red, green, blue))
    assert painted > tokens * 20 * 20
    assert view.evaluate("(view) => view.className").split()[0] == "decode"
    assert "drawn" not in view.evaluate("(view) => view.className")


def test_a_whole_tree_is_drawn_also_where_little_of_it_is_in_sight(edited, tmp_path):
    shown(edited, "Beam tree")
    edited.page.get_by_role("combobox", name="Pruned").select_option("all")
    for _ in range(3):
        edited.button("Larger").click()
    in_sight = edited.page.locator("g.node").count()
    root = ElementTree.parse(edited.downloaded(edited.button("SVG"), tmp_path)).getroot()
    counts = sum(int(each) for each in re.findall(r"\d+", edited.page.locator(".counts").inner_text()))
    pieces = [each for each in root.iter(f"{SVG}text") if each.get("text-anchor") == "end"]
    assert len(pieces) == counts > in_sight


def test_a_session_is_kept_in_a_file_that_opens_without_a_server(edited, tmp_path):
    texts = {}
    for panel in PANELS:
        texts[panel] = words(edited, panel, tmp_path)
    sentences = edited.page.get_by_role("region", name="Sentences").inner_text()
    variables = edited.page.get_by_role("tree", name="Variables").inner_text()
    file = edited.downloaded(edited.button("Keep the session as a file"), tmp_path)
    assert file.name == "dates.html"
    kept = edited.opened_from_disk(file)
    policy = kept.page.locator("meta[http-equiv=Content-Security-Policy]").get_attribute("content")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    for panel in PANELS:
        assert words(kept, panel, tmp_path) == texts[panel]
        assert kept.axe() == []
    assert kept.page.get_by_role("region", name="Sentences").inner_text() == sentences
    assert kept.page.get_by_role("tree", name="Variables").inner_text() == variables
    assert 'force "1"' in kept.page.get_by_role("log").inner_text()

    # It is looked at as the page is: other hypotheses, other maps, every step and candidate.
    shown(kept, "Decode")
    kept.page.locator(".target .token").nth(2).click()
    name = kept.page.get_by_role("slider", name=re.compile("at step 2$")).first
    assert name.get_attribute("aria-disabled") == "true"
    kept.page.locator(".target .token").nth(2).click()
    select = kept.page.locator(".head .hypothesis select")
    other = select.locator("option").nth(1).get_attribute("value")
    select.select_option(other)
    edited_select = shown(edited, "Decode").locator(".hypothesis select")
    edited_select.select_option(other)
    edited.stopped()
    edited.page.wait_for_function(
        "(id) => document.querySelector('.hypothesis select').value === id", arg=other
    )
    assert shown(kept, "Decode").evaluate(READ) == shown(edited, "Decode").evaluate(READ)
    kept.page.get_by_label("Candidates").fill("8")
    kept.page.locator("[data-row=rank7]").first.wait_for()
    shown(kept, "Layers")
    kept.button("Weights").click()
    kept.page.locator(".layers tbody tr").first.wait_for()
    kept.button("One step, part by part").click()
    kept.page.locator("ol h4").nth(6).wait_for()
    assert kept.downloaded(kept.button("PNG"), tmp_path).stat().st_size > 5000
    kept.page.context.close()
    assert not edited.wrong
