"""The Decode panel with scripts written to the left, wide and combining signs, and long sentences."""

import re
from itertools import pairwise

import pytest

ARABIC = "أين تقع المكتبة؟"
POINTED = "שָׁלוֹם עוֹלָם"
WIDE = "東京タワー👩\u200d💻e\u0301 ﾃｽﾄ한국"
LONG = "in the beginning was the word " * 5
TEXTS = (ARABIC, POINTED, WIDE, LONG)

# Of every token on show: its text, its box, and whether the text has room in it.
TOKENS = """(row) => [...document.querySelectorAll(`${row} .token`)].map((each) => {
  const box = each.getBoundingClientRect();
  const range = new Range();
  const words = [...each.childNodes].filter((node) => node instanceof Text && node.data.trim());
  const fits = words.every((node) => {
    range.selectNode(node);
    const text = range.getBoundingClientRect();
    return text.left >= box.left - 0.5 && text.right <= box.right + 0.5;
  });
  const { left, right } = box;
  return { text: each.textContent.trim(), left, right, middle: (left + right) / 2, fits };
})"""
# Where every curve begins and ends, on the screen.
CURVES = """() => {
  const svg = document.querySelector(".sheet > svg").getBoundingClientRect();
  return [...document.querySelectorAll(".sheet path")].flatMap((path) =>
    [...path.getAttribute("d").matchAll(/M([-\\d.]+) 0C.*? .*? .*? .*? ([-\\d.]+) /g)].map((found) =>
      [svg.left + Number(found[1]), svg.left + Number(found[2])]));
}"""


@pytest.fixture(scope="module")
def reader(module_sheet, tmp_path_factory):
    """A character model that knows every sign of these texts, and writes them; nobody has trained it."""
    from models.small_networks import seeded_network, side, small_config

    from s2sdap.models.checkpoint import CheckpointConfig, save_checkpoint

    letters = "".join(sorted({sign for text in TEXTS for sign in text}))
    arabic = "".join(sorted({sign for sign in ARABIC if sign.isalpha()}))
    folder = tmp_path_factory.mktemp("scripts")
    for name, written in (("all", letters), ("arabic", arabic)):
        sides = {"source": side(letters), "target": side(written)}
        network = seeded_network(small_config(), *(len(each.pieces) for each in sides.values()))
        config = CheckpointConfig(family="rnn", network=small_config(), **sides)
        save_checkpoint(folder / name, config, network.state_dict())
    begun = []

    def begin(text, model="all", steps=8):
        if begun:
            module_sheet.button("New session").click()
            module_sheet.button("Begin").wait_for()
        begun.append(text)
        module_sheet.page.get_by_label("Model").fill(str(folder / model))
        module_sheet.page.get_by_label("Tokens at most").fill(str(steps))
        module_sheet.begin(text, beam=2)
        module_sheet.go("To the end of the sentence")
        return module_sheet

    return begin


def side_by_side(tokens):
    """Whether no token lies on another, and every text has room."""
    ordered = sorted(tokens, key=lambda each: each["left"])
    apart = all(one["right"] <= other["left"] + 0.5 for one, other in pairwise(ordered))
    return apart and all(each["fits"] for each in tokens)


def curves_lead_from_token_to_token(page):
    middles = [
        [each["middle"] for each in page.evaluate(TOKENS, row)] for row in (".row.source", ".row.target")
    ]
    ends = page.evaluate(CURVES)
    assert ends
    for end, known in ((end, known) for pair in ends for end, known in zip(pair, middles, strict=True)):
        assert min(abs(end - each) for each in known) < 1


@pytest.mark.parametrize("text", [ARABIC, POINTED])
def test_a_script_that_is_written_to_the_left_is_read_to_the_left(reader, text):
    page = reader(text, "arabic").page
    source, target = (page.evaluate(TOKENS, row) for row in (".row.source", ".row.target"))
    for tokens in (source, target):
        lefts = [each["left"] for each in tokens]
        assert lefts == sorted(lefts, reverse=True)
        assert side_by_side(tokens)
    assert len(source) == len(text)
    assert "".join(each["text"].removeprefix("◌") for each in source) == text.replace(" ", "␣")
    curves_lead_from_token_to_token(page)
    page.locator(".source .token").first.focus()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.dataset.at") == "1"
    told = page.locator(".details").inner_text()
    assert re.match(r"source token 1: '.+' · attention [\d.e-]+ at step \d+$", told)
    # On the screen the words of the line stand in that order too: the letter does not turn them round.
    lefts = page.evaluate(
        """() => { const node = document.querySelector(".details").firstChild; const range = new Range();
        return ["source", "attention", "at step"].map((word) => { const at = node.data.indexOf(word);
          range.setStart(node, at); range.setEnd(node, at + word.length);
          return range.getBoundingClientRect().left; }); }"""
    )
    assert lefts == sorted(lefts)


def test_wide_combining_and_invisible_signs_are_seen(reader, tmp_path):
    sheet = reader(WIDE)
    page = sheet.page
    source = page.evaluate(TOKENS, ".row.source")
    texts = [each["text"] for each in source]
    assert len(texts) == len(WIDE)
    assert texts[texts.index("👩") + 1] == "ZWJ"
    assert "◌\u0301" in texts
    assert side_by_side(source)
    assert side_by_side(page.evaluate(TOKENS, ".row.target"))
    curves_lead_from_token_to_token(page)
    page.get_by_role("tab", name="Beam tree").click()
    page.locator(".beam[aria-busy=false] g.node").first.wait_for()
    over = page.evaluate(
        """() => [...document.querySelectorAll("g.node")].filter((node) => {
        const [piece, score] = [...node.querySelectorAll("text")].map((each) => each.getBBox());
        return piece.x + piece.width > score.x; }).length"""
    )
    assert over == 0
    page.get_by_role("tab", name="Decode").click()
    sheet.button("Matrix").click()
    page.get_by_role("application", name=re.compile(f"8 steps by {len(WIDE)} source tokens")).wait_for()
    assert "東" in sheet.downloaded(sheet.button("SVG"), tmp_path).read_text("utf-8")
    sheet.button("Curves").click()


def test_a_long_sentence_scrolls_to_its_cursor(reader):
    sheet = reader(LONG.strip(), steps=60)
    page = sheet.page
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    room = page.locator(".scroll").bounding_box()

    def seen(locator):
        box = locator.bounding_box()
        return room["x"] <= box["x"] and box["x"] + box["width"] <= room["x"] + room["width"]

    assert len(page.evaluate(TOKENS, ".row.source")) == len(LONG.strip())
    assert side_by_side(page.evaluate(TOKENS, ".row.target"))
    assert seen(page.locator(".target .current"))
    assert not seen(page.locator(".source .token").first)
    curves_lead_from_token_to_token(page)
    page.locator(".source .token").first.focus()
    page.keyboard.press("ArrowRight")
    assert seen(page.locator(".source .token").nth(1))
    for _ in range(2):
        sheet.go("Back a token")
    assert seen(page.locator(".target .current"))
