"""The requests about a position: hover and completion, of each kind of document in its own way."""

from lsprotocol import types as lsp

from s2sdap.language import conditions, toml_language
from s2sdap.language.conditions import Kind
from s2sdap.language.features import hovers
from s2sdap.language.lowering import completion_items, hover
from s2sdap.language.server import SentencesServer
from s2sdap.language.source_files import SourceFile


def add_positions(server: SentencesServer) -> None:
    """Register them."""
    desk = server.desk

    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    async def hovered(params: lsp.HoverParams) -> lsp.Hover | None:
        uri = params.text_document.uri
        found = server.at(uri, params.position)
        if found is None:
            return None
        document, line, position = found
        text = document.lines[line]
        if (file := desk.files.get(uri)) is not None:
            return await _hover_word(server, file, line, position)
        if desk.is_configuration(uri):
            explained = toml_language.explain(document.lines, line, position)
            if explained is not None:
                number, meaning = explained
                return hover(document.lines[number], number, meaning.span, meaning.text)
        elif desk.is_condition(uri) and (named := conditions.meaning(text, position)) is not None:
            return hover(text, line, named.span, named.text)
        return None

    @server.feature(lsp.TEXT_DOCUMENT_COMPLETION, lsp.CompletionOptions(trigger_characters=["(", "[", '"']))
    def completion(params: lsp.CompletionParams) -> list[lsp.CompletionItem]:
        uri = params.text_document.uri
        found = server.at(uri, params.position)
        if found is None:
            return []
        document, line, position = found
        text = document.lines[line]
        if desk.is_configuration(uri):
            offers = toml_language.complete(document.lines, line, position)
        elif desk.is_condition(uri):
            offers = conditions.completions(
                "\n".join([*document.lines[:line], text[:position]]), Kind.CONDITION
            )
        elif uri in desk.files and position == 0:
            # Where VS Code edits a breakpoint's condition it asks at the beginning of the breakpoint's line.
            offers = conditions.completions("", Kind.CONDITION)
        else:
            offers = []
        return completion_items(offers, text, line, position)


async def _hover_word(
    server: SentencesServer, file: SourceFile, line: int, position: int
) -> lsp.Hover | None:
    source = file.source(line)
    word = None if source is None else hovers.word_at(source, position)
    if word is None:
        return None
    here, facts = hovers.piece_at(word, position), None
    asked = file.asked(line, line + 1)
    if here is not None and asked:
        facts = await server.upkeep.facts(file, asked[0], here[1].id, here[0])
    told = hovers.told(file, line, word, position, facts)
    return hover(file.document.line(line), line, word.span, told)
