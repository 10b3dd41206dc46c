"""The Decode panel as a person uses it, held against a scripted client at the same server."""

import json
import re

import numpy as np
import pytest
from models.hf_tiny import folder_of
from models.small_networks import model_of, small_config

from s2sdap.models.tokenizers import SPECIAL_PIECES, SideConfig

UNSURE = "J 4, 2005"


@pytest.fixture(scope="module")
def looked_at(module_sheet):
    """A session at its sixth token, for tests that change nothing in it."""
    module_sheet.begin("March 3, 1999")
    for _ in range(6):
        module_sheet.go("Next token")
    return module_sheet


def shown_attention(sheet):
    """The weights that the sliders show."""
    sliders = sheet.page.get_by_role("slider", name=re.compile("^Attention on"))
    return [float(sliders.nth(at).get_attribute("aria-valuenow")) for at in range(sliders.count())]


def columns(sheet, step):
    """The candidates on show at a step."""
    return sheet.page.get_by_role("list", name=f"Likeliest tokens at step {step}").get_by_role("button")


def dragged(sheet, place):
    """The slider of a source token, dragged to the top."""
    slider = sheet.page.get_by_role("slider", name=re.compile(f", token {place}, "))
    box = slider.bounding_box()
    sheet.page.mouse.move(box["x"] + 10, box["y"] + box["height"] - 3)
    sheet.page.mouse.down()
    sheet.page.mouse.move(box["x"] + 10, box["y"] + 1, steps=4)
    sheet.page.mouse.up()
    return slider


def apply(sheet):
    """Make what was dragged an edit."""
    sheet.button("Apply").click()
    sheet.page.wait_for_selector(".draft", state="detached")
    sheet.stopped()


def test_it_shows_what_the_scripted_client_reads(sheet, scripted):
    sheet.begin(UNSURE, beam=3)
    for _ in range(3):
        sheet.go("Next token")
    scripted.launch(source=UNSURE, beam_size=3)
    for _ in range(3):
        scripted.next()
    step = scripted.step(top=5)
    assert sheet.page.locator(".head .where").inner_text().endswith(f"step {step.step}")
    pieces = sheet.page.locator(".target .token").all_inner_texts()
    assert [piece.strip() for piece in pieces] == [token.piece for token in step.target]
    assert shown_attention(sheet) == pytest.approx(step.attention, abs=1e-5)
    pieces = [each.locator(".piece").inner_text() for each in columns(sheet, step.step).all()]
    assert pieces == [token.piece for token in step.top]
    columns(sheet, step.step).first.hover()
    told = sheet.page.locator(".details").inner_text()
    assert f"p = {float(f'{step.top[0].p:.6g}'):g}" in told
    assert "rank 0" in told
    assert "entropy" in told


def test_a_candidate_forced_by_a_click_changes_the_output_as_for_a_script(sheet, scripted):
    scripted.launch(source=UNSURE, beam_size=3, rules={"lowConfidence": "p < 0.7"})
    scripted.continue_()
    scripted.force("1")
    scripted.watch({})
    scripted.continue_()
    expected = scripted.results()[0].outputs[0].text

    sheet.begin(UNSURE, beam=3)
    while sheet.page.locator(".target .current .token").all_inner_texts() != ["7"]:
        sheet.go("Next token")
    step = int(sheet.page.locator(".head .where").inner_text().rsplit(" ", 1)[1])
    columns(sheet, step).filter(has=sheet.page.locator(".piece", has_text="1")).click()
    sheet.page.get_by_role("button", name=re.compile(f"^step {step}: '1'.*forced")).wait_for()
    assert sheet.to_the_end() == [expected]
    assert expected == "2005-01-04"


def test_attention_is_dragged_summed_cancelled_and_applied(sheet, scripted):
    sheet.begin("March 3, 1999")
    for _ in range(9):
        sheet.go("Next token")
    place = 5  # the 3
    scripted.launch(source="March 3, 1999")
    for _ in range(9):
        scripted.next()
    before = shown_attention(sheet)
    slider = dragged(sheet, place + 2)
    assert sheet.page.locator(".draft .sum").inner_text() == "sum 1"
    assert shown_attention(sheet)[place + 2] > 0.9
    sheet.button("Cancel").click()
    assert shown_attention(sheet) == before
    sheet.page.wait_for_selector(".draft", state="detached")

    slider.focus()
    sheet.page.keyboard.press("End")
    sheet.page.get_by_label("the others fill the rest").uncheck()
    sheet.page.keyboard.press("Escape")
    slider.focus()
    sheet.page.keyboard.press("Home")
    sheet.page.keyboard.press("PageUp")
    sheet.page.keyboard.press("PageUp")
    assert "scaled to 1" in sheet.page.locator(".draft .sum").inner_text()
    row = shown_attention(sheet)
    assert row[place + 2] == pytest.approx(0.4)
    sheet.button("Apply").click()
    sheet.page.wait_for_selector(".draft", state="detached")
    sheet.page.get_by_role("button", name=re.compile("^step 8: .*edited")).wait_for()

    scripted.set_attention(row)
    assert shown_attention(sheet) == pytest.approx(scripted.step().attention, abs=1e-5)
    scripted.continue_()
    assert sheet.to_the_end() == [scripted.results()[0].outputs[0].text]


