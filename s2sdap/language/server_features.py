"""The requests about a whole file of sentences, or a range of it."""

import asyncio
import time

from lsprotocol import types as lsp

from s2sdap.language.features import actions, hints, inline_values, lenses, outline, semantic
from s2sdap.language.server import SentencesServer
from s2sdap.language.upkeep import SLICE


def add_features(server: SentencesServer) -> None:
    """Register them."""
    desk, upkeep = server.desk, server.upkeep

    @server.feature(lsp.TEXT_DOCUMENT_INLAY_HINT)
    def inlay_hints(params: lsp.InlayHintParams) -> list[lsp.InlayHint]:
        file = desk.files.get(params.text_document.uri)
        if file is None:
            return []
        first, end = params.range.start.line, params.range.end.line + 1
        upkeep.show(file, first, end)
        return hints.hints(file, first, end)

    @server.feature(lsp.TEXT_DOCUMENT_CODE_LENS)
    def code_lenses(params: lsp.CodeLensParams) -> list[lsp.CodeLens]:
        file = desk.files.get(params.text_document.uri)
        return [] if file is None else lenses.lenses(file, desk.options.client_commands)

    @server.feature(lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def symbols(params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol]:
        file = desk.files.get(params.text_document.uri)
        return [] if file is None else outline.symbols(file)

    @server.feature(lsp.TEXT_DOCUMENT_FOLDING_RANGE)
    def folding(params: lsp.FoldingRangeParams) -> list[lsp.FoldingRange]:
        file = desk.files.get(params.text_document.uri)
        return [] if file is None else outline.folding(file)

    @server.feature(lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_RANGE, semantic.LEGEND)
    def tokens_of_range(params: lsp.SemanticTokensRangeParams) -> lsp.SemanticTokens:
        file = desk.files.get(params.text_document.uri)
        first, end = params.range.start.line, params.range.end.line + 1
        return lsp.SemanticTokens([] if file is None else semantic.semantic_tokens(file, first, end))

    @server.feature(lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, semantic.LEGEND)
    async def tokens_of_all(params: lsp.SemanticTokensParams) -> lsp.SemanticTokens:
        file = desk.files.get(params.text_document.uri)
        encoder = semantic.Encoder()
        until = time.perf_counter() + SLICE
        for line in range(0 if file is None else len(file.document.lines)):
            if file is not None and line < len(file.document.lines):
                encoder.add(line, semantic.tokens_of(file, line))
            if time.perf_counter() > until:  # a request that is cancelled ends here
                await asyncio.sleep(0)
                until = time.perf_counter() + SLICE
        return lsp.SemanticTokens(encoder.data)

    @server.feature(
        lsp.TEXT_DOCUMENT_CODE_ACTION, lsp.CodeActionOptions(code_action_kinds=list(actions.KINDS))
    )
    def code_actions(params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        file = desk.files.get(params.text_document.uri)
        if file is None:
            return []
        return actions.actions(
            file,
            params.range.start.line,
            params.context.diagnostics,
            desk.options.client_commands,
            desk.configuration_of(file.path),
        )

    @server.feature(lsp.TEXT_DOCUMENT_INLINE_VALUE)
    def values(params: lsp.InlineValueParams) -> list[lsp.InlineValue]:
        file = desk.files.get(params.text_document.uri)
        stopped = params.context.stopped_location
        return [] if file is None else inline_values.inline_values(file, params.range, stopped)
