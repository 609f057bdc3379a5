"""The generator of descope_sync, which is no part of what is installed.

`source` reads the core, `names`, `parameters`, `classes` and `modules` render its blocking twin, and `command` writes or
checks the result. `facades` says what is to be generated. Nothing here imports either package, so
that it works while one of them is broken.
"""
