"""Code actions at a sentence: force the runner-up, ban a token, take that back, break, ignore a finding."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Final

from lsprotocol import types as lsp

from s2sdap.language.commands import BAN, BREAKPOINT, DEBUG, FORCE, UNDO
from s2sdap.language.configuration import FILE_NAME
from s2sdap.language.decoded import DecodedSentence, FoundHere, Rival, least_sure
from s2sdap.language.lowering import SOURCE
from s2sdap.language.source_files import SourceFile

FIX: Final = lsp.CodeActionKind.QuickFix
EDIT: Final = lsp.CodeActionKind.Refactor
KINDS: Final = (FIX, EDIT)


def actions(
    file: SourceFile,
    line: int,
    diagnostics: Sequence[lsp.Diagnostic],
    client_commands: Collection[str],
    configuration: tuple[Path, str | None],
) -> list[lsp.CodeAction]:
    """What can be done at a line; `diagnostics` are those that the client asks about.

    `configuration` is where `s2sdap.toml` lies or would, and its text, `None` where there is no such file.
    """
    found: list[lsp.CodeAction] = []
    decoded = file.result(line)
    mine = [each for each in diagnostics if each.source == SOURCE and each.range.start.line == line]
    if decoded is not None:
        found += _of_decode(file, line, decoded, mine, client_commands)
    found += [_ignore(file, line, each, *configuration) for each in mine if isinstance(each.code, str)]
    return found


def _of_decode(
    file: SourceFile,
    line: int,
    decoded: DecodedSentence,
    diagnostics: Sequence[lsp.Diagnostic],
    client_commands: Collection[str],
) -> Iterator[lsp.CodeAction]:
    asked = [(_diagnostic_of(each, diagnostics), each) for each in decoded.findings]
    told = [(diagnostic, each) for diagnostic, each in asked if diagnostic is not None]
    steps = set()
    for diagnostic, found in told:
        if found.token is not None and found.hypothesis is not None and found.step not in steps:
            steps.add(found.step)
            yield from _edits(
                file, line, found.step, found.hypothesis, found.token, found.rival, [diagnostic], FIX
            )
        if BREAKPOINT in client_commands and found.step >= 0:
            title = f"Break at this sentence when {found.condition}"
            yield _action(title, FIX, BREAKPOINT, [file.uri, line, found.condition], [diagnostic])
        if DEBUG in client_commands and found.step >= 0:
            title = f"Debug at step {found.step}"
            yield _action(title, FIX, DEBUG, [file.uri, line, found.step], [diagnostic])
    least = least_sure(decoded.tokens)
    if least is not None and least[0] not in steps:
        step, token = least
        yield from _edits(
            file, line, step, token.hypothesis, Rival(token.id, token.piece, token.p), token.rival, [], EDIT
        )
    if decoded.edits:
        edits = ", ".join(edit.text for edit in decoded.edits)
        yield _action(f"Decode again without edits ({edits})", EDIT, UNDO, [file.uri, line], [])


def _edits(
    file: SourceFile,
    line: int,
    step: int,
    hypothesis: int,
    token: Rival,
    rival: Rival | None,
    diagnostics: list[lsp.Diagnostic],
    kind: lsp.CodeActionKind,
) -> Iterator[lsp.CodeAction]:
    """Force the runner-up, and ban what was chosen."""
    if rival is not None:
        title = f"Force {rival.piece!r} (p = {rival.p:.3g}) in place of {token.piece!r} at step {step}"
        arguments = [file.uri, line, step, hypothesis, rival.id, rival.piece]
        yield _action(title, kind, FORCE, arguments, diagnostics)
    title = f"Ban {token.piece!r} (p = {token.p:.3g}) at step {step}"
    yield _action(title, kind, BAN, [file.uri, line, step, hypothesis, token.id, token.piece], diagnostics)


def _diagnostic_of(found: FoundHere, diagnostics: Sequence[lsp.Diagnostic]) -> lsp.Diagnostic | None:
    """The diagnostic that tells of a finding, where the client asks about it."""
    for each in diagnostics:
        data = each.data
        step = data.get("step") if isinstance(data, dict) else None
        if each.code == found.rule and (step is None or step == found.step):
            return each
    return None


def _ignore(
    file: SourceFile, line: int, diagnostic: lsp.Diagnostic, path: Path, text: str | None
) -> lsp.CodeAction:
    """Write into `s2sdap.toml` that this is not to be shown for this sentence."""
    rule, source = str(diagnostic.code), file.sentence(line)
    entry = f"[[ignore]]\nrule = {quoted(rule)}\nsource = {quoted(source)}\n"
    uri = path.as_uri()
    changes: list[lsp.TextDocumentEdit | lsp.CreateFile | lsp.RenameFile | lsp.DeleteFile] = []
    if text is None:
        changes.append(lsp.CreateFile(uri=uri, options=lsp.CreateFileOptions(ignore_if_exists=True)))
    end = _end(text or "")
    before = "\n" if text and not text.endswith("\n") else ""
    changes.append(
        lsp.TextDocumentEdit(
            lsp.OptionalVersionedTextDocumentIdentifier(uri=uri),
            [lsp.TextEdit(lsp.Range(end, end), f"{before}{entry}" if not text else f"{before}\n{entry}")],
        )
    )
    return lsp.CodeAction(
        title=f"Ignore {rule} for this sentence, in {FILE_NAME}",
        kind=FIX,
        diagnostics=[diagnostic],
        edit=lsp.WorkspaceEdit(document_changes=changes),
    )


def quoted(text: str) -> str:
    """A text as a TOML string."""
    out = []
    for letter in text:
        if letter in '"\\':
            out.append(f"\\{letter}")
        elif ord(letter) < 0x20 or ord(letter) == 0x7F:
            out.append(f"\\u{ord(letter):04X}")
        else:
            out.append(letter)
    return f'"{"".join(out)}"'


def _end(text: str) -> lsp.Position:
    lines = text.split("\n")
    return lsp.Position(len(lines) - 1, sum(2 if ord(letter) > 0xFFFF else 1 for letter in lines[-1]))


def _action(
    title: str,
    kind: lsp.CodeActionKind,
    command: str,
    arguments: Sequence[lsp.LSPAny],
    diagnostics: list[lsp.Diagnostic],
) -> lsp.CodeAction:
    return lsp.CodeAction(
        title=title,
        kind=kind,
        diagnostics=diagnostics or None,
        command=lsp.Command(title=title, command=command, arguments=list(arguments)),
    )
