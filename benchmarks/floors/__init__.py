"""The least that the work of each row can cost, one script for each.

A floor does the same work with the libraries alone, and leaves out what its docstring names. Where a
bar is out of reach, its floor shows by how much.
"""

from __future__ import annotations

from collections.abc import Callable

#: Takes a number of loops, and returns the seconds that they took.
Loops = Callable[[int], float]
