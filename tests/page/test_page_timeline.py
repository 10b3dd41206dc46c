"""Branches, edits and comparisons in the page, and the verdict: the numbers are those of a script."""

import re

import pytest

from s2sdap.client import Side
from s2sdap.debugger.verdict.records import PURITY
from s2sdap.debugger.verdict.search import SCORES

SOURCE = "J 4, 2005"


def edited(sheet):
    """A session with two branches: at step 6 a token was forced on the second."""
    sheet.begin(SOURCE, beam=3, reference="2005-01-04")
    for _ in range(7):
        sheet.go("Next token")
    sheet.run('force "1"')
    sheet.stopped()


def timeline(sheet):
    sheet.page.get_by_role("tab", name="Timeline and compare").click()
    sheet.page.locator(".timeline[aria-busy=false]").wait_for()


def rows(sheet):
    """The branches on show, as a person reads them."""
    return [
        " ".join(text.split())
        for text in sheet.page.locator("[aria-label=Branches] tbody tr").all_inner_texts()
    ]


def test_branches_are_named_switched_and_dropped_and_edits_undone(sheet):
    edited(sheet)
    timeline(sheet)
    assert len(rows(sheet)) == 2
    assert "(here)" in rows(sheet)[1]
    assert "from step 6" in rows(sheet)[1]
    assert all("not at its end yet" in row for row in rows(sheet))
    edits = sheet.page.locator("[aria-label='Edits in force'] li")
    assert [text.strip() for text in edits.all_inner_texts()] == ["step 6, hypothesis 1: token '1'"]
    sheet.button("Name branch 1").click()
    sheet.page.get_by_label("Name of branch 1").fill("as January")
    sheet.page.keyboard.press("Enter")
    sheet.page.get_by_role("cell", name="as January").wait_for()
    sheet.button("Undo").click()
    sheet.page.locator("[aria-label=Branches] tr.current").filter(has_text="branch 0").wait_for()
    sheet.button("Redo").click()
    sheet.page.locator("[aria-label=Branches] tr.current").filter(has_text="as January").wait_for()
    sheet.button("Switch to branch 0").click()
    sheet.page.locator("[aria-label=Branches] tr.current").filter(has_text="branch 0").wait_for()
    sheet.button("Drop as January").click()
    sheet.page.wait_for_function(
        "() => document.querySelectorAll('[aria-label=Branches] tbody tr').length === 1"
    )
    assert sheet.faults() == []


def test_edits_are_exported_and_imported(sheet):
    edited(sheet)
    timeline(sheet)
    with sheet.page.expect_download() as downloaded:
        sheet.button("Export").click()
    path = downloaded.value.path()
    sheet.button("Go on without edit 1").click()
    sheet.page.get_by_text("None. Force a candidate").wait_for()
    sheet.page.get_by_label("Import").set_input_files(path)
    edits = sheet.page.locator("[aria-label='Edits in force'] li")
    edits.first.wait_for()
    assert [text.strip() for text in edits.all_inner_texts()] == ["step 6, hypothesis 1: token '1'"]


def test_two_branches_side_by_side(sheet, scripted):
    scripted.launch(source=SOURCE, beam_size=3)
    for _ in range(7):
        scripted.next()
    scripted.force("1")
    found = scripted.compare(right=Side(branch=1), left=Side(branch=0))

    edited(sheet)
    timeline(sheet)
    sheet.button("Compare").click()
    sheet.page.get_by_text(f"They part at step {found.divergence}.").wait_for()
    sides = sheet.page.locator("[aria-label=Compare] dl")
    for run in (found.left, found.right):
        assert f"score {run.score:.3f}".replace("-", "−") in sides.inner_text()
        assert run.output in sides.inner_text()
    table = sheet.page.locator("[aria-label=Compare] tbody tr")
    assert table.count() == len(found.rows)
    parting = sheet.page.locator("[aria-label=Compare] tr.parts td").all_inner_texts()
    assert parting[0] == str(found.divergence)
    assert (parting[1], parting[3]) == (found.parting.left.token.piece, found.parting.right.token.piece)
    distance = float(table.last.locator(".distance").nth(1).inner_text())
    assert distance == pytest.approx(found.rows[-1].state_l2, abs=6e-4)
    sheet.button("Swap").click()
    sheet.page.wait_for_function(
        "(label) => document.querySelector('[aria-label=Compare] dl dt').textContent === label",
        arg=found.right.label,
    )
    sheet.page.locator(".side.pivot select").select_option("search")
    sheet.page.get_by_label("Search settings (Pivot)").fill("beamSize")
    sheet.button("Compare").click()
    sheet.page.get_by_role("alert").filter(has_text="no NAME=VALUE").wait_for()
    assert sheet.faults() == []


def test_the_verdict_and_its_fix(sheet, scripted, tmp_path):
    scripted.launch(source=SOURCE, beam_size=3, reference="2005-01-04")
    found = scripted.verdict()

    sheet.begin(SOURCE, beam=3, reference="2005-01-04")
    sheet.page.get_by_role("tab", name="Verdict").click()
    sheet.button("Find the stage to blame").click()
    answer = sheet.page.locator(".answer")
    answer.wait_for()
    assert f"To blame: {found.stage}" in answer.inner_text()
    assert found.repaired_output in answer.inner_text()
    assert f"{found.steps_run} steps of the model" in sheet.page.locator(".verdict").inner_text()
    shown = sheet.page.locator(".stages article")
    assert shown.count() == len(found.experiments)
    assert shown.filter(has_text="✓ mends it").count() == sum(each.repaired for each in found.experiments)
    place = shown.filter(has_text="one constant for one token").inner_text()
    assert "no other step tells whether that token is out of place" in place
    for each in found.experiments:
        if each.name in (SCORES, PURITY):
            said = "speaks for it" if each.blames else "does not speak for it"
            assert shown.filter(has_text=each.name).locator("h5 span").inner_text() == said
    assert sheet.faults() == []
    file = sheet.opened_from_disk(sheet.downloaded(sheet.button("Keep the session as a file"), tmp_path))
    file.tab("Verdict")
    file.page.locator(".answer").wait_for()
    assert file.page.locator(".answer").inner_text() == answer.inner_text()
    file.page.context.close()
    sheet.tab("Decode")
    sheet.tab("Verdict")
    sheet.page.locator(".answer").get_by_role("button", name="Apply this fix").click()
    sheet.page.get_by_role("tab", name="Timeline and compare").click()
    sheet.page.locator("[aria-label='Edits in force'] li").first.wait_for()
    assert sheet.to_the_end() == [found.repaired_output]


def test_the_verdict_on_a_single_token(sheet):
    sheet.begin(SOURCE, beam=3)
    for _ in range(7):
        sheet.go("Next token")
    sheet.page.get_by_role("tab", name="Verdict").click()
    sheet.page.get_by_label("a token is wrong").check()
    sheet.page.get_by_label("should be").fill("1")
    sheet.button("Find the stage to blame").click()
    answer = sheet.page.locator(".answer")
    answer.wait_for()
    assert re.search(r"At step 6 the output has '7', wanted '1'", answer.inner_text())