SLIDERS = """(wanted) => {
  const sliders = [...document.querySelectorAll(".source .track")];
  const shown = sliders.map((each) => Number(each.getAttribute("aria-valuenow")));
  return shown.length === wanted.length && shown.every((each, at) => Math.abs(each - wanted[at]) < 1e-5);
}"""


@pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses")
def test_attention_of_several_heads_is_chosen_folded_and_dragged(sheet, scripted):
    model, length = f"hf:{folder_of('marian')}", {"min_new_tokens": 8, "max_new_tokens": 8}
    scripted.launch(source="the cat sat", model=model, generation=length)
    sheet.page.get_by_label("Model").fill(model)
    sheet.page.get_by_text("More settings").click()
    sheet.page.get_by_label(re.compile("^Launch arguments")).fill(json.dumps({"generation": length}))
    sheet.begin("the cat sat")
    for _ in range(3):
        scripted.next()
        sheet.go("Next token")

    def row(**one):
        return scripted.attention(**one)[2]

    def shows(row, layer="", head="", fold=None):
        sheet.page.get_by_label("Layer").select_option(layer)
        sheet.page.get_by_label("Head").select_option(head)
        if fold is not None:
            sheet.page.get_by_title("How the layers and heads").locator("select").select_option(fold)
        sheet.page.wait_for_function(SLIDERS, arg=[float(each) for each in row])

    def drafted():
        """The row after its first weight was dragged to the top; nothing where it cannot be."""
        dragged(sheet, 0)
        return shown_attention(sheet) if sheet.page.locator(".draft").count() else None

    maps = [row(layer=layer, head=head) for layer in range(2) for head in range(4)]
    shows(np.max(maps, axis=0), fold="max")
    assert drafted() is None
    shows(row(layer=1), layer="1", fold="mean")
    assert drafted() is None  # neither all maps nor one
    shows(row(layer=1, head=2), layer="1", head="2")
    one = drafted()
    assert "layer 1, head 2" in sheet.page.locator(".draft").inner_text()
    apply(sheet)
    scripted.set_attention(one, layer=1, head=2)
    shows(one, layer="1", head="2")
    shows(row(layer=1, head=1), layer="1", head="1")
    shows(row())
    assert max(abs(row() - np.mean(maps, axis=0))) > 0.01

    whole = drafted()  # of the mean: every head of every layer looks there
    assert whole[0] > 0.9
    apply(sheet)
    scripted.set_attention(whole)
    shows(whole)
    shows(whole, layer="0", head="3")
    assert row(layer=0, head=3) == pytest.approx(whole, abs=1e-5)
    pieces = columns(sheet, 2).locator(".piece").all_inner_texts()
    assert pieces == [token.piece for token in scripted.top_tokens(5)]
    scripted.continue_()
    assert sheet.to_the_end() == [scripted.results()[0].outputs[0].text]


def test_a_click_on_a_token_is_a_breakpoint(sheet):
    sheet.begin("March 3, 1999")
    sheet.page.get_by_role("button", name=re.compile("^'3': breakpoint")).click()
    sheet.button("Continue").click()
    sheet.stopped("Stopped: breakpoint")
    attention = shown_attention(sheet)
    assert max(range(len(attention)), key=attention.__getitem__) == 6
    step = int(sheet.page.locator(".head .where").inner_text().rsplit(" ", 1)[1])
    sheet.button(f"Breakpoint at step {step}").click()
    sheet.button("Break at prediction").click()
    sheet.button("Continue").click()
    sheet.stopped("Stage prediction")
    assert sheet.step == f"Line 1, step {step + 1}, prediction"
    sheet.button("Break at prediction").click()
    sheet.button("Remove line 1, column 7").click()
    sheet.button("Restart").click()
    sheet.stopped("Stopped: entry")
    sheet.button("Continue").click()
    sheet.stopped("Stage search")
    assert sheet.step == f"Line 1, step {step}, search"


