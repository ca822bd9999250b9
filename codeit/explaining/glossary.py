"""What the types (docs/language.md 3.2) and the groups of the language are, in words."""

TYPES = {
    "Any": "any value",
    "Boolean": "True or False",
    "Integer": "a whole number; as a color, 0 to 9",
    "IntegerTuple": "a pair of whole numbers: a place as row and column, a size, or a direction",
    "Numerical": "an Integer or an IntegerTuple",
    "IntegerSet": "a set of whole numbers",
    "Grid": "rows of colors",
    "Cell": "a color and its place",
    "Object": "a set of cells: a color on each of its places",
    "Objects": "a set of Objects",
    "Indices": "a set of places, without colors",
    "IndicesSet": "a set of Indices",
    "Patch": "an Object or Indices",
    "Element": "an Object or a Grid",
    "Piece": "a Grid or a Patch",
    "Tuple": "values in an order",
    "TupleTuple": "tuples in an order",
    "FrozenSet": "a set of any values",
    "Container": "a Tuple or a set",
    "ContainerContainer": "a container of containers",
    "Callable": "a function: a primitive's name, or what compose, rbind and their like return",
}
"""The types that signatures name. A run checks none of them."""

GROUPS = {
    "arithmetic": "numbers, pairs of numbers, and truth values",
    "closures": "functions made of functions",
    "containers": "tuples and sets",
    "higher_order": "functions applied to all items, or used to choose among them",
    "color": "which colors there are, and other ones",
    "patch_measure": "how large a patch is, where it is, and how two of them lie",
    "patches": "patches made of patches",
    "lines": "places around a place, and in a line with it",
    "objects": "what hangs together in a grid",
    "grid_geometry": "grids turned, cut, joined and scaled",
    "painting": "cells changed in a grid",
}
"""The groups of primitives."""
