"""The options and arguments of a command, as the annotations of its function say them. Click reads them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

import click
from click.shell_completion import CompletionItem

from descope_async._files.paths import at_home
from descope_async.errors import ConfigurationError, InvalidArgument

#: What the Tab key offers for a word that was begun: values, each with a word about it.
Complete = Callable[[click.Context, str], Sequence[tuple[str, str]]]
Convert = Callable[[click.Context, click.Parameter, Any], Any]

_ONE: Final = 1
_ANY: Final = -1


class Argument:
    """A positional argument. It is required unless its parameter has a default.

    Args:
        help: What ``--help`` says about it.
        metavar: How ``--help`` names it; its parameter in capitals without it.
        dir_okay: Whether a path may be that of a folder.
        complete: What the Tab key offers.
    """

    def __init__(
        self,
        *,
        help: str,
        metavar: str = "",
        dir_okay: bool = True,
        complete: Complete | None = None,
    ) -> None:
        self.help = help
        self.metavar = metavar
        self.dir_okay = dir_okay
        self.complete = complete

    def parameter(self, name: str, kind: Any, default: Any) -> click.Parameter:
        """The same for Click."""
        item, is_list = _item_of(kind)
        is_required = default is inspect.Parameter.empty
        shown = f"{self.metavar or name.upper()}{'...' if is_list else ''}"
        return DescribedArgument(
            [name],
            description=self.help,
            type=_type_of(item, dir_okay=self.dir_okay),
            metavar=shown if is_required else f"[{shown}]",
            nargs=_ANY if is_list else _ONE,
            callback=_conversion(item, is_list),
            shell_complete=_completion(self.complete),
            **_absent(default),
        )


class Option:
    """An option.

    Args:
        names: How it is written, such as ``"--tenant", "-t"``; made of its parameter's name without them.
        help: What ``--help`` says about it.
        metavar: What ``--help`` calls its value; the type of the value without it.
        dir_okay: Whether a path may be that of a folder.
        complete: What the Tab key offers.
        envvar: The environment variable that is read where the option is not given.
        min: The smallest number.
        max: The largest number.
    """

    def __init__(
        self,
        *names: str,
        help: str,
        metavar: str | None = None,
        dir_okay: bool = True,
        complete: Complete | None = None,
        envvar: str | None = None,
        min: int | None = None,
        max: int | None = None,
    ) -> None:
        self.names = names
        self.help = help
        self.metavar = metavar
        self.dir_okay = dir_okay
        self.complete = complete
        self.envvar = envvar
        self.range: tuple[int | None, int | None] = (min, max)

    def parameter(self, name: str, kind: Any, default: Any) -> click.Parameter:
        """The same for Click."""
        item, is_list = _item_of(kind)
        is_required = default is inspect.Parameter.empty
        value = default.value if isinstance(default, StrEnum) else default
        names = self.names or (f"--{name.replace('_', '-')}",)
        about: dict[str, Any] = {"help": self.help, "envvar": self.envvar}
        about["show_envvar"] = self.envvar is not None
        if item is bool:
            return click.Option([*names, name], is_flag=True, default=False, **about)
        return click.Option(
            [*names, name],
            type=_type_of(item, dir_okay=self.dir_okay, between=self.range),
            metavar=self.metavar,
            show_default=not is_required and value is not None,
            multiple=is_list,
            callback=_conversion(item, is_list),
            shell_complete=_completion(self.complete),
            **_absent(value),
            **about,
        )


@contextmanager
def wrong_value() -> Generator[None]:
    """Where the library judges what was given: it is a wrong value of an option, and nothing is begun.

    Raises:
        BadParameter: The library refuses it.
    """
    try:
        yield
    except InvalidArgument as error:
        raise click.BadParameter(str(error)) from None


class DescribedArgument(click.Argument):
    """An argument that ``--help`` says something about, which Click has for options only before 8.5."""

    def __init__(self, names: Sequence[str], *, description: str, **settings: Any) -> None:
        super().__init__(names, **settings)
        self.description = description


def parameters_of(function: Callable[..., None]) -> list[click.Parameter]:
    """The options and arguments of a function, each of which has an `Option` or `Argument` in its annotation."""
    hints = get_type_hints(function, include_extras=True)
    found: list[click.Parameter] = []
    for name, parameter in inspect.signature(function).parameters.items():
        if get_origin(hints[name]) is Annotated:
            kind, said = get_args(hints[name])
            found.append(said.parameter(name, kind, parameter.default))
    return found


def _item_of(kind: Any) -> tuple[Any, bool]:
    """The type of a value, without None, and whether there are several."""
    kinds = [each for each in get_args(kind) if each is not type(None)]
    if get_origin(kind) is list:
        return kinds[0], True
    return _item_of(kinds[0]) if kinds else (kind, False)


def _absent(default: Any) -> dict[str, Any]:
    """What Click is told about a parameter that is not given. To Click, None is a default like others."""
    if default is inspect.Parameter.empty:
        return {"required": True}
    return {"required": False, "default": default}


def _type_of(
    item: Any, *, dir_okay: bool, between: tuple[int | None, int | None] = (None, None)
) -> click.ParamType[Any]:
    if issubclass(item, StrEnum):
        return click.Choice([each.value for each in item])
    if item is Path:
        return click.Path(dir_okay=dir_okay, path_type=Path)
    if item is int and between == (None, None):
        return click.INT
    if item is int:
        number = click.IntRange(*between)
        number.name = "integer"  # "is not a valid integer range" would say less
        return number
    return click.STRING


def _conversion(item: Any, is_list: bool) -> Convert | None:
    """Makes of Click's value what the function wants; None where that is the same."""

    def listed(_: click.Context, __: click.Parameter, values: Any) -> Any:
        return list(values) if values else None

    def path(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        try:
            return None if value is None else at_home(value)
        except ConfigurationError as error:
            raise click.BadParameter(str(error), context, parameter) from None

    def member(_: click.Context, __: click.Parameter, value: Any) -> Any:
        return None if value is None else item(value)

    if is_list:
        return listed
    if item is Path:  # no shell expands the ~ of --manifest=~/keys.yaml
        return path
    return member if issubclass(item, StrEnum) else None


def _completion(complete: Complete | None) -> Any:
    if complete is None:
        return None

    def offer(context: click.Context, _: click.Parameter, begun: str) -> list[CompletionItem[str]]:
        return [CompletionItem(value, help=about) for value, about in complete(context, begun)]

    return offer
