"""The Neighbourhood panel, held against a scripted client at the same server."""

import re

import pytest

pytest.importorskip("lance", reason="the extra `neighbors` is not installed")
SOURCE = "J 4, 2005"


@pytest.fixture(scope="module")
def opened(module_sheet):
    """A session at its seventh token with the panel on show; a test leaves it as it was, or is the last."""
    module_sheet.begin(SOURCE, beam=2)
    for _ in range(7):
        module_sheet.go("Next token")
    module_sheet.tab("Neighbourhood")
    ready(module_sheet)
    return module_sheet


def ready(sheet):
    sheet.page.locator(".neighbours[aria-busy=false] ol li").first.wait_for()


def test_neighbours_are_those_of_a_script(opened, scripted):
    scripted.launch(source=SOURCE, beam_size=2)
    for _ in range(7):
        scripted.next()
    found = scripted.neighbors("decoder.state", k=12)
    rows = opened.page.get_by_role("list", name="Neighbours").get_by_role("listitem")
    assert rows.count() == 12
    distances = [float(each) for each in rows.locator(".distance").all_inner_texts()]
    assert distances == pytest.approx([each.distance for each in found.neighbors], rel=1e-3)
    assert rows.locator(".marked").all_inner_texts() == [each.target for each in found.neighbors]
    assert rows.locator("mark").all_inner_texts() == [each.token.piece for each in found.neighbors]
    assert opened.page.locator(".right [role=status]").inner_text() == found.text
    opened.button("+1").click()
    assert rows.locator("mark").first.inner_text() == found.neighbors[0].after
    opened.button("0").click()
    trust = re.search(r"trustworthiness (\S+)", opened.page.locator(".faith").inner_text())
    assert 0.5 < float(trust[1]) <= 1
    assert opened.faults() == []
    assert opened.beyond() == []
    opened.page.set_viewport_size({"width": 320, "height": 700})
    label = opened.page.get_by_role("application", name=re.compile("^States of the decode")).locator("text")
    opened.page.wait_for_function(
        "(text) => text.getBoundingClientRect().height > 12", arg=label.first.element_handle()
    )
    opened.page.set_viewport_size({"width": 1360, "height": 860})


def test_a_state_is_picked_filtered_and_starred(opened):
    page = opened.page
    page.get_by_role("application", name=re.compile("^States of the decode")).focus()
    page.keyboard.press("ArrowLeft")
    page.get_by_role("button", name="State 5, 0").and_(page.locator("[aria-pressed=true]")).wait_for()
    ready(opened)
    page.get_by_label("Only of token").fill("1")
    page.wait_for_function(
        "() => document.querySelector('.neighbours[aria-busy=false] [aria-label=Neighbours]') && "
        "[...document.querySelectorAll('[aria-label=Neighbours] mark')]"
        ".every((each) => each.textContent === '1')"
    )
    star = page.locator("button.star").last
    star.click()
    page.get_by_label("Only of token").fill("")
    kept = page.get_by_role("list", name="Kept in sight").get_by_role("listitem")
    kept.first.wait_for()
    assert kept.count() == 1
    assert kept.locator("mark").inner_text() == "1"
    page.get_by_role("button", name="State 6,").click()
    ready(opened)


def test_other_pictures_and_other_states(opened, scripted):
    page = opened.page
    places = "() => [...document.querySelectorAll('.state circle')].map((each) => each.getAttribute('cx'))"
    seen = []
    for method in ("t-SNE", "MDS", "t-SNE", "PCA"):
        page.get_by_role("combobox", name="Picture").select_option(label=method)
        page.locator(".faith").filter(has_text=f"{method}: trustworthiness").wait_for()
        ready(opened)
        seen.append(page.evaluate(places))
    assert seen[0] == seen[2]  # of the same seed
    tsne, mds, _, pca = ([float(each) for each in one] for one in seen)
    assert mds == pytest.approx(pca)  # of Euclidean distances the classical scaling is PCA
    assert tsne != pytest.approx(pca, rel=0.1)
    scripted.launch(source=SOURCE, beam_size=2)
    for _ in range(7):
        scripted.next()
    rows = page.get_by_role("list", name="Neighbours").get_by_role("listitem")
    for site, position, where in (
        ("encoder.states", 8, {"position": 8}),
        ("attention.context", 5, {"step": 5, "hypothesis": scripted.step().hypothesis}),
    ):
        page.get_by_role("combobox", name="States").select_option(site)
        if site == "attention.context":  # its picture has come once that of nine source tokens is gone
            page.get_by_role("button", name="State 8,").wait_for(state="detached")
        page.get_by_role("button", name=f"State {position},").click()
        found = scripted.neighbors(site, k=12, **where)
        page.locator(".right [role=status]").filter(has_text=found.text).wait_for()
        ready(opened)
        texts = [each.source if site == "encoder.states" else each.target for each in found.neighbors]
        assert rows.locator(".marked").all_inner_texts() == texts
        distances = [float(each) for each in rows.locator(".distance").all_inner_texts()]
        assert distances == pytest.approx([each.distance for each in found.neighbors], rel=1e-3)
    page.get_by_role("combobox", name="States").select_option("decoder.state")
    ready(opened)


