"""The commands of the language server by name: those that it carries out, and those that a client does.

All take the URI of the file first; where they are about a sentence, its 0-based line second.
"""

from typing import Final

DECODE: Final = "s2sdap.source.decodeLine"
COMPARE: Final = "s2sdap.source.compare"
RUN: Final = "s2sdap.source.decodeFile"
FORCE: Final = "s2sdap.source.forceToken"
BAN: Final = "s2sdap.source.banToken"
UNDO: Final = "s2sdap.source.undoEdits"
REPORT: Final = "s2sdap.source.loadReport"
ENABLE: Final = "s2sdap.source.enableFile"
DISABLE: Final = "s2sdap.source.disableFile"

DEBUG: Final = "s2sdap.source.debug"
"""A client's: start a debug session at the sentence; a third argument is the step to stop at."""
BREAKPOINT: Final = "s2sdap.source.break"
"""A client's: set a breakpoint on the sentence; the third argument is its condition."""
OF_CLIENT: Final = (DEBUG, BREAKPOINT)
