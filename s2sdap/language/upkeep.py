"""Keeping open files up to date: their lines are read, the sentences on show decoded, the client told.

All of it waits until a file has been left alone for a moment, gives way to requests every few milliseconds,
and begins again when the file is changed.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

from s2sdap.language.client import Client
from s2sdap.language.decoded import Asked, DecodedSentence, Edited, Origin, WordFacts
from s2sdap.language.desk import Desk
from s2sdap.language.garbage import more_stays
from s2sdap.language.lowering import diagnostics
from s2sdap.language.notes import Level, Note
from s2sdap.language.reports import read_report
from s2sdap.language.source_files import SourceFile
from s2sdap.language.toml_language import notes as toml_notes
from s2sdap.language.worker import Interrupted, Urgency, Worker
from s2sdap.models.source_readers import reader_of_file
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.positions import Span

if TYPE_CHECKING:
    from s2sdap.language.engine import Engine

SLICE: Final = 0.001
"""Seconds of work between two looks at what the client wants. One request takes several looks."""
PAUSE: Final = 0.02
"""Seconds after which such work looks again whether the model is done."""
MOST_NOTES: Final = 500
"""Diagnostics of a file; of more, it is told how many."""
MORE: Final = "more"
AHEAD: Final = 200
"""Sentences on show that are decoded by themselves at most."""


class Upkeep:
    """What goes on by itself in one server."""

    def __init__(self, desk: Desk, client: Client) -> None:
        self.desk = desk
        self.client = client
        self.worker = Worker()
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._told: dict[str, tuple[int, tuple[Note, ...]]] = {}
        self._decoding: dict[str, tuple[int, int, int]] = {}
        """For which lines and version sentences on show are being decoded: to ask again is no new start."""

    # ---- what is wrong -----------------------------------------------------------------------

    def look_again(self, uri: str) -> None:
        """A document was opened or changed: find out what is wrong with it, in a moment."""
        if uri in self.desk.files:
            self._start("look", uri, self._look(uri))
        elif self.desk.is_configuration(uri):
            self._start("look", uri, self._look_at_configuration(uri))

    def publish(self, file: SourceFile) -> None:
        """Tell the client what is to be said of a file now, where that is news."""
        notes = bounded(file.notes())
        news = (file.document.version, tuple(notes))
        if self._told.get(file.uri) != news:
            self._told[file.uri] = news
            lines = file.document.lines
            self.client.publish(
                file.uri, file.document.version, diagnostics(notes, lines, self.desk.options.docs)
            )

    def forget(self, uri: str) -> None:
        """A document was closed, or is read no more."""
        for key in [key for key in self._tasks if key[1] == uri]:
            self._tasks.pop(key).cancel()
        self._decoding.pop(uri, None)
        if self._told.pop(uri, None) is not None:
            self.client.publish(uri, None, [])

    async def _look(self, uri: str) -> None:
        await asyncio.sleep(self.desk.options.debounce)
        file = self.desk.files.get(uri)
        if file is None:
            return
        for line in range(file.shown[0], min(file.shown[1], len(file.problems))):
            file.look(line)
        self.publish(file)
        if file.reader is None:
            return
        until = time.perf_counter() + SLICE
        for line in file.unseen():
            file.look(line)
            if time.perf_counter() > until:
                await asyncio.sleep(0)
                while self.worker.busy:  # two threads that compute take each other's time, many times over
                    await asyncio.sleep(PAUSE)
                until = time.perf_counter() + SLICE
        self.publish(file)

    async def _read(self, file: SourceFile) -> None:
        """Read a file of a model that is not loaded by the model's tokenizer alone, where that can be."""
        project = file.project
        reader = await asyncio.to_thread(reader_of_file, project.model, project.configuration.revision)
        if reader is not None and file.reader is None:
            file.read_again(reader, file.limit, exact=False)
            self.look_again(file.uri)
            self.client.refresh_hints()

    async def _look_at_configuration(self, uri: str) -> None:
        await asyncio.sleep(self.desk.options.debounce)
        document = self.desk.documents.get(uri)
        if document is None:
            return
        found = toml_notes(document.lines)
        self._told[uri] = (document.version, tuple(found))
        self.client.publish(uri, document.version, diagnostics(found, document.lines, self.desk.options.docs))
        self.reconfigured()

    def reconfigured(self) -> None:
        """Configurations may have changed: whatever is under another one now begins again."""
        before = set(self.desk.files)
        for file in self.desk.reconfigure():
            self.begin(file)
        for uri in before - set(self.desk.files):
            self.forget(uri)

    # ---- decoding ----------------------------------------------------------------------------

    def begin(self, file: SourceFile) -> None:
        """A file is read from now on."""
        self._told.pop(file.uri, None)
        self._decoding.pop(file.uri, None)
        self.look_again(file.uri)
        if file.reader is None and file.failure is None:
            self._start("read", file.uri, self._read(file))
        report = file.project.configuration.report
        if report is not None:
            self._start("report", file.uri, self._report(file, file.project.path(report)))
        self.client.refresh_hints()

    def show(self, file: SourceFile, first: int, end: int) -> None:
        """The lines from `first` to before `end` are on show."""
        moved = (first, end) != file.shown
        file.shown = (first, end)
        if moved and len(file.document.lines) > end - first:
            self._start("lenses", file.uri, self._lenses())
        if not file.project.configuration.background or file.failure is not None:
            return
        wanted = (first, end, file.document.version)
        if self._decoding.get(file.uri) != wanted and file.wants(first, end):
            self._decoding[file.uri] = wanted
            self._start("decode", file.uri, self._background(file))

    async def decode(
        self,
        file: SourceFile,
        asked: Asked,
        origin: Origin,
        edits: tuple[Edited, ...] = (),
        urgency: Urgency = Urgency.ASKED,
    ) -> DecodedSentence:
        """Decode a sentence and keep what becomes of it. Raises what keeps the model from being loaded."""
        decoded: DecodedSentence = await self._loaded(
            file,
            lambda: self.worker.do(
                file.project,
                lambda engine, stops: engine.decode(asked, str(file.path), origin, edits, stops),
                urgency,
            ),
        )
        file.keep(asked, decoded)
        return decoded

    async def _background(self, file: SourceFile) -> None:
        await asyncio.sleep(self.desk.options.debounce)
        for asked in file.wanting(*file.shown)[:AHEAD]:
            try:
                edits = file.edits.get(file.key(asked), ())
                await self.decode(file, asked, Origin.BACKGROUND, edits, Urgency.SHOWN)
            except S2sdapError as error:
                self._decoding.pop(file.uri, None)
                self.failed(file, error)
                return
            self.news(file)
        self._decoding.pop(file.uri, None)

    async def run(self, file: SourceFile) -> int:
        """Decode all sentences that are not decoded yet; how many were, also where it is cancelled."""
        sentences = file.wanting(0, len(file.document.lines))
        loop, count = asyncio.get_running_loop(), 0
        async with self.client.progress(f"Decoding {file.path.name}", cancellable=True) as bar:

            def keep(asked: Asked, decoded: DecodedSentence) -> None:
                nonlocal count
                count += 1
                file.keep(asked, decoded)
                bar.report(f"{count:,} of {len(sentences):,} sentences", 100 * count / len(sentences))

            def work(engine: "Engine", stops: Callable[[], bool]) -> None:
                try:
                    for asked, decoded in engine.run(
                        sentences, str(file.path), lambda: stops() or bar.cancelled
                    ):
                        loop.call_soon_threadsafe(keep, asked, decoded)
                except Interrupted:
                    if not bar.cancelled:  # by its bar: what was decoded so far is the outcome
                        raise

            try:
                await self._loaded(file, lambda: self.worker.do(file.project, work, Urgency.RUN))
            except S2sdapError as error:
                self.failed(file, error)
                raise
            finally:
                self.news(file)
        return count

    async def facts(self, file: SourceFile, asked: Asked, token: int, position: int) -> WordFacts | None:
        """What the model and its index know of a source token, if that comes soon. Decodes its sentence."""
        if self.worker.engine(file.project) is None:
            return None
        edits = file.edits.get(file.key(asked), ())

        def work(engine: "Engine", stops: Callable[[], bool]) -> tuple[DecodedSentence, WordFacts]:
            traced = engine.traced(asked, str(file.path), Origin.ASKED, edits, stops)
            return traced.decoded, engine.words.facts(traced.last, token, position)

        try:
            decoded, facts = await asyncio.wait_for(
                self.worker.do(file.project, work), self.desk.options.patience
            )
        except (TimeoutError, S2sdapError):
            return None
        if file.key(asked) not in file.decoded:
            file.keep(asked, decoded)
            self.news(file)
        return facts

    async def compare(self, file: SourceFile, asked: Asked) -> str:
        """A sentence against its reference, in words."""

        def work(engine: "Engine", stops: Callable[[], bool]) -> str:
            from s2sdap.language.comparing import against_reference  # noqa: PLC0415 - torch comes with it

            return against_reference(engine, asked, str(file.path), stops)

        text: str = await self._loaded(file, lambda: self.worker.do(file.project, work))
        return text

    def news(self, file: SourceFile) -> None:
        """Something became of sentences of a file: tell the client, with what comes in the next moment."""
        pending = self._tasks.get(("news", file.uri))
        if pending is None or pending.done():
            self._start("news", file.uri, self._tell(file))

    async def _tell(self, file: SourceFile) -> None:
        await asyncio.sleep(self.desk.options.debounce)
        self.client.refresh_hints()
        if self.desk.files.get(file.uri) is file:
            self.publish(file)

    def failed(self, file: SourceFile, error: S2sdapError) -> None:
        """Nothing can be decoded: say so once, at the top of the file."""
        file.failure = error
        if self.desk.files.get(file.uri) is file:
            self.publish(file)

    async def _loaded(self, file: SourceFile, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Do some work for which the model may have to be loaded, which is shown while it lasts."""
        if self.worker.engine(file.project) is not None:
            return await work()
        async with self.client.progress(f"Loading {file.project.configuration.model}"):
            result = await work()
        engine = self.worker.engine(file.project)
        if engine is not None and (file.reader is None or not file.exact):
            limits = [file.limit, engine.model.max_source_length]
            file.read_again(engine.model, min((each for each in limits if each is not None), default=None))
            self.look_again(file.uri)
        if engine is not None:
            self._start("index", file.uri, self._open_index(engine))
        return result

    async def _open_index(self, engine: "Engine") -> None:
        await asyncio.to_thread(engine.words.open)
        more_stays()

    # ---- what was decoded elsewhere ----------------------------------------------------------

    async def _report(self, file: SourceFile, path: str) -> None:
        try:
            await self.take_report(file, path)
        except S2sdapError as error:
            if error.name != "program_missing":  # there has been no run yet
                self.failed(file, error)

    async def take_report(self, file: SourceFile, path: str) -> int:
        """Show what a report says of the sentences that still read as they did; how many those are."""
        found = await asyncio.to_thread(lambda: list(read_report(path)))
        numbers = {}
        if file.placed:
            numbers = {each.line: each.index for each in file.asked(0, len(file.document.lines))}
        count, until = 0, time.perf_counter() + SLICE
        for line, decoded in found:
            if file.sentence(line) == decoded.source:
                file.keep(Asked(decoded.source, numbers.get(line, 0), line, file.reference(line)), decoded)
                count += 1
            if time.perf_counter() > until:
                await asyncio.sleep(0)
                until = time.perf_counter() + SLICE
        self.news(file)
        return count

    async def _lenses(self) -> None:
        await asyncio.sleep(self.desk.options.debounce)
        self.client.refresh_lenses()

    def _start(self, kind: str, uri: str, work: Coroutine[Any, Any, None]) -> None:
        """Begin some work on a document, in the place of that of its kind which is going on."""
        before = self._tasks.get((kind, uri))
        if before is not None:
            before.cancel()
        task = asyncio.get_running_loop().create_task(_quietly(work))
        self._tasks[kind, uri] = task


async def _quietly(work: Coroutine[Any, Any, None]) -> None:
    """Work that may be broken off."""
    with contextlib.suppress(asyncio.CancelledError):
        await work


def bounded(notes: list[Note]) -> list[Note]:
    """The notes, as many as an editor can show, and how many more there are."""
    notes = sorted(notes, key=lambda note: (note.line, note.span))
    if len(notes) <= MOST_NOTES:
        return notes
    text = (
        f"{len(notes) - MOST_NOTES:,} more things are to be said of this file from here on; these come first."
    )
    return [*notes[:MOST_NOTES], Note(notes[MOST_NOTES].line, Span(0, 0), MORE, text, Level.INFORMATION)]
