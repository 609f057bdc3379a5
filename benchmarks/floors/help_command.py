"""The floor of `descope-keys --help`: the libraries that make a command line."""

import rich  # noqa: F401 - what takes the time
import typer  # noqa: F401 - as above
