"""The certificate authorities that this machine names, by its environment and its system."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeVar

from attrs import field, frozen

from descope_async.errors import ConfigurationError

T = TypeVar("T")

_FILE, _FOLDERS = "SSL_CERT_FILE", "SSL_CERT_DIR"
#: What names the system's own file and folder.
_SYSTEM: Final = "OpenSSL"
#: Other libraries' variables. Only the first of them that is set counts.
_BUNDLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
#: OpenSSL finds the certificates of a folder by names that it makes of their subjects.
_HASHED: Final = re.compile(r"[0-9a-f]{8}\.[0-9]+")
_NOBODY: Final = (
    "this machine knows no certificate authority, so nobody can be trusted: install the package "
    "ca-certificates (for Python of python.org on macOS, run Install Certificates.command), or name "
    "a file of certificates in SSL_CERT_FILE"
)
#: A file of so many bytes is loaded quickly. A larger one is not, if its first so many bytes have the
#: beginning of a certificate.
_SMALL: Final = 32 * 1024
_PEM: Final = b"-----BEGIN "
#: So many contexts are kept: one for each environment in which clients are made or used.
_KEPT: Final = 8


@frozen
class _Source:
    """A file or a folder of certificates.

    Attributes:
        path: Where it is.
        variable: What names it.
        seen: When it was changed, and its size: a file that was replaced is another source.
    """

    path: Path
    variable: str = field(eq=False)
    seen: tuple[int, int]


@frozen(eq=False, repr=False)
class _Trust:
    context: ssl.SSLContext
    is_empty: bool


def check_environment() -> None:
    """Look at what the environment names. All authorities are loaded when they are needed.

    Raises:
        ConfigurationError: A named file or folder cannot be used. A large file is not read to its end
            for that.
    """
    if any(os.environ.get(name) for name in (_FILE, _FOLDERS, *_BUNDLES)):
        _, sources = _named()
        _refuse_unhashed(sources)
        for each in sources:
            _look_at(each)


def load_authorities() -> None:
    """Load the authorities, so that connecting need not wait for that.

    Raises:
        ConfigurationError: As `check_environment`.
    """
    _trust()


def default_context() -> ssl.SSLContext:
    """The context of a client that was given none, by the environment as it is now.

    As in OpenSSL, ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` take the places of the system's file and
    folder. Beside these, the authorities in ``REQUESTS_CA_BUNDLE`` are trusted, or without it those
    in ``CURL_CA_BUNDLE``. Once truststore is injected, the system's store counts as well.

    Raises:
        ConfigurationError: A named file or folder cannot be used, or there is no authority at all.
    """
    trust = _trust()
    if trust.is_empty:
        raise ConfigurationError(_NOBODY)
    return trust.context


def naming_variables() -> tuple[str, ...]:
    """The environment variables that name authorities, and count now.

    Raises:
        ConfigurationError: A named file or folder cannot be used.
    """
    _, sources = _named()
    return tuple(dict.fromkeys(each.variable for each in sources if each.variable != _SYSTEM))


def _trust() -> _Trust:
    is_system, sources = _named()
    return _loaded(ssl.SSLContext, is_system, sources)


def _named() -> tuple[bool, tuple[_Source, ...]]:
    """Whether the system's authorities count, and the files and folders of others."""
    file, folders = os.environ.get(_FILE), os.environ.get(_FOLDERS)
    sources: list[_Source] = []
    is_system = file is None and folders is None
    if not is_system:
        system = ssl.get_default_verify_paths()
        sources += _file(file) if file else _found(Path(system.openssl_cafile))
        sources += _folders(folders) if folders else _found(Path(system.openssl_capath))
    bundle = next((name for name in _BUNDLES if os.environ.get(name)), None)
    if bundle is not None:
        sources.append(_source(bundle, Path(os.environ[bundle])))
    # On Windows the system's store is no file, so that nothing takes its place. truststore puts a
    # class of its own in the place of this one, at any time.
    is_system = is_system or os.name == "nt" or not sources
    return is_system, tuple(dict.fromkeys(sources))


@lru_cache(_KEPT)
def _loaded(_class: type, is_system: bool, sources: tuple[_Source, ...]) -> _Trust:
    """A context that trusts these, and perhaps the system's. To load one takes 20 ms and more."""
    _refuse_unhashed(sources)
    further = list(sources)
    if is_system:
        context = ssl.create_default_context()
    else:
        context = _read(further.pop(0), ssl.create_default_context)
    for source in further:
        _read(source, context.load_verify_locations)
    context.set_alpn_protocols(("http/1.1",))
    # RFC 9525 section 2: the host's name is in subjectAltName. Python would take a common name, too.
    context.hostname_checks_common_name = False
    folders = [each.path for each in sources]
    if is_system and (found := ssl.get_default_verify_paths().capath):
        folders.append(Path(found))
    # Nobody knows whom the class of another library trusts.
    is_empty = type(context).__module__ == "ssl" and not context.get_ca_certs()
    return _Trust(context, is_empty and not any(map(_has_hashed, folders)))


def _look_at(source: _Source) -> None:
    """Refuse a file that has no certificate."""
    if not _begins_with_pem(source):
        _read(source, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations)


def _begins_with_pem(source: _Source) -> bool:
    """Whether a file is large, and begins with PEM."""
    _, size = source.seen
    if size <= _SMALL or _is_folder(source.path):
        return False
    try:
        with source.path.open("rb") as file:
            return _PEM in file.read(_SMALL)
    except OSError as error:
        raise _unusable(source.variable, source.path, error) from None


def _refuse_unhashed(sources: Iterable[_Source]) -> None:
    """Refuse a named folder in which OpenSSL would find nothing, without a word.

    One that is empty does no harm where another folder of the same variable has certificates.
    """
    folders = [each for each in sources if each.variable != _SYSTEM and _is_folder(each.path)]
    for each in folders:
        names = _names(each.path)
        if names is None or any(_HASHED.fullmatch(name) for name in names):
            continue
        others = [other for other in folders if other.variable == each.variable]
        if names or not any(_has_hashed(other.path) for other in others):
            raise ConfigurationError(
                f"{each.variable} names {each.path}, where no certificate has the name by which OpenSSL "
                f"finds it: run openssl rehash {each.path}, or name a file of certificates"
            )


def _read(source: _Source, read: Callable[..., T]) -> T:
    is_folder = _is_folder(source.path)
    file, folder = (None, source.path) if is_folder else (source.path, None)
    try:
        return read(cafile=file, capath=folder)
    except OSError as error:  # an SSLError as well
        raise _unusable(source.variable, source.path, error) from None


def _file(named: str) -> list[_Source]:
    if _is_folder(named):
        raise ConfigurationError(f"{_FILE} names {named}, a folder: name it in {_FOLDERS}")
    return [_source(_FILE, Path(named))]


def _folders(named: str) -> list[_Source]:
    there = [Path(each) for each in named.split(os.pathsep) if each and _is_folder(each)]
    if not there:
        raise _quoted(_FOLDERS, named) or ConfigurationError(
            f"{_FOLDERS} names {named}, where there is no folder"
        )
    return [_source(_FOLDERS, each) for each in there]


def _is_folder(path: str | Path) -> bool:
    # Before Python 3.14, Path.is_dir raises for a name that is too long or may not be looked at.
    return os.path.isdir(path)  # noqa: PTH112 - for that


def _found(path: Path) -> list[_Source]:
    """The system's file or folder, if there is one."""
    return [_source(_SYSTEM, path)] if os.path.exists(path) else []  # noqa: PTH110 - as in _is_folder


def _source(variable: str, path: Path) -> _Source:
    try:
        about = path.stat()
    except OSError as error:
        raise _unusable(variable, path, error) from None
    return _Source(path, variable, (about.st_mtime_ns, about.st_size))


def _unusable(variable: str, path: Path, error: OSError) -> ConfigurationError:
    # The text of an SSLError names OpenSSL's code, and not what is wrong with the file.
    is_no_pem = isinstance(error, ssl.SSLError)
    reason = "it has no certificates in PEM" if is_no_pem else error.strerror
    return _quoted(variable, str(path)) or ConfigurationError(
        f"{variable} names {path}, which cannot be used: {reason}"
    )


def _quoted(variable: str, named: str) -> ConfigurationError | None:
    """The error for a path that stands in quotes; None for another one."""
    if not named.startswith(('"', "'")):
        return None
    return ConfigurationError(
        f"{variable} names {named} in quotes, which are a part of the name here: leave them out"
    )


def _has_hashed(folder: Path) -> bool:
    return any(_HASHED.fullmatch(name) for name in _names(folder) or ())


def _names(folder: Path) -> list[str] | None:
    """What is in a folder; None where that may not be seen, which OpenSSL need not."""
    try:
        return os.listdir(folder)  # noqa: PTH208 - names are all that counts
    except OSError:
        return None
