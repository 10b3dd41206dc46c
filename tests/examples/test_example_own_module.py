"""Two networks from scratch are debuggable in under 50 lines each, and the page that tells of it holds."""

import json
import random
import re
from pathlib import Path

import pytest
from trained_own_module import EXAMPLE, ROOT, installed_own_module, run, visible

from s2sdap import decode
from s2sdap.debugger.conformance import CHECKS

PAGE = (ROOT / "docs" / "your-own-model.md").read_text("utf-8")
ADAPTERS = {"ownseq": "plain_adapter", "ownattn": "attentive_adapter"}
WEIGHTS = {"ownseq": "plain.pt", "ownattn": "attentive.pt"}


pytestmark = pytest.mark.timeout(600)  # the first of them trains, or waits for who does


@pytest.fixture(scope="module")
def folder(warm, tmp_path_factory):
    return installed_own_module(warm, tmp_path_factory)


@pytest.fixture(params=ADAPTERS)
def scheme(request):
    return request.param


@pytest.fixture
def model(folder, scheme, monkeypatch):
    """The model through its adapter, in this process."""
    monkeypatch.syspath_prepend(str(EXAMPLE))
    from importlib import import_module

    return import_module(f"ownseq.{ADAPTERS[scheme]}").load(str(folder / WEIGHTS[scheme]), "cpu")


def unseen(count):
    draw = random.Random("test")
    return ["".join(draw.choices("0123456789", k=draw.randint(1, 5))) for _ in range(count)]


@pytest.mark.parametrize("name", ADAPTERS.values())
def test_an_adapter_is_short(name):
    text = (EXAMPLE / "ownseq" / f"{name}.py").read_text()
    assert len(text.splitlines()) < 50


def test_the_networks_know_of_no_debugger():
    for name in ("networks", "training"):
        assert "s2sdap" not in (EXAMPLE / "ownseq" / f"{name}.py").read_text()


def test_it_decodes_what_the_network_itself_writes(model):
    from ownseq.networks import write

    texts = unseen(40)
    written = [decode(model, text)[0].text for text in texts]
    assert written == [write(model.network, text) for text in texts]
    right = sum(text[::-1] == output for text, output in zip(texts, written, strict=True))
    assert right >= 36


def test_its_entry_point_is_found_by_the_command_line(warm, folder, scheme):
    texts = unseen(8)
    (folder / f"{scheme}.txt").write_text("\n".join(texts) + "\n")
    spec = f"{scheme}:{WEIGHTS[scheme]}"
    command = ["-m", "s2sdap", "run", f"{scheme}.txt", "--model", spec]
    said = run(warm, folder, command, **visible(folder)).splitlines()
    written = [line for line in said if not line.startswith("S2S7201")]  # that it takes no batches
    assert len(written) == len(texts)
    assert sum(text[::-1] == output for text, output in zip(texts, written, strict=True)) >= 6


def test_it_passes_the_suite(warm, folder, scheme):
    command = ["-m", "s2sdap", "check-model", f"{scheme}:{WEIGHTS[scheme]}", "--json"]
    report = json.loads(run(warm, folder, command, **visible(folder)))
    assert report["passed"]
    absent = [each["check"] for each in report["findings"] if each["outcome"] == "absent"]
    assert absent == ([] if scheme == "ownattn" else ["attention"])
    assert report["sources"] == ["12345", "907", "31"]


def test_attention_moved_to_another_digit_writes_that_digit(folder, monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLE))
    from ownseq.attentive_adapter import load

    from s2sdap import Session

    session = Session.open(load(str(folder / "attentive.pt"), "cpu"), source="12345")
    session.start()
    session.next()
    obeyed = 0
    for position, digit in enumerate("12345"):
        session.set_attention([float(place == position) for place in range(5)])
        obeyed += session.evaluate("token") == digit
    assert obeyed >= 4


# ---- the page --------------------------------------------------------------------------------


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_python_of_the_page_runs_as_one_program(warm, folder, tmp_path):
    program = tmp_path / "page.py"
    # Blocks that show a part of the example are held against it by the next test.
    program.write_text("\n\n".join(block for block in blocks("python") if "class " not in block))
    said = run(warm, folder, ["-W", "error", str(program)], **visible(folder))
    assert "54321" in said.splitlines()
    assert re.search(r"^True$", said, re.MULTILINE)


def test_what_the_page_shows_of_the_example_is_the_example():
    shown = [block for block in blocks("python") if "class " in block]
    assert len(shown) == 2
    for block, name in zip(shown, ADAPTERS.values(), strict=True):
        assert block == (EXAMPLE / "ownseq" / f"{name}.py").read_text()
    (project,) = blocks("toml")
    assert project in (EXAMPLE / "pyproject.toml").read_text()


def test_the_commands_of_the_page_are_there(warm, folder):
    commands = [line.partition("  #")[0].strip() for block in blocks("sh") for line in block.splitlines()]
    checked = [command for command in commands if command.startswith("s2sdap check-model own")]
    assert checked
    for command in checked:
        run(warm, folder, ["-m", *command.split()], **visible(folder))
    for command in commands:
        if command.startswith("s2sdap "):
            assert Path(ROOT / "s2sdap" / "cli" / f"{command.split()[1].replace('-', '_')}.py").exists()


def test_the_table_of_checks_is_that_of_the_suite():
    rows = [f"| `{check.name}` | {check.asks} | {check.remedy} |" for check in CHECKS]
    table = "\n".join(["| check | what it asks | where it fails |", "|---|---|---|", *rows])
    assert table in PAGE, f"the table is to be:\n{table}"
