"""The Layers panel: what it draws is what the adapter has."""

import re

import pytest

SOURCE = "March 3, 1999"


@pytest.fixture(scope="module")
def opened(module_sheet):
    """A session at its fourth token, with the panel on show."""
    module_sheet.begin(SOURCE)
    for _ in range(4):
        module_sheet.go("Next token")
    module_sheet.tab("Layers")
    ready(module_sheet)
    return module_sheet


def ready(sheet):
    sheet.page.locator(".layers[aria-busy=false]").wait_for()


def test_vectors_are_drawn_and_told(opened, scripted):
    scripted.launch(source=SOURCE)
    for _ in range(4):
        scripted.next()
    assert "4 steps × 64 features" in opened.page.locator(".options small").inner_text().replace("\n", " ")
    canvas = opened.page.locator(".heat canvas")
    box = canvas.bounding_box()
    cell = box["width"] / 64
    opened.page.mouse.move(box["x"] + 5.5 * cell, box["y"] + 2.5 * box["height"] / 4)
    feature = float(scripted.evaluate("state[5]", frame_id=scripted.stack_trace()[1].id).result)
    told = re.fullmatch(r"row 2, feature 5: (\S+)", canvas.get_attribute("title"))
    assert abs(float(told[1]) - feature) < 1e-5
    opened.page.get_by_role("application", name=re.compile("^Vectors of layer")).focus()
    opened.page.keyboard.press("ArrowUp")
    assert opened.page.locator(".picked h5").inner_text() == "step 2 9"
    opened.page.get_by_label("Site").select_option("encoder.states")
    ready(opened)
    assert "13 source tokens" in opened.page.locator(".options small").inner_text().replace("\n", " ")
    assert opened.axe() == []


def test_one_step_in_its_parts_with_gates(opened):
    opened.button("One step, part by part").click()
    ready(opened)
    opened.page.locator("ol h4").nth(6).wait_for()
    names = [each.strip() for each in opened.page.locator(".strip .name").all_inner_texts()]
    assert names == [
        "embedding of the token before",
        "decoder state before",
        "new decoder state",
        "reset",
        "update",
        "candidate",
        "scores before the softmax",
        "attention weights",
        "context from attention",
        "state and context",
        "what the output layer reads",
    ]
    assert opened.page.locator(".strip .numbers").nth(3).inner_text().count("nearly shut or open") == 1
    assert opened.axe() == []
    opened.button("Next part of the stage").click()
    here = opened.page.locator("ol li[aria-current='step'] h4")
    here.get_by_text("What comes in").wait_for()
    opened.button("Next part of the stage").click()
    here.get_by_text("The new state").wait_for()


def test_weights_add_up(opened):
    opened.button("Weights").click()
    opened.page.locator(".layers tbody tr").first.wait_for()
    counts = [int(each.replace(",", "")) for each in opened.page.locator("td.right").all_inner_texts()]
    total = opened.page.locator(".layers > p").inner_text()
    assert f"{sum(counts):,} parameters in {len(counts)} tensors" in total
    assert opened.axe() == []
