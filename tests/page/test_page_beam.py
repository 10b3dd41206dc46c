"""The beam tree in the page, held against a scripted client at the same server."""

import re

import pytest

SOURCE = "J 4, 2005"


def opened(sheet, *, steps, reference=""):
    """A session with a beam of three, so many tokens on, and its tree on show."""
    sheet.begin(SOURCE, beam=3, reference=reference)
    for _ in range(steps):
        sheet.go("Next token")
    sheet.page.get_by_role("tab", name="Beam tree").click()
    sheet.page.locator(".beam[aria-busy=false]").wait_for()


@pytest.fixture(scope="module")
def looked_at(module_sheet):
    """Such a session for tests that change nothing in it."""
    opened(module_sheet, steps=7, reference="2005-01-04")
    return module_sheet


def told(sheet):
    """What stands at the foot about the picked candidate."""
    return sheet.page.locator(".foot [role=status]").inner_text()


def test_it_is_walked_folded_and_followed_by_keys(looked_at):
    """The first of the tests that look: nobody has picked a candidate before."""
    tree = looked_at.page.get_by_role("application", name=re.compile("^Beam tree of"))
    tree.focus()
    press = looked_at.page.keyboard.press
    press("ArrowRight")
    assert told(looked_at).startswith("step 0")
    for _ in range(6):
        press("ArrowRight")
    assert told(looked_at).startswith("step 6")
    first = told(looked_at)
    press("ArrowDown")
    assert told(looked_at).startswith("step 6")
    assert told(looked_at) != first
    press("ArrowLeft")
    assert told(looked_at).startswith("step 5")
    mark = looked_at.page.locator("g.node.picked .more")
    hidden = mark.text_content()
    assert re.fullmatch(r"\+\d+", hidden)
    press(" ")
    mark.wait_for(state="detached")  # all of them are shown
    press(" ")
    assert mark.text_content() == "▸"  # and everything below is folded away
    press(" ")
    assert mark.text_content() == hidden


def test_it_counts_and_tells_what_the_scripted_client_reads(looked_at, scripted):
    scripted.launch(source=SOURCE, beam_size=3)
    for _ in range(7):
        scripted.next()
    candidates = [each for step in scripted.beam().steps for each in step.candidates]
    counts = {
        fate: sum(each.fate == fate for each in candidates) for fate in ("survived", "finished", "pruned")
    }
    assert looked_at.page.locator(".counts").inner_text() == " · ".join(
        f"{number} {fate}" for fate, number in counts.items()
    )
    looked_at.page.get_by_role("combobox", name="Pruned").select_option("all")
    last = scripted.beam().steps[-1].candidates
    node = looked_at.page.locator("g.node[data-key='6:1']")
    node.click(force=True)
    assert f"p = {float(f'{2.718281828459045 ** last[1].logp:.6g}'):g}"[:8] in told(looked_at)
    assert told(looked_at).startswith(
        f"step 6: hypothesis {last[1].parent} with '{last[1].piece}' {last[1].fate}"
    )


def test_a_pruned_candidate_is_revived_as_by_a_script(sheet, scripted):
    scripted.launch(source=SOURCE, beam_size=3)
    for _ in range(7):
        scripted.next()
    candidates = scripted.beam().steps[-1].candidates
    place = next(place for place, each in enumerate(candidates) if each.fate == "pruned")
    scripted.revive(candidates[place].parent, candidates[place].id)
    alive = sorted(each.name for each in scripted.threads())

    opened(sheet, steps=7)
    sheet.page.get_by_role("combobox", name="Pruned").select_option("all")
    sheet.page.locator(f"g.node[data-key='6:{place}']").click(force=True)
    assert "because others scored higher" in told(sheet)
    sheet.button("Revive it").click()
    sheet.page.wait_for_function(
        "(wanted) => JSON.stringify([...document.querySelectorAll(\"[aria-label='Call stack'] option\")]"
        ".map((each) => each.textContent).sort()) === JSON.stringify(wanted)",
        arg=alive,
    )


def test_where_the_reference_went(looked_at):
    looked_at.page.get_by_label("Where the reference went").check()
    looked_at.page.locator("p.reference").filter(has_text="finished with rank 1").wait_for()
    assert looked_at.page.locator("g.node.way.survived").count() >= 7


def test_where_the_reference_fell_off(sheet):
    sheet.begin(SOURCE, beam=1, reference="2005-01-04")
    for _ in range(8):
        sheet.go("Next token")
    sheet.page.get_by_role("tab", name="Beam tree").click()
    sheet.page.get_by_label("Where the reference went").check()
    sheet.page.locator("p.reference").filter(has_text="step 6").wait_for()
    sheet.page.locator("g.node.fell").click(force=True)
    assert sheet.page.locator("g.node.fell text").first.text_content() == "1"
    assert "Here the reference fell off" in sheet.page.locator(".foot").inner_text()


def test_following_another_hypothesis_shows_it_everywhere(sheet):
    opened(sheet, steps=7)
    select = sheet.page.locator("[aria-label='Call stack'] select")
    for step in (6, 4):  # among the live ones, and back where it lived
        sheet.page.locator(f"g.node.survived:not(.path)[data-key^='{step}:']").last.click(force=True)
        hypothesis = re.search(r"as hypothesis (\d+)", told(sheet))[1]
        sheet.button("Follow it").click()
        sheet.page.wait_for_function(
            "([id, step]) => document.querySelector(\"[aria-label='Call stack'] select\")?.value === id && "
            "document.querySelector(\"[aria-label='Call stack'] li\").textContent.includes(`step ${step}`)",
            arg=[hypothesis, step],
        )
    assert select.input_value() == hypothesis
    sheet.page.get_by_role("tab", name="Decode").click()
    sheet.stopped()
    assert sheet.page.locator(".head .hypothesis select").input_value() == hypothesis
    assert sheet.step == "Line 1, step 4, search"


def test_no_serious_fault(looked_at):
    assert looked_at.faults() == []


def test_it_is_dragged_and_zoomed(looked_at):
    """The last of the tests that look: from afar the candidates are blocks."""
    tree = looked_at.page.get_by_role("application", name=re.compile("^Beam tree of"))
    tree.focus()
    press = looked_at.page.keyboard.press
    place = "document.querySelector('.beam svg > g').getAttribute('transform')"
    where = [looked_at.page.evaluate(place)]
    box = tree.bounding_box()
    looked_at.page.mouse.move(box["x"] + box["width"] - 20, box["y"] + box["height"] - 20)
    looked_at.page.mouse.down()
    looked_at.page.mouse.move(box["x"] + box["width"] - 90, box["y"] + box["height"] - 20, steps=3)
    looked_at.page.mouse.up()
    where.append(looked_at.page.evaluate(place))
    for key in "+-0":
        press(key)
        where.append(looked_at.page.evaluate(place))
    x, _, scales = zip(
        *[[float(each) for each in re.findall(r"-?[\d.]+", one)] for one in where], strict=True
    )
    assert x[1] - x[0] == pytest.approx(-70)
    assert scales[0] == scales[1] == pytest.approx(scales[3])
    assert scales[2] == pytest.approx(1.3 * scales[1])
    assert where[4].startswith("translate(12 12)")
