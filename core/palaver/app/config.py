"""`palaver config`: show what counts, and check all of it."""

import sys

import click

from palaver.app.runtime import Runtime


@click.group(short_help="Show or check the configuration.")
def config() -> None:
    """Show or check the configuration."""


@config.command()
@click.pass_obj
def show(runtime: Runtime) -> None:
    """Show all settings as they count now, as TOML; secrets are hidden.

    Environment variables win over the file, the file over the defaults.
    """
    from palaver.app import config_work, logs

    if not runtime.verbose:
        logs.leave_plugins_out()
    click.echo(config_work.shown(runtime), nl=False)


@config.command()
@click.pass_obj
def check(runtime: Runtime) -> None:
    """Check every table, also those of plugins and agents.

    The exit code is 0 if all of it holds, else 78.
    """
    from palaver.app import config_work, logs

    if not runtime.verbose:
        logs.leave_plugins_out()
    problems = config_work.problems(runtime)
    for problem in problems:
        click.secho(problem.message, err=True, fg="red")
        if problem.hint != type(problem).hint:  # which is to run this very command
            click.echo(f"  {problem.hint}", err=True)
    if problems:
        sys.exit(problems[0].exit_code)
    click.echo(f"{config_work.source(runtime)}: all of it holds.")