def test_curves_follow_the_mass_and_the_pointer(looked_at):
    drawn = looked_at.page.locator(".sheet path:not(.hot)")

    def curves():
        return sum(path.get_attribute("d").count("M") for path in drawn.all())

    looked_at.page.get_by_label(re.compile("^Attention drawn")).fill("0")
    fewest = curves()
    assert fewest == 6  # one a step
    looked_at.page.get_by_label(re.compile("^Attention drawn")).fill("1")
    assert curves() > fewest
    looked_at.page.locator(".source .token").nth(2).hover()
    assert looked_at.page.locator("path.hot").count() > 0
    assert looked_at.page.locator(".target .token.tied").count() > 0
    assert "attention" in looked_at.page.locator(".details").inner_text()
    looked_at.page.locator(".target .token").nth(2).hover()
    assert looked_at.page.locator("path.hot").count() > 0
    assert looked_at.page.locator(".source .token.tied").count() > 0


def test_the_matrix_is_read_with_the_arrow_keys(looked_at):
    weights = shown_attention(looked_at)
    looked_at.button("Matrix").click()
    matrix = looked_at.page.get_by_role("application", name=re.compile("6 steps by 13 source tokens"))
    matrix.focus()
    for key in ("ArrowRight", *["ArrowDown"] * 5, *["ArrowRight"] * 12):
        looked_at.page.keyboard.press(key)
    told = looked_at.page.locator(".details").inner_text()
    assert told.startswith("step 5")
    assert float(told.rsplit(" ", 1)[1]) == pytest.approx(weights[12], abs=1e-5)
    looked_at.button("Curves").click()


def test_arrow_keys_lead_through_tokens_and_candidates(looked_at):
    looked_at.page.locator(".source .token").first.focus()
    press = looked_at.page.keyboard.press
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "ArrowDown", "ArrowDown", "ArrowDown"):
        press(key)
    focused = "document.activeElement.dataset.row + document.activeElement.dataset.at"
    assert looked_at.page.evaluate(focused) == "rank11"
    assert "rank 1" in looked_at.page.locator(".details").inner_text()
    for key in ("ArrowUp", "ArrowUp", "ArrowUp"):
        press(key)
    assert looked_at.page.evaluate(focused) == "source1"
    press("b")
    pressed = looked_at.page.locator(".source .token[aria-pressed=true]")
    pressed.wait_for()
    assert pressed.all_inner_texts() == ["a"]
    press("b")
    pressed.wait_for(state="detached")


def test_no_serious_fault_for_those_who_see_or_point_otherwise(sheet):
    assert sheet.faults() == []
    assert sheet.beyond() == []
    sheet.begin("March 3, 1999", beam=2)
    for _ in range(2):
        sheet.go("Next token")
    sheet.run("attention")
    assert sheet.faults() == []
    sheet.button("Matrix").click()
    assert sheet.faults() == []


def test_the_marks_of_a_step_stand_beside_its_word_however_long(sheet, tmp_path):
    pieces = (*SPECIAL_PIECES, *(f"{color}farbenblind" for color in ("rot", "gelb", "blau", "lila")))
    words = SideConfig(unit="word", lowercase=False, end=False, pieces=pieces)
    model_of(small_config(), tmp_path / "words", target=words)
    sheet.page.get_by_label("Model", exact=False).first.fill(str(tmp_path / "words"))
    sheet.begin("abcd")
    for _ in range(3):
        sheet.go("Next token")
    columns(sheet, 2).nth(1).click()
    sheet.page.locator(".target .pin").first.wait_for()
    between = sheet.page.evaluate(
        """() => [...document.querySelectorAll(".target .marks > span")].map((mark) => {
          const word = mark.closest(".top").querySelector(".token");
          return mark.getBoundingClientRect().left - word.getBoundingClientRect().right;
        })"""
    )
    assert len(between) >= 3
    assert min(between) >= 0


def test_without_attention_there_is_none_to_read_or_draw(sheet, tmp_path):
    model_of(small_config(attention="none"), tmp_path / "plain")
    (tmp_path / "pairs.tsv").write_text("abcd\tuvw\nhg\tz\n", "utf-8")
    sheet.page.get_by_label("Model", exact=False).first.fill(str(tmp_path / "plain"))
    sheet.page.get_by_label("or a text file; a .tsv").set_input_files(tmp_path / "pairs.tsv")
    sheet.page.get_by_text("References", exact=True).click()
    reference = sheet.page.get_by_label("What should come out, a line each")
    sheet.page.wait_for_function("(area) => area.value !== ''", arg=reference.element_handle())
    assert reference.input_value() == "uvw\nz\n"
    sheet.button("Begin").click()
    sheet.stopped()
    sheet.go("Next token")
    assert "attention" not in sheet.page.get_by_label("Stages").inner_text()
    told = sheet.page.get_by_role("toolbar", name="How the decode is shown").inner_text()
    assert "Candidates" in told
    assert "Attention" not in told
    assert "Matrix" not in told
    assert shown_attention(sheet) == []
