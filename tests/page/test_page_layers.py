"""The Layers panel: what it draws is what the adapter has."""

import base64
import re

import numpy as np
import pytest
from models.small_networks import model_of, small_config

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


def gates_agree(sheet, scripted):
    """The gates on show, layer by layer, are those that a script has of the same step."""
    walked = scripted.request("s2s/walk")
    gates = [gate for layer in walked["gates"] for gate in layer["gates"]]
    titles = sheet.page.locator("details h5").all_inner_texts()
    assert titles == [f"layer {layer['layer']}" for layer in walked["gates"]]
    strips = sheet.page.locator("details .strip")
    assert strips.locator(".name").all_inner_texts() == [gate["name"] for gate in gates]
    for strip, gate in zip(strips.all(), gates, strict=True):
        vector = np.frombuffer(base64.b64decode(gate["vector"]["data"]), gate["vector"]["dtype"])
        canvas = strip.locator("canvas")
        wide = canvas.bounding_box()["width"] / len(vector)
        for feature in (1, len(vector) - 2):
            canvas.hover(position={"x": (feature + 0.5) * wide, "y": 9})
            told = re.fullmatch(rf"row 0, feature {feature}: (\S+)", canvas.get_attribute("title"))
            assert float(told[1]) == pytest.approx(vector[feature], rel=1e-5)
        numbers = re.match(
            r"(\S+) … (\S+), mean (\S+) ±", strip.locator(".numbers").inner_text().replace("−", "-")
        )
        wanted = [vector.min(), vector.max(), vector.mean()]
        assert [float(each) for each in numbers.groups()] == pytest.approx(wanted, rel=0.006)
    return [gate["name"] for gate in gates]


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
    assert opened.faults() == []


def test_one_step_in_its_parts_with_gates(opened, scripted):
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
    scripted.launch(source=SOURCE)
    for _ in range(4):
        scripted.next()
    assert gates_agree(opened, scripted) == ["reset", "update", "candidate"]
    assert opened.faults() == []
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
    assert opened.faults() == []


def test_the_gates_of_an_lstm_of_two_layers(sheet, scripted, tmp_path):
    model_of(small_config(cell="lstm", layers=2), tmp_path / "lstm")
    scripted.launch(model=str(tmp_path / "lstm"), source="abcd")
    scripted.next()
    sheet.page.get_by_label("Model", exact=False).first.fill(str(tmp_path / "lstm"))
    sheet.begin("abcd")
    sheet.go("Next token")
    sheet.tab("Layers")
    sheet.button("One step, part by part").click()
    sheet.page.locator("details .strip").first.wait_for()
    assert gates_agree(sheet, scripted) == ["input", "forget", "candidate", "output"] * 2
