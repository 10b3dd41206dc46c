"""States drawn in the plane: the trajectory of a decode among its neighbours.

`points` says what is drawn, `layout` what comes out, `projecting` makes one of the other; `pca`,
`scaling` and `tsne` are the methods, `placing` puts new points among old ones, and `faithfulness`
tells how far a picture can be believed. All of it needs numpy alone.
"""

from s2sdap.neighbors.projection.layout import Basis, Faithfulness, Layout, LeftOut, Method, Movement
from s2sdap.neighbors.projection.points import Group
from s2sdap.neighbors.projection.projecting import METHODS, method_named, project

__all__ = [
    "METHODS",
    "Basis",
    "Faithfulness",
    "Group",
    "Layout",
    "LeftOut",
    "Method",
    "Movement",
    "method_named",
    "project",
]
