"""The floor of an import: one module of the standard library, which annotations need."""

import typing  # noqa: F401 - what takes the time
