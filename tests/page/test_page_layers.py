"""The Layers panel: what it draws is what the adapter has."""

import re

SOURCE = "March 3, 1999"


def opened(sheet, steps):
    sheet.begin(SOURCE)
    for _ in range(steps):
        sheet.go("Next token")
    sheet.page.get_by_role("tab", name="Layers").click()
    ready(sheet)


def ready(sheet):
    sheet.page.locator(".layers[aria-busy=false]").wait_for()


def test_vectors_are_drawn_and_told(sheet, scripted):
    scripted.launch(source=SOURCE)
    for _ in range(4):
        scripted.next()
    opened(sheet, 4)
    assert "4 steps × 64 features" in sheet.page.locator(".options small").inner_text().replace("\n", " ")
    canvas = sheet.page.locator(".heat canvas")
    box = canvas.bounding_box()
    cell = box["width"] / 64
    sheet.page.mouse.move(box["x"] + 5.5 * cell, box["y"] + 2.5 * box["height"] / 4)
    feature = float(scripted.evaluate("state[5]", frame_id=scripted.stack_trace()[1].id).result)
    told = re.fullmatch(r"row 2, feature 5: (\S+)", canvas.get_attribute("title"))
    assert abs(float(told[1]) - feature) < 1e-5
    sheet.page.get_by_role("application", name=re.compile("^Vectors of layer")).focus()
    sheet.page.keyboard.press("ArrowUp")
    assert sheet.page.locator(".picked h5").inner_text() == "step 2 9"
    sheet.page.get_by_label("Site").select_option("encoder.states")
    ready(sheet)
    assert "13 source tokens" in sheet.page.locator(".options small").inner_text().replace("\n", " ")
    assert sheet.axe() == []


def test_one_step_in_its_parts_with_gates(sheet):
    opened(sheet, 3)
    sheet.button("One step, part by part").click()
    ready(sheet)
    sheet.page.locator("ol h4").nth(6).wait_for()
    names = [each.strip() for each in sheet.page.locator(".strip .name").all_inner_texts()]
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
    assert sheet.page.locator(".strip .numbers").nth(3).inner_text().count("nearly shut or open") == 1
    assert sheet.axe() == []
    sheet.button("Next part of the stage").click()
    here = sheet.page.locator("ol li[aria-current='step'] h4")
    here.get_by_text("What comes in").wait_for()
    sheet.button("Next part of the stage").click()
    here.get_by_text("The new state").wait_for()


def test_weights_add_up(sheet):
    opened(sheet, 1)
    sheet.button("Weights").click()
    sheet.page.locator(".layers tbody tr").first.wait_for()
    counts = [int(each.replace(",", "")) for each in sheet.page.locator("td.right").all_inner_texts()]
    total = sheet.page.locator(".layers > p").inner_text()
    assert f"{sum(counts):,} parameters in {len(counts)} tensors" in total
    assert sheet.axe() == []
