"""Where the secret of an access key is, and how to write it to a file.

`SecretReference` says where a secret is, as ``scheme:location``: a token source reads it from there.
`write_secret` writes one to a file that nobody else can read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final, cast

from attrs import frozen

from descope_async._files.paths import file_path
from descope_async._files.private_files import Access, write_whole
from descope_async._values.secret import Secret
from descope_async._values.value import Buildable
from descope_async.errors import InvalidArgument

from . import SecretStoreError, open_store, read_secret
from . import _stored_text as stored_text
from ._schemes import SCHEMES

__all__ = ["SecretReference", "write_secret"]

#: Can be written to only.
_UNREADABLE: Final = frozenset({"exec"})


@frozen(eq=False, repr=False)
class SecretReference(Buildable):
    """Where the secret of an access key is. It holds no secret, so it may be printed and logged.

    Make one with `parse`, from ``scheme:location``:

    - ``env:NAME``: an environment variable, or the file that ``NAME_FILE`` names;
    - ``file:PATH``: a file with the secret and nothing else, or with the JSON that a sink writes;
    - ``dotenv:FILE#NAME``: a line of a file of ``NAME=value`` lines;
    - ``jsonl:FILE#KEY-ID``: the last line about a key in a file of JSON lines;
    - ``keyring:SERVICE/NAME``: the operating system's keyring; needs the extra ``keyring``.

    References that are written alike are equal.

    Attributes:
        scheme: What kind of place it is, such as ``"file"``.
        location: Which place of that kind.
    """

    scheme: str
    location: str

    @classmethod
    def parse(cls, text: str) -> SecretReference:
        """The reference that is written as ``scheme:location``. Reads nothing yet.

        Raises:
            InvalidArgument: It is none. The message shows no part of it but its scheme: it might be
                a secret.
            ConfigurationError: The location is incomplete, or a library is missing.
        """
        schemes = ", ".join(f"{scheme}:" for scheme in SCHEMES if scheme not in _UNREADABLE)
        given: Secret[object] = Secret(text)
        del text  # it may be the secret itself
        if not isinstance(given.reveal(), str):
            kind = type(given.reveal()).__name__
            raise InvalidArgument(f"a reference must be a string, not {kind}")
        scheme, location = _parts(given)
        if scheme in _UNREADABLE:
            raise InvalidArgument(f"{scheme}: can only be written to, so no secret is read from it")
        if not location:
            raise InvalidArgument(
                "a reference says where a secret is, as scheme:location, such as "
                f"file:/run/secrets/access-key; it begins with one of {schemes}"
            )
        if "{" in location:
            raise InvalidArgument(
                f"{scheme}: a reference names one place, without {{id}} or {{label}}"
            )
        open_store(f"{scheme}:{location}")
        return cls(scheme, location)

    @classmethod
    def _accept(cls, given: object) -> Any:
        if isinstance(given, Mapping):
            reference = super()._accept(cast("object", given))
            return cls.parse(f"{reference.scheme}:{reference.location}")
        return cls.parse(given) if isinstance(given, str) else super()._accept(given)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: object, handler: object) -> dict[str, Any]:
        described = super().__get_pydantic_json_schema__(schema, handler)
        if getattr(handler, "mode", None) == "serialization":
            return described
        return {"anyOf": [{"type": "string", "title": "scheme:location"}, described]}

    def read(self) -> str:
        """The secret that is there now. It may block for a while.

        Raises:
            SecretStoreError: There is none, or it cannot be read, or what is there is no secret.
            ConfigurationError: A library is missing, or the environment is not clear.
        """
        place = str(self)
        found = read_secret(place)
        problem = stored_text.problem(found)
        if problem is None:
            return stored_text.cleaned(found)
        del found
        raise SecretStoreError(place, f"what it holds {problem}")

    def __str__(self) -> str:
        return f"{self.scheme}:{self.location}"


def _parts(given: Secret[object]) -> tuple[str, str]:
    """The scheme and the location; both empty for what is no reference, and may be a secret."""
    scheme, _, location = str.strip(cast("str", given.reveal())).partition(":")
    return (scheme, location) if scheme in SCHEMES else ("", "")


def write_secret(path: str | os.PathLike[str], secret: str) -> None:
    """Write a secret to a file, for this user alone, whole or not at all.

    The file has the mode 0600 and holds the secret and nothing else. It takes the place of an
    older one at once and durably: a reader finds the old secret or the new one, never a part. On
    Windows there are no such modes; the file gets the permissions of its folder, so close that.

    Args:
        path: The file. Its folder must be there.
        secret: What `create` or `rotate` returned as ``cleartext``.

    Raises:
        InvalidArgument: It cannot be the secret of a key, or the path not one of a file.
        ConfigurationError: The path begins with ``~``, and there is no such home folder.
        SecretStoreError: The file cannot be written; an older one is as it was.
    """
    given = Secret(secret)
    del secret  # no traceback shall show it
    if problem := stored_text.problem(given.reveal()):
        raise InvalidArgument(f"secret {problem}")
    target = file_path("path", path)
    try:
        write_whole(
            target.parent.resolve() / target.name,
            stored_text.cleaned(given.reveal()).encode(),
            Access(),
            overwrite=True,
        )
    except OSError as error:
        reason = error.strerror or type(error).__name__
    else:
        return
    raise SecretStoreError(f"file:{target}", reason)
