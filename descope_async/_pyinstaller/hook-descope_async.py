"""What PyInstaller must take along for descope_async."""  # noqa: N999 - PyInstaller looks for this name

from __future__ import annotations

from descope_async._pyinstaller import files_of, modules_of

#: What is imported by name when it is first asked for.
hiddenimports = [
    *modules_of("descope_async"),
    "descope_async._tokens.proof_key",
    "descope_async.secret_stores._reference",
    "anyio._backends._asyncio",
]
datas = files_of("descope_async")
