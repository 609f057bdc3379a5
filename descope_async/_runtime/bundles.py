"""What cannot work in a bundle, said in a sentence."""

from __future__ import annotations

from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from zipimport import zipimporter


def refuse_zip(spec: ModuleSpec | None) -> None:
    """Refuse to be imported out of a zip file with all that it needs, as by a plain zipapp.

    Args:
        spec: The package's own.

    Raises:
        ImportError: The compiled parts of cryptography are in the zip file, where no system can
            load them.
    """
    if spec is None or not isinstance(spec.loader, zipimporter):
        return
    compiled = find_spec("cryptography")
    if compiled is None or isinstance(compiled.loader, zipimporter):
        raise ImportError(
            f"{spec.name} cannot be run out of a zip file: it needs cryptography, whose compiled "
            "parts must be files. Bundle with shiv or pex, which unpack themselves, or unpack it"
        )
