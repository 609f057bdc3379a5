"""What PyInstaller must take along for descope_sync."""  # noqa: N999 - PyInstaller looks for this name

from __future__ import annotations

from descope_async._pyinstaller import files_of, modules_of

#: What is imported by name when it is first asked for.
hiddenimports = modules_of("descope_sync")
datas = files_of("descope_sync")
