"""The commands of the language server by name: those that it carries out, and those that a client does.

All take the URI of the file first; where they are about a sentence, its 0-based line second.
"""

from typing import Final

DECODE: Final = "s2sdap.decodeLine"
COMPARE: Final = "s2sdap.compareWithReference"
RUN: Final = "s2sdap.decodeFile"
FORCE: Final = "s2sdap.forceToken"
BAN: Final = "s2sdap.banToken"
UNDO: Final = "s2sdap.undoEdits"
REPORT: Final = "s2sdap.loadReport"
ENABLE: Final = "s2sdap.enableFile"
DISABLE: Final = "s2sdap.disableFile"

DEBUG: Final = "s2sdap.debugLine"
"""A client's: start a debug session at the sentence; a third argument is the step to stop at."""
BREAKPOINT: Final = "s2sdap.addBreakpoint"
"""A client's: set a breakpoint on the sentence; the third argument is its condition."""
OF_CLIENT: Final = (DEBUG, BREAKPOINT)
