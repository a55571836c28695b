"""`python -m palaver.app`: the `palaver` command."""

from palaver.app.main import cli

cli(prog_name="palaver")
