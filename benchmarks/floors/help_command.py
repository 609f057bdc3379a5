"""The floor of `descope-keys --help`: click alone, with as many commands and a sentence for each.

It has no panels and none of the package's own modules, looks for no secrets among its arguments, and
explains no failure.
"""

import click

_COMMANDS = 30

group = click.Group("keys", help="Access keys on the command line.")
for number in range(_COMMANDS):
    group.add_command(click.Command(f"command-{number}", help="Do something to all access keys."))
group.main(["--help"])
