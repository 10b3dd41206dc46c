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
  return { text: each.textContent.trim(), left, right, fits };
})"""
# Whether every curve begins in the middle of a source token and ends in the middle of a target token.
CURVES_LEAD = """() => {
  const middles = [".row.source", ".row.target"].map((row) =>
    [...document.querySelectorAll(`${row} .token`)].map((each) => {
      const { left, right } = each.getBoundingClientRect();
      return (left + right) / 2;
    }));
  const svg = document.querySelector(".sheet > svg").getBoundingClientRect();
  const curves = [...document.querySelectorAll(".sheet path")].flatMap((path) =>
    [...path.getAttribute("d").matchAll(/M([-\\d.]+) 0C.*? .*? .*? .*? ([-\\d.]+) /g)].map((found) =>
      [svg.left + Number(found[1]), svg.left + Number(found[2])]));
  return curves.length > 0 && curves.every((ends) =>
    ends.every((end, side) => middles[side].some((middle) => Math.abs(middle - end) < 1)));
}"""

# Where on the screen each of these words of a line begins.
LEFTS = """(line, words) => {
  const node = document.createTreeWalker(line, NodeFilter.SHOW_TEXT).nextNode();
  const range = new Range();
  let from = 0;
  return words.map((word) => {
    const at = node.data.indexOf(word, from);
    from = at + word.length;
    range.setStart(node, at);
    range.setEnd(node, from);
    return range.getBoundingClientRect().left;
  });
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
    page.wait_for_function(CURVES_LEAD)
    page.locator(".source .token").first.focus()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.dataset.at") == "1"
    told = page.locator(".details").inner_text()
    assert re.match(r"source token 1: '.+' · attention [\d.e-]+ at step \d+$", told)
    # On the screen what a line says stands in that order too: the letters do not turn it round.
    lefts = page.locator(".details").evaluate(LEFTS, ["source", "attention", "at step"])
    assert lefts == sorted(lefts)
    page.locator(".scope", has_text="Prediction").click()
    top = page.locator(".row", has=page.locator(".name", has_text=re.compile("^top$"))).locator(".value")
    said = re.findall(r"'.'|\d\.\d{3}", top.inner_text())
    lefts = top.evaluate(LEFTS, said)
    assert len(lefts) == 6
    assert lefts == sorted(lefts)
    page.locator(".scope", has_text="Prediction").click()
    names = page.locator("option", has_text="hypothesis").all_inner_texts()
    assert names
    assert all(re.match(r"hypothesis \d+: \u2068'\w+'\u2069 -\d", name) for name in names)


# Of the columns of the matrix where each of their tokens stands, and the place of the darkest cell of a row.
COLUMNS = """(row) => {
  const box = (each) => each.getBoundingClientRect();
  const tokens = [...document.querySelectorAll(".columns > span")].map(box);
  const canvas = document.querySelector(".heat canvas");
  const size = canvas.width / tokens.length;
  const { data } = canvas.getContext("2d").getImageData(0, row * size + 1, canvas.width, 1);
  const light = tokens.map((_, at) => data[4 * Math.floor((at + 0.5) * size)]);
  const { left } = box(canvas);
  return { middles: tokens.map((each) => (each.left + each.right) / 2),
    darkest: left + (light.indexOf(Math.min(...light)) + 0.5) * size };
}"""


def test_the_columns_of_its_matrix_are_read_to_the_left_too(reader):
    sheet = reader(ARABIC, "arabic")
    page = sheet.page
    weights = page.locator(".source .track").evaluate_all("(all) => all.map((each) => +each.ariaValueNow)")
    most = weights.index(max(weights))
    sheet.button("Matrix").click()
    matrix = page.get_by_role("application")
    matrix.wait_for()
    current = page.locator(".rows > span").evaluate_all(
        "(all) => all.findIndex((each) => each.matches('.current'))"
    )
    found = page.evaluate(COLUMNS, current)
    assert found["middles"] == sorted(found["middles"], reverse=True)
    assert found["darkest"] == pytest.approx(found["middles"][most], abs=1)
    row = page.locator(".rows .current").bounding_box()
    page.mouse.move(found["middles"][most], row["y"] + row["height"] / 2)
    told = page.locator(".details").inner_text()
    assert f"source token {most} " in told
    assert float(told.rsplit(" ", 1)[1]) == pytest.approx(max(weights), abs=1e-5)
    page.mouse.move(0, 0)
    matrix.focus()
    for key in ("ArrowLeft", "ArrowLeft", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    assert "source token 1 " in page.locator(".details").inner_text()
    sheet.button("Curves").click()


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
    page.wait_for_function(CURVES_LEAD)
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
    room = page.locator(".sheet").bounding_box()

    def seen(locator):
        box = locator.bounding_box()
        return room["x"] <= box["x"] and box["x"] + box["width"] <= room["x"] + room["width"]

    assert len(page.evaluate(TOKENS, ".row.source")) == len(LONG.strip())
    assert side_by_side(page.evaluate(TOKENS, ".row.target"))
    page.wait_for_function(IN_SIGHT, arg=CURRENT)
    assert not seen(page.locator(".target .token").first)
    page.wait_for_function(CURVES_LEAD)  # the rows glide, and curves follow them picture by picture
    page.locator(".source .token").first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(WHOLE, arg=".source .token[data-at='1']:focus")
    for _ in range(2):
        sheet.go("Back a token")
    page.wait_for_function(IN_SIGHT, arg=CURRENT)  # there is a motion


# Whether all of what is named is in sight in its row.
WHOLE = """(what) => {
  const each = document.querySelector(what);
  if (!each) return false;
  const [box, row] = [each, each.closest(".row")].map((one) => one.getBoundingClientRect());
  return box.left >= Math.max(row.left, 0) - 1 && box.right <= Math.min(row.right, innerWidth) + 1;
}"""
# Whether this target token and the source token with the largest weight are in sight.
IN_SIGHT = """(target) => {
  const seen = (each) => {
    const [box, row] = [each, each.closest(".row")].map((one) => one.getBoundingClientRect());
    return box.left >= Math.max(row.left, 0) - 1 && box.right <= Math.min(row.right, innerWidth) + 1;
  };
  const weights = [...document.querySelectorAll(".source .track")];
  const most = Math.max(...weights.map((each) => Number(each.ariaValueNow)));
  const attended = weights.filter((each) => Number(each.ariaValueNow) === most);
  const each = document.querySelector(target);
  return each !== null && attended.some(seen) && seen(each);
}"""
# Whether the target token is in sight that is tied most to the source token under the pointer.
TIED_IN_SIGHT = """() => {
  const tie = (each) => Number(each.style.getPropertyValue("--tie"));
  const [most] = [...document.querySelectorAll(".target .token.tied")].sort((a, b) => tie(b) - tie(a));
  if (!most) return false;
  const [box, row] = [most, most.closest(".row")].map((one) => one.getBoundingClientRect());
  return box.left >= row.left - 1 && box.right <= row.right + 1;
}"""
# Which source tokens have their columns in sight in the matrix, and whether the row of the cursor is.
CELLS_IN_SIGHT = """() => {
  const box = (what) => document.querySelector(what).getBoundingClientRect();
  const [grid, room, corner] = [".heat canvas", ".scroll", ".corner"].map(box);
  const current = document.querySelector(".rows .current").getBoundingClientRect();
  const end = Math.min(room.right, innerWidth);
  const columns = [...document.querySelectorAll(".columns > span")].map((one) => one.getBoundingClientRect());
  return {
    columns: columns.map(({ left, right }) => left >= corner.right - 1 && right <= end),
    row: current.top >= corner.bottom - 1 && current.bottom <= room.bottom && current.right > room.left,
  };
}"""
WHERE = "(row) => document.querySelector(row).scrollLeft"
# Scrolls both rows to an end of theirs, the other one where they are there.
AWAY = """() => document.querySelectorAll(".row").forEach((row) => {
  const before = row.scrollLeft;
  row.scrollTo(-99999, 0);
  if (row.scrollLeft === before) row.scrollTo(99999, 0);
})"""
AT_THE_END = """(last) => { const row = document.querySelector(".row.source");
  return Math.abs(row.scrollLeft - (last ? row.scrollWidth - row.clientWidth : 0)) < 1; }"""
# Whether both tokens are seen in a low panel too, above the line at its foot.
HIGH_ENOUGH = """() => {
  const box = (what) => document.querySelector(what).getBoundingClientRect();
  const seen = [box(".row.source .token").top, box(".target .slot.current .token").bottom];
  return seen[0] >= box("#panel").top && seen[1] <= box(".details").top;
}"""
CURRENT, PICKED = ".target .slot.current .token", ".target .token[aria-pressed=true]"


@pytest.fixture
def still(reader):
    """Opens a sentence for a person who wants no motion; the page is as wide as before at the end."""
    pages = []

    def begin(text, model="all"):
        sheet = reader(text, model, steps=30)
        pages.append(sheet.page)
        sheet.page.emulate_media(reduced_motion="reduce")
        return sheet

    yield begin
    for page in pages:
        page.emulate_media(reduced_motion="no-preference")
        page.set_viewport_size({"width": 1360, "height": 860})


@pytest.mark.parametrize(
    ("text", "model", "widths"),
    [(LONG[:60], "all", (900, 480, 320)), ((ARABIC * 4)[:60], "arabic", (400,))],
    ids=["to the right", "to the left"],
)
def test_what_is_attended_to_is_in_sight_with_its_step_however_narrow_it_is(still, text, model, widths):
    sheet = still(text, model)
    page = sheet.page
    for width in widths:
        page.set_viewport_size({"width": width, "height": 860})
        page.wait_for_function(IN_SIGHT, arg=CURRENT)  # nobody scrolled: what was in sight stays so
        for _ in range(2):
            page.evaluate(AWAY)
            sheet.go("Back a token")
            page.wait_for_function(IN_SIGHT, arg=CURRENT)
        for token in page.locator(".target .token").all()[1::15]:
            token.click()
            page.wait_for_function(IN_SIGHT, arg=PICKED)
            token.click()
        for token in page.locator(".source .token").all()[9::40]:
            page.mouse.move(0, 0)
            token.hover()
            page.wait_for_function(TIED_IN_SIGHT)
        page.wait_for_function(CURVES_LEAD)

        sheet.button("Matrix").click()
        page.get_by_role("application").wait_for()
        sheet.go("Back a token")
        page.wait_for_function(f"() => ({CELLS_IN_SIGHT})().row")
        seen = page.evaluate(CELLS_IN_SIGHT)
        sheet.button("Curves").click()
        weights = page.locator(".source .track").evaluate_all(
            "(all) => all.map((each) => +each.ariaValueNow)"
        )
        assert any(seen["columns"][at] for at, weight in enumerate(weights) if weight == max(weights))


def test_who_scrolls_by_hand_is_left_alone_until_the_next_stop(still):
    sheet = still(LONG[:60])
    page = sheet.page
    page.set_viewport_size({"width": 480, "height": 860})
    page.wait_for_function(IN_SIGHT, arg=CURRENT)
    box = page.locator(".row.source").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 12)
    page.locator(".row.source .token.tied").wait_for()
    target = page.evaluate(WHERE, ".row.target")
    away = -9999 if page.evaluate(WHERE, ".row.source") > 900 else 9999
    page.mouse.wheel(away, 0)
    page.wait_for_function(AT_THE_END, arg=away > 0)
    assert not page.evaluate(IN_SIGHT, CURRENT)
    source = page.evaluate(WHERE, ".row.source")
    # Nobody pointed at the tokens that lie under the pointer now, and a look at more candidates is no stop.
    page.get_by_label("Candidates").fill("7")
    page.locator(".target .slot.current li").nth(6).wait_for()
    page.set_viewport_size({"width": 500, "height": 860})
    assert abs(page.evaluate(WHERE, ".row.source") - source) <= 20
    assert page.evaluate(WHERE, ".row.target") == target
    sheet.go("Back a token")
    page.wait_for_function(IN_SIGHT, arg=CURRENT)
    page.set_viewport_size({"width": 1000, "height": 500})
    page.evaluate("() => document.querySelector('#panel').scrollTo(0, 9999)")
    assert not page.evaluate(HIGH_ENOUGH)
    sheet.go("Back a token")
    page.wait_for_function(HIGH_ENOUGH)
