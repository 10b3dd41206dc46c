"""What the panels show in VS Code is what a script reads from the same session."""

import pytest
from browser import from_disk
from panel_view import KeptView

from s2sdap.client import Side


def kept_session(code, scripted):
    """The decode in the file of the session, which a browser opens without asking anybody for anything."""
    file, wrong = code.keep(code.panels.button("Keep the session as a file"), "dates.html"), []
    page = from_disk(code.page.context.browser, file, wrong)
    kept, step = KeptView(page), scripted.step(top=5)
    kept.at(step.step)
    assert kept.attention() == pytest.approx(step.attention, abs=1e-5)
    pieces = kept.candidates(step.step).locator(".piece").all_inner_texts()
    assert pieces == [token.piece for token in step.top]
    for side in (".source .token", ".target .token"):
        shown = code.panels.frame.locator(side).all_inner_texts()
        assert page.locator(side).all_inner_texts() == shown
    page.context.close()
    assert not wrong


def beam_tree(panels, scripted, settled):
    """How many candidates there are of each fate, as the panel tells them."""
    panels.tab("Beam tree")
    fates = [each.fate for step in scripted.beam().steps for each in step.candidates]
    counts = " · ".join(f"{fates.count(fate)} {fate}" for fate in ("survived", "finished", "pruned"))
    settled(panels.frame.locator(".counts").inner_text, counts)
    return counts


def neighbourhood(panels, scripted, settled):
    """Once somebody has asked for them in the menu of a variable."""
    found = scripted.neighbors("decoder.state", k=12).neighbors
    rows = panels.frame.get_by_role("list", name="Neighbours").get_by_role("listitem")
    settled(rows.locator(".marked").all_inner_texts, [each.target for each in found])
    distances = [float(each) for each in rows.locator(".distance").all_inner_texts()]
    assert distances == pytest.approx([each.distance for each in found], rel=1e-3)


def layers(panels, scripted, settled):
    panels.tab("Layers")
    panels.button("Weights").click()
    weights = scripted.request("s2s/weights", count=64)["weights"]
    counts = panels.frame.locator("td.right")
    settled(counts.all_inner_texts, [f"{each['count']:,}" for each in weights])


def compare(panels, scripted):
    panels.tab("Timeline and compare")
    edits = panels.frame.locator("[aria-label='Edits in force'] li")
    edits.filter(has_text="token '1'").wait_for()
    panels.button("Compare").click()
    found = scripted.compare(left=Side(branch=0), right=Side(branch=1))
    panels.frame.get_by_text(f"They part at step {found.divergence}.").wait_for()
    sides = panels.frame.locator("[aria-label=Compare] dl").inner_text()
    for run in (found.left, found.right):
        assert run.output in sides
        assert f"score {run.score:.3f}".replace("-", "−") in sides


def verdict(panels, scripted):
    """The verdict, whose fix is applied."""
    panels.tab("Verdict")
    panels.button("Find the stage to blame").click()
    found = scripted.verdict()
    answer = panels.frame.locator(".answer")
    answer.filter(has_text=f"To blame: {found.stage}").wait_for()
    assert found.repaired_output in answer.inner_text()
    assert panels.frame.locator(".stages article").count() == len(found.experiments)
    answer.get_by_role("button", name="Apply this fix").click()
    scripted.apply_fix(found)
