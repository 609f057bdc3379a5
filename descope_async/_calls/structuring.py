"""JSON to values and back, by cattrs, which is imported for it.

The first member that does not fit ends the work, and the error says where it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from attrs import AttrsInstance

from descope_async._runtime.late_imports import late_import

from .members import Misfit

if TYPE_CHECKING:
    from cattrs import Converter

V = TypeVar("V", bound=AttrsInstance)


@late_import
def converter() -> Converter:
    """The converter, which takes 25 ms to import. Few answers need it."""
    from .converter import CONVERTER

    return CONVERTER


def structure(document: object, cls: type[V], at: str = "$") -> V:
    """The value that decoded JSON stands for.

    Args:
        document: The decoded JSON.
        cls: The class of the value.
        at: Where the document is within the whole answer, for the error's ``path``.

    Raises:
        Misfit: A member is missing, or not of its type.
    """
    try:
        return converter().structure(document, cls)
    except Misfit as misfit:
        path, problem = f"{at}{misfit.path}", misfit.problem
    except RecursionError:
        path, problem = at, "is nested too deep"
    except OSError as error:  # such as no more open files, for the import
        path, problem = at, f"cannot be read: {error}"
    raise Misfit(problem, path)


def unstructure(value: object) -> dict[str, Any]:
    """A value under the service's names, in plain dicts and lists."""
    document: dict[str, Any] = converter().unstructure(value)
    return document
