"""The language server over real stdio, driven by pygls' own client: every feature, in UTF-16 columns."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from language_editor import Editor, actions_at, carry_out, document, has_torch, span
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from s2sdap.debugger.session import Session
from s2sdap.decoding.settings import SearchSettings
from s2sdap.language import commands
from s2sdap.vocabulary.positions import utf16_length

RULES = ["lowConfidence(p < 0.7)"]
SURE, UNSURE, EMOJI = "March 3, 1999", "J 4, 2005", "😀 March 3, 1999"


@pytest.fixture(scope="module")
def editor(tmp_path_factory):
    """One server for all tests; each opens files of its own."""
    editor = Editor(
        tmp_path_factory.mktemp("workspace"),
        clientCommands=list(commands.OF_CLIENT),
        configuration={"watchRules": RULES, "search": {"beamSize": 4}},
    )
    yield editor
    assert editor.close() == 0


def found_low_confidence(problems):
    return [each for each in problems if each.code == "lowConfidence"]


@pytest.fixture(scope="module")
def decoded(editor):
    """A file whose sentences are decoded."""
    uri = editor.open("decoded.src", f"{EMOJI}\n{UNSURE}\n\n{SURE}\n")
    editor.hints_once_decoded(uri, 3)
    return uri


def test_nothing_is_spoken_but_utf16(editor):
    assert editor.initialized.capabilities.position_encoding == "utf-16"


def test_an_unknown_character_is_told_of_before_anything_is_decoded(editor):
    uri = editor.open("unknown.src", "ab 😀ж 1999")
    (found, other) = editor.problems(uri)
    assert (found.code, found.range) == ("unknownSource", span(0, 3, 0, 5))
    assert "😀" in found.message
    assert "<unk>" in found.message
    assert other.range == span(0, 5, 0, 6)
    assert not has_torch(editor)


EXIT = b'Content-Length: 33\r\n\r\n{"jsonrpc":"2.0","method":"exit"}'


def test_it_ends_with_its_client_and_says_whether_that_was_in_order():
    ways = [EXIT, EXIT[:-9]]  # in order but for `shutdown`; and gone in the midst of a message
    pipe, command = subprocess.PIPE, [sys.executable, "-m", "s2sdap", "lsp"]
    servers = [subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) for _ in ways]
    talks = zip(servers, ways, strict=True)
    ends = [(*server.communicate(way, timeout=100), server.returncode) for server, way in talks]
    assert ends == [(b"", b"", 1), (b"", b"", 0)]


READ = """
import sys
from s2sdap.language.server import make_server
from s2sdap.models.source_readers import reader_of_file
server = make_server()
print([token.id for token in reader_of_file(sys.argv[1]).tokenize("May 😀").tokens])
print({"torch", "transformers", "numpy"} & sys.modules.keys())
"""


def test_a_hugging_face_tokenizer_is_read_without_torch_and_transformers(editor):
    tokenizers = pytest.importorskip("tokenizers")
    folder = editor.folder / "hub" / "words"
    editor.write(
        "hub/words/tokenizer_config.json", '{"unk_token": {"content": "[UNK]"}, "eos_token": "</s>"}'
    )
    editor.write("hub/s2sdap.toml", 'model = "hf:./words"\n')
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0, "May": 1}, unk_token="[UNK]"))
    words.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    words.save(str(folder / "tokenizer.json"))
    uri = editor.open("hub/lines.src", "May 😀 ж May")
    found = editor.problems(uri)
    assert [(each.code, each.range) for each in found] == [
        ("unknownSource", span(0, 4, 0, 6)),
        ("unknownSource", span(0, 7, 0, 8)),
    ]
    assert not has_torch(editor)
    command = [sys.executable, "-c", READ, f"hf:{folder}"]
    assert subprocess.check_output(command, text=True) == "[1, 0]\nset()\n"


def test_a_code_leads_to_a_heading_that_is_there(editor, decoded):
    (found,) = found_low_confidence(editor.problems(decoded, found_low_confidence))
    page, _, heading = found.code_description.href.removeprefix("file://").partition("#")
    headings = [
        line[3:].lower() for line in Path(page).read_text("utf-8").splitlines() if line.startswith("## ")
    ]
    assert heading in {line.strip().strip("`") for line in headings}


def test_a_file_of_another_language_is_let_be_until_it_is_asked_for(editor):
    uri = editor.open("letter.txt", "😀\n", language="plaintext")
    assert editor.hints(uri) == ()
    assert editor.command(commands.ENABLE, uri)
    assert [each.code for each in editor.problems(uri)] == ["unknownSource"]
    editor.command(commands.DISABLE, uri)
    editor.until(lambda: editor.diagnostics[uri].diagnostics == ())


def test_files_that_the_configuration_names_are_read_and_no_others(editor):
    editor.write("named/s2sdap.toml", 'files = ["*.txt", "deep/*.tsv"]\n')
    other, *named = [
        editor.open(f"named/{name}", "😀\n", language="plaintext") for name in ("a.md", "a.txt", "deep/a.tsv")
    ]
    assert [[each.code for each in editor.problems(uri)] for uri in named] == [["unknownSource"]] * 2
    assert editor.diagnostics.get(other) is None


def test_hints_say_what_the_debugger_would(editor, decoded):
    session = Session.open(source=UNSURE, settings=SearchSettings(beam_size=4), stop_on_entry=False)
    session.start()
    first, second, _ = editor.hints(decoded)
    assert second.label.startswith(f"→ {session.results[0].text}  p = 0.62")
    assert first.position == lsp.Position(0, utf16_length(EMOJI))
    assert "step 6" in second.tooltip.value
    assert "background" in second.tooltip.value


def test_a_finding_stands_at_the_word_that_was_looked_at(editor, decoded):
    (found,) = found_low_confidence(editor.problems(decoded, found_low_confidence))
    assert found.range == span(1, 0, 1, 1)
    assert "0.620" in found.message
    assert "step 6" in found.message


def test_lenses_debug_decode_and_compare(editor, decoded):
    lenses = editor.ask("text_document_code_lens", params=lsp.CodeLensParams(document(decoded)))
    assert [(each.range.start.line, each.command.title) for each in lenses[:3]] == [
        (0, "Debug"),
        (0, "Decode"),
        (1, "Debug"),
    ]
    assert lenses[0].command.arguments == (decoded, 0)


def test_hover_tells_pieces_ids_training_and_attention(editor, decoded):
    told = editor.hover(decoded, 0, utf16_length("😀 Ma"))
    assert told.range == span(0, 3, 0, 8)
    assert "— id" in told.contents.value
    assert "Attention received" in told.contents.value
    assert "unknown" in editor.hover(decoded, 0, 1).contents.value
    assert editor.hover(decoded, 0, 2) is None  # between two words


def test_semantic_tokens_are_the_pieces_in_utf16_columns(editor, decoded):
    whole = editor.ask(
        "text_document_semantic_tokens_full", params=lsp.SemanticTokensParams(document(decoded))
    )
    assert whole.data[:10] == (0, 0, 2, 1, 0, 0, 2, 1, 0, 1)  # the emoji: two columns, unknown; then a blank
    params = lsp.SemanticTokensRangeParams(document(decoded), span(1, 0, 1, 9))
    line = editor.ask("text_document_semantic_tokens_range", params=params).data
    assert len(line) == 5 * len(UNSURE)
    assert line[:5] == (1, 0, 1, 0, 2)  # the first letter is where the model was unsure


def test_symbols_and_folding_follow_the_blocks(editor, decoded):
    symbols = editor.ask("text_document_document_symbol", params=lsp.DocumentSymbolParams(document(decoded)))
    assert [each.name for each in symbols] == ["lines 1 to 2", "lines 4 to 4"]
    assert symbols[0].children[1].name == UNSURE
    assert "2005-07-04" in symbols[0].children[1].detail
    folds = editor.ask("text_document_folding_range", params=lsp.FoldingRangeParams(document(decoded)))
    assert [(each.start_line, each.end_line) for each in folds] == [(0, 1)]


def test_inline_values_are_asked_for_where_the_debugger_stands(editor, decoded):
    context = lsp.InlineValueContext(7, span(1, 0, 1, 0))
    params = lsp.InlineValueParams(document(decoded), span(0, 0, 3, 0), context)
    values = editor.ask("text_document_inline_value", params=params)
    assert {(each.range.start.line, each.expression) for each in values} >= {(1, "token"), (1, "p")}
    other = lsp.InlineValueParams(document(decoded), span(2, 0, 3, 0), context)
    assert editor.ask("text_document_inline_value", params=other) == ()


def test_forcing_the_runner_up_changes_the_output_and_is_taken_back(editor):
    uri = editor.open("forced.src", f"{UNSURE}\n")
    editor.hints_once_decoded(uri, 1)
    editor.problems(uri, found_low_confidence)
    offered = actions_at(editor, uri, 0)
    forced = carry_out(editor, offered["Force '1'"])
    assert forced["output"] == "2005-01-04"
    assert "'1' forced" in editor.hints(uri)[0].label
    again = carry_out(editor, actions_at(editor, uri, 0)["Decode again without edits"])
    assert again["output"] == "2005-07-04"
    assert carry_out(editor, offered["Ban '7'"])["output"] == "2005-01-04"
    editor.command(commands.UNDO, uri, 0)


def test_what_only_an_editor_can_do_is_offered_to_one_that_can(editor, decoded):
    editor.problems(decoded, found_low_confidence)
    offered = actions_at(editor, decoded, 1)
    breaks = offered["Break at this sentence when p < 0.7"]["command"]
    assert breaks == {
        "title": "Break at this sentence when p < 0.7",
        "command": commands.BREAKPOINT,
        "arguments": [decoded, 1, "p < 0.7"],
    }
    assert offered["Debug at step 6"]["command"]["arguments"] == [decoded, 1, 6]


def test_a_finding_that_is_ignored_is_gone_once_the_configuration_says_so(editor, tmp_path_factory):
    editor.write("ignored/s2sdap.toml", f'watchRules = ["{RULES[0]}"]\n')
    uri = editor.open("ignored/dates.src", f"{UNSURE}\n")
    editor.hints_once_decoded(uri, 1)
    editor.problems(uri, found_low_confidence)
    edit = actions_at(editor, uri, 0)["Ignore lowConfidence"]["edit"]["documentChanges"][0]
    text = f'watchRules = ["{RULES[0]}"]\n{edit["edits"][0]["newText"]}'
    toml = editor.open("ignored/s2sdap.toml", text, language="toml")
    assert edit["textDocument"]["uri"] == toml
    editor.until(lambda: editor.diagnostics[uri].diagnostics == ())
    assert len(editor.hints(uri)) == 1  # what was decoded stays


def test_a_table_has_references_to_compare_with(editor):
    uri = editor.open("pairs.tsv", f"{SURE}\t1999-03-03\n{UNSURE}\t2005-01-04\n")
    lenses = editor.ask("text_document_code_lens", params=lsp.CodeLensParams(document(uri)))
    assert [each.command.title for each in lenses[:3]] == ["Debug", "Decode", "Compare with reference"]
    assert "token for token" in editor.command(commands.COMPARE, uri, 0)
    told = editor.command(commands.COMPARE, uri, 1)
    assert "they part at step 6" in told
    assert "'1' (p = 0.305, rank 1)" in told
    assert "≠ reference" in editor.hints_once_decoded(uri, 2)[1].label


def test_an_edit_drops_what_was_said_of_the_line_and_nothing_else(editor):
    uri = editor.open("typed.src", f"{SURE}\n{UNSURE}\n")
    editor.hints_once_decoded(uri, 2)
    editor.type(uri, (0, 0, 0, 0, "😀"), (1, 0, 1, 1, "July"))
    assert [each.range.start for each in editor.problems(uri)] == [lsp.Position(0, 0)]
    decoded = editor.hints_once_decoded(uri, 2)
    assert decoded[1].label.startswith("→ 2005-07-04  p = 1")
    editor.type(uri, f"\n{SURE}\n")
    assert [each.position.line for each in editor.hints(uri)] == [1]  # known, though it stands elsewhere


def test_a_whole_file_is_decoded_with_progress(editor):
    uri = editor.open("whole.src", "".join(f"March {day}, 1999\n" for day in range(1, 29)) + UNSURE)
    assert editor.command(commands.RUN, uri) == 29
    assert len(editor.hints(uri)) == 29
    bars = [params.value for method, params in editor.heard if method == lsp.PROGRESS]
    assert {"Decoding whole.src", "29 of 29 sentences"} <= {
        each.get("title") or each.get("message") for each in bars
    }
    assert found_low_confidence(editor.problems(uri, found_low_confidence))[0].range.start.line == 28


def test_the_bar_of_a_whole_file_can_cancel_it(editor):
    text = "".join(f"{1 + day % 28} May {1500 + day // 28}\n" for day in range(20_000))
    uri = editor.open("many.src", text)

    def bar(field):
        told = [params for method, params in editor.heard if method == lsp.PROGRESS]
        begun = (each.token for each in told if each.value.get("title") == "Decoding many.src")
        token = next(begun, None)
        return token if any(each.token == token and field in each.value for each in told) else None

    asked = lsp.ExecuteCommandParams(command=commands.RUN, arguments=[uri])
    run = editor.client.workspace_execute_command_async(asked)
    count = asyncio.run_coroutine_threadsafe(run, editor.loop)
    token = editor.until(lambda: bar("message"))
    editor.tell(editor.client.window_work_done_progress_cancel, lsp.WorkDoneProgressCancelParams(token))
    assert 0 < count.result(timeout=100) < 20_000
    assert editor.command(commands.DECODE, uri, 19_999)["output"]  # the model is free again


def test_a_debug_session_is_given_way_to(editor):
    uri = editor.open("waits.src", "May 5, 1995\n")
    editor.tell(lambda params: editor.client.protocol.notify("s2sdap/debugging", params), {"active": True})
    assert editor.hints(uri) == ()
    asked = editor.command(commands.DECODE, uri, 0)  # what a person asks for is done all the same
    assert asked["output"] == "1995-05-05"
    result = {
        "uri": uri,
        "line": 1,
        "source": "May 5, 1995",
        "outputs": [{"text": "1995-05-06", "score": -0.5}],
    }
    editor.tell(lambda params: editor.client.protocol.notify("s2sdap/result", params), result)
    assert editor.hints(uri)[0].label == "→ 1995-05-06  p = 0.607"
    editor.tell(lambda params: editor.client.protocol.notify("s2sdap/debugging", params), {"active": False})


def test_a_report_of_the_last_run_is_shown_without_decoding(editor):
    editor.write(
        "reported/report.jsonl",
        '{"line": 1, "source": "aa", "output": "bb", "score": -1.0, "stops": [{"step": 2, "hypothesis": 1, '
        '"text": "p < 0.5", "rule": "lowConfidence", "condition": "p < 0.5", "token": "b", "p": 0.4}, '
        '{"hypothesis": 1, "text": "aa", "rule": "unknownSource", "condition": "len(unknown_source) > 0"}]}\n'
        '{"line": 2, "source": "was otherwise", "output": "cc", "score": -1.0}\n{"line": 3, "sou',
    )
    editor.write("reported/s2sdap.toml", 'report = "report.jsonl"\nbackground = false\n')
    uri = editor.open("reported/lines.src", "aa\nis otherwise\n")
    (hint,) = editor.hints_once_decoded(uri, 1)
    assert hint.label == "→ bb  p = 0.368"
    (found,) = editor.problems(uri, found_low_confidence)[:1]
    assert found.range == span(0, 0, 0, 2)
    assert any(each.message.startswith("Unknown source token: aa. ") for each in editor.problems(uri))


def test_what_cannot_be_done_is_refused_in_words(editor, decoded):
    with pytest.raises(JsonRpcException, match="S2S7402"):
        editor.command(commands.DECODE, "file:///nowhere.src", 0)
    with pytest.raises(JsonRpcException, match="S2S"):
        editor.command(commands.DECODE, decoded, 2)
    with pytest.raises(JsonRpcException, match="reference"):
        editor.command(commands.COMPARE, decoded, 1)


def test_a_model_that_is_not_there_is_said_at_the_top(editor):
    editor.write("lost/s2sdap.toml", 'model = "nowhere"\n')
    uri = editor.open("lost/dates.src", "March\n")
    editor.hints(uri)
    (found,) = editor.problems(uri, lambda found: any(each.code.startswith("S2S") for each in found))
    assert "nowhere" in found.message
    assert found.range.start == lsp.Position(0, 0)


def test_a_hundred_thousand_lines_open_without_decoding_and_only_what_is_shown_is_decoded(editor):
    text = "\n".join(f"{1 + number % 28} May {1900 + number % 200}" for number in range(100_000))
    uri = editor.open("long.src", text)
    assert editor.hints(uri, 50_000, 50_000) == ()
    assert len(editor.hints_once_decoded(uri, 1, 50_000, 50_000)) == 1
    assert len(editor.hints(uri, 50_000, 50_001)) >= 1
    lenses = editor.ask("text_document_code_lens", params=lsp.CodeLensParams(document(uri)))
    assert {each.range.start.line for each in lenses} <= {50_000, 50_001}
    symbols = editor.ask("text_document_document_symbol", params=lsp.DocumentSymbolParams(document(uri)))
    assert len(symbols) == 200
    assert symbols[0].name == "lines 1 to 500"
    assert editor.hover(uri, 99_999, 0) is not None


def test_a_request_that_is_cancelled_ends(editor):
    uri = editor.open("cancelled.src", "\n".join(f"{number} May 1900" for number in range(50_000)))

    async def cancelled():
        params = lsp.SemanticTokensParams(document(uri))
        protocol = editor.client.protocol
        asked = protocol.send_request("textDocument/semanticTokens/full", params)
        number = next(key for key, future in protocol._request_futures.items() if future is asked)
        protocol.notify("$/cancelRequest", lsp.CancelParams(id=number))
        try:
            return await asyncio.wrap_future(asked)
        except JsonRpcException as error:
            return error

    assert editor.call(cancelled()).code == -32800


def test_the_configuration_is_checked_completed_and_explained(editor):
    uri = editor.open("other/s2sdap.toml", 'modle = "dates"\n[search]\nbeamSize = 0\n', language="toml")
    wrong = editor.problems(uri)
    assert [(each.code, each.range.start.line) for each in wrong] == [("S2S3003", 0), ("S2S3001", 2)]
    assert "did you mean `model`" in wrong[0].message
    editor.type(uri, 'watchRules = ["lowConfidence(p < 0.5 and foc)"]\n\n[search]\n\n')
    (found,) = editor.problems(uri)
    assert found.range == span(0, 41, 0, 44)
    assert "focus" in editor.completions(uri, 0, 44)
    editor.type(uri, (3, 0, 3, 0, "beam"))
    assert {"model", "watchRules"} <= editor.completions(uri, 1, 0).keys()
    assert list(editor.completions(uri, 3, 4)) == ["beamSize"]
    assert "Live hypotheses" not in str(editor.hover(uri, 2, 2))
    editor.type(uri, (3, 0, 3, 4, "beamSize = 2"))
    assert "Live hypotheses" in editor.hover(uri, 3, 2).contents.value


def test_conditions_are_completed_checked_and_explained_wherever_they_are_edited(editor, decoded):
    ask = editor.custom
    item = ask("s2sdap/conditionCompletion", text='output == "😀" and foc', column=22)[0]
    assert (item["label"], item["textEdit"]["range"]["start"]["character"]) == ("focus", 19)
    (wrong,) = ask("s2sdap/conditionDiagnostics", text='"😀" == outptu', kind="condition")
    assert wrong["range"]["start"]["character"] == 8
    assert "output" in wrong["message"]
    assert ask("s2sdap/conditionDiagnostics", text="lowConfidence(p < 0.5)", kind="rule") == []
    assert "focus_run" in [each["label"] for each in ask("s2sdap/conditionCompletion", text="f", column=1)]
    assert "nats" in ask("s2sdap/conditionHover", text="entropy > 2", column=1).contents.value
    uri = editor.open("some.condition", "p < 0.5 and ent", language="s2sdap-condition")
    assert list(editor.completions(uri, 0, 15)) == ["entropy"]
    assert "p" in editor.completions(decoded, 0, 0)  # where VS Code asks for a breakpoint's condition
    assert editor.completions(decoded, 0, 2) == {}
