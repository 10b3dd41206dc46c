"""Floor 1: what can be debugged. `contract` says what a model must offer; each family has a room.

`loading` turns a name or a path into a model. Importing this package imports no torch.
"""

from typing import Final

DEFAULT_MODEL: Final = "dates"
"""The bundled model that a launch without one gets."""