def test_what_is_on_show_is_in_the_file_of_the_session(opened, tmp_path):
    texts = (".right [role=status]", ".faith", "[aria-label=Neighbours]")
    wanted = [opened.page.locator(text).inner_text() for text in texts]
    file = opened.opened_from_disk(opened.downloaded(opened.button("Keep the session as a file"), tmp_path))
    file.tab("Neighbourhood")
    ready(file)
    assert [file.page.locator(text).inner_text() for text in texts] == wanted
    file.page.get_by_role("button", name="State 2,").click()
    file.page.get_by_role("button", name="State 2,").and_(file.page.locator("[aria-pressed=true]")).wait_for()
    ready(file)
    assert file.page.locator("[aria-label=Neighbours]").inner_text() != wanted[2]
    file.page.context.close()


def test_a_neighbours_state_is_copied(opened, scripted):
    scripted.launch(source=SOURCE, beam_size=2)
    for _ in range(7):
        scripted.next()
    scripted.neighbors("decoder.state", k=12)
    scripted.copy_state(neighbor=2)
    expected = scripted.evaluate("state").result
    opened.button("Copy the state of neighbour 2").click()
    opened.page.get_by_role("tab", name="Timeline and compare").click()
    opened.page.locator("[aria-label='Edits in force'] li").first.wait_for()
    assert opened.run("state") == expected
    opened.run("switch 0")
    opened.tab("Neighbourhood")
    ready(opened)


def test_old_points_stay_when_a_step_is_added(opened):
    places = (
        "() => [...document.querySelectorAll('.state circle')].map((each) => each.getAttribute('cx')).length"
    )
    assert opened.page.evaluate(places) == 7
    opened.button("Next token").click()
    opened.page.get_by_role("button", name="State 7,").wait_for()
    ready(opened)
    moved = re.search(r"old points moved by (\S+) %", opened.page.locator(".faith").inner_text())
    assert moved is None or float(moved[1]) < 5


def test_without_an_index_it_says_how_to_build_one(sheet, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain") / "model"
    _checkpoint(folder)
    sheet.page.get_by_label("Model").fill(str(folder))
    sheet.begin("abcd")
    sheet.go("Next token")
    sheet.page.get_by_role("tab", name="Neighbourhood").click()
    sheet.page.get_by_role("alert").filter(has_text="s2sdap index build").wait_for()


def _checkpoint(folder):
    """A small seeded network that reads a to h."""
    import torch

    from s2sdap.models.checkpoint import CheckpointConfig, save_checkpoint
    from s2sdap.models.rnn.config import RnnConfig
    from s2sdap.models.rnn.network import RnnNetwork
    from s2sdap.models.tokenizers import SPECIAL_PIECES, SideConfig

    sides = {
        name: SideConfig(unit="character", lowercase=False, end=False, pieces=(*SPECIAL_PIECES, *"abcdefgh"))
        for name in ("source", "target")
    }
    network = RnnConfig(
        cell="lstm",
        gate_activation="sigmoid",
        layers=2,
        bidirectional=True,
        embedding_size=5,
        encoder_size=4,
        decoder_size=6,
        attention="general",
        attention_query="current",
        input_feed=False,
        dropout=0.0,
    )
    torch.manual_seed(5)
    made = RnnNetwork(network, *(len(side.pieces) for side in sides.values()))
    save_checkpoint(folder, CheckpointConfig(family="rnn", network=network, **sides), made.state_dict())
