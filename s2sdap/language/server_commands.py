"""The commands that the server carries out (see `commands`), and what a client tells of a debug session."""

import math
from typing import Any

import msgspec

from s2sdap.language import commands
from s2sdap.language.decoded import Asked, DecodedSentence, Edited, Origin
from s2sdap.language.server import SentencesServer, refusing
from s2sdap.language.source_files import SourceFile
from s2sdap.vocabulary.errors import S2sdapError

DEBUGGING = "s2sdap/debugging"
"""A notification: `active` says whether somebody debugs; nothing is decoded in the background meanwhile."""
RESULT = "s2sdap/result"
"""A notification: what a debug session made of a sentence, as its event `s2s/result` tells it, and `uri`."""


def add_commands(server: SentencesServer) -> None:
    """Register them."""
    _add_decoding(server)
    _add_edits(server)
    _add_files(server)
    _add_session(server)


def _add_decoding(server: SentencesServer) -> None:
    upkeep = server.upkeep

    @server.command(commands.DECODE)
    @refusing
    async def decode_line(uri: str, line: int) -> Any:
        """Decode a sentence, whatever is known of it. Answers with what became of it."""
        file = server.file(uri)
        asked = _sentence(file, line)
        decoded = await upkeep.decode(file, asked, Origin.ASKED, file.edits.get(file.key(asked), ()))
        upkeep.news(file)
        return _told(decoded)

    @server.command(commands.RUN)
    @refusing
    async def decode_file(uri: str) -> int:
        """Decode every sentence of a file, with progress. Answers with how many were."""
        return await upkeep.run(server.file(uri))

    @server.command(commands.COMPARE)
    @refusing
    async def compare(uri: str, line: int) -> str:
        """Hold a sentence against its reference; shows and answers the result."""
        file = server.file(uri)
        text = await upkeep.compare(file, _sentence(file, line))
        server.client.tell(text)
        return text

    @server.command(commands.REPORT)
    @refusing
    async def load_report(uri: str, report: str) -> int:
        """Show what a report says of a file. Answers with how many of its sentences still read so."""
        return await upkeep.take_report(server.file(uri), report)


def _add_edits(server: SentencesServer) -> None:
    async def edited(uri: str, line: int, edits: tuple[Edited, ...] | None, edit: Edited | None) -> Any:
        file = server.file(uri)
        asked = _sentence(file, line)
        key = file.key(asked)
        wanted = (*file.edits.get(key, ()), edit) if edit is not None else edits or ()
        decoded = await server.upkeep.decode(file, asked, Origin.ASKED, wanted)
        if wanted and decoded.error is None:
            file.edits[key] = wanted
        elif not wanted:
            file.edits.pop(key, None)
        server.upkeep.news(file)
        return _told(decoded)

    @server.command(commands.FORCE)
    @refusing
    async def force(uri: str, line: int, step: int, hypothesis: int, token: int, piece: str) -> Any:
        """Decode a sentence again with a token forced. Answers with what became of it."""
        return await edited(uri, line, None, Edited(step, hypothesis, token, piece))

    @server.command(commands.BAN)
    @refusing
    async def ban(uri: str, line: int, step: int, hypothesis: int, token: int, piece: str) -> Any:
        """Decode a sentence again with a token banned. Answers with what became of it."""
        return await edited(uri, line, None, Edited(step, hypothesis, token, piece, banned=True))

    @server.command(commands.UNDO)
    @refusing
    async def undo(uri: str, line: int) -> Any:
        """Decode a sentence again without edits. Answers with what became of it."""
        return await edited(uri, line, (), None)


def _add_files(server: SentencesServer) -> None:
    @server.command(commands.ENABLE)
    def enable(uri: str) -> bool:
        """Read a file as one of source sentences. Answers whether it is open."""
        file = server.desk.want(uri, wanted=True)
        if file is not None:
            server.upkeep.begin(file)
            server.client.refresh_lenses()
        return file is not None

    @server.command(commands.DISABLE)
    def disable(uri: str) -> None:
        """Read a file no more."""
        server.desk.want(uri, wanted=False)
        server.upkeep.forget(uri)
        server.client.refresh_hints()
        server.client.refresh_lenses()


def _add_session(server: SentencesServer) -> None:
    @server.feature(DEBUGGING)
    def debugging(params: Any) -> None:
        server.upkeep.worker.debugging = bool(getattr(params, "active", False))

    @server.feature(RESULT)
    def result(params: Any) -> None:
        file = server.desk.files.get(str(getattr(params, "uri", "")))
        line, source = int(params.line) - 1, str(params.source)
        if file is None or file.sentence(line) != source:
            return
        outputs = params.outputs
        decoded = DecodedSentence(
            source,
            str(outputs[0].text) if outputs else "",
            math.exp(float(outputs[0].score)) if outputs else 0.0,
            Origin.SESSION,
            error=getattr(params, "error", None),
        )
        file.keep(_sentence(file, line), decoded)
        server.upkeep.news(file)


def _sentence(file: SourceFile, line: int) -> Asked:
    """The sentence on a 0-based line. Raises `no_sentence_there`."""
    asked = file.asked(line, line + 1)
    if not asked:
        raise S2sdapError("no_sentence_there", line=line + 1)
    return asked[0]


def _told(decoded: DecodedSentence) -> Any:
    """What became of a sentence, as JSON has it."""
    return msgspec.to_builtins(decoded)
