"""States drawn in the plane: the trajectory of a decode among its neighbours.

`points` says what is drawn, `layout` what comes out, `projecting` makes one of the other. `pca` is the
linear method; `affinities`, `tsne` and `refining` are t-SNE; `placing` puts new points among old ones,
and `faithfulness` tells how far a picture can be believed. All of it needs numpy alone.
"""

from s2sdap.neighbors.projection.layout import Basis, Faithfulness, Layout, LeftOut, Method, Movement
from s2sdap.neighbors.projection.points import Group
from s2sdap.neighbors.projection.projecting import (
    LIMIT,
    METHODS,
    method_named,
    project,
    project_in_steps,
    refinement,
)
from s2sdap.neighbors.projection.refining import Refinement

__all__ = [
    "LIMIT",
    "METHODS",
    "Basis",
    "Faithfulness",
    "Group",
    "Layout",
    "LeftOut",
    "Method",
    "Movement",
    "Refinement",
    "method_named",
    "project",
    "project_in_steps",
    "refinement",
]
