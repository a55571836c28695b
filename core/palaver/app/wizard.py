"""The dialogue of `palaver init`."""

import asyncio
import importlib
import os
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import click
from pydantic import BaseModel, SecretStr

from palaver.access import Role
from palaver.app import config_file, memberships
from palaver.app.access_work import local, make_code, told
from palaver.app.config_work import bare
from palaver.app.logs import Aside
from palaver.app.output import printable
from palaver.app.runtime import Runtime, run
from palaver.app.terminal import is_interactive
from palaver.config import SecretSettings, Settings, config_path, load_settings
from palaver.errors import CommandError, ConfigError, PalaverError, PluginError
from palaver.frontends.setup import Account, FrontendSetup, Membership
from palaver.models import Grant
from palaver.pairing import NewCode
from palaver.plugins import PluginHost, PluginState

CHECK_LIMIT_S = 20.0
"""Seconds that a chat may take to say whether it knows a token."""
_ATTEMPTS = 3

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Options:
    """What was said on the command line."""

    frontends: tuple[str, ...] = ()
    token_files: Mapping[str, Path] = field(default_factory=dict)
    yes: bool = False
    pair: bool = True
    wait: bool | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A frontend that is set up.

    Attributes:
        table: its settings, as they were tried.
        token: to be written into a file of its own.
        token_file: to be used where it is. With neither, all stays where it was.
        named: what is to be added to the setting for its memberships.
    """

    setup: FrontendSetup
    account: Account
    table: SecretSettings
    token: SecretStr | None = None
    token_file: Path | None = None
    named: tuple[int, ...] = ()


async def checked(setup: FrontendSetup, settings: BaseModel, host: PluginHost) -> Account:
    """Try a token.

    Raises:
        ConfigError: if it is missing or refused.
        PluginError: if the frontend's library is not installed.
        PalaverError: if the chat cannot be reached.
    """
    return await _in_time(setup, setup.check(settings), host)


async def found_memberships(
    setup: FrontendSetup, settings: BaseModel, host: PluginHost
) -> Sequence[Membership]:
    """What a token's account is in; raises as `checked` does."""
    return await _in_time(setup, setup.memberships(settings), host)


async def _in_time(setup: FrontendSetup, asking: Awaitable[T], host: PluginHost) -> T:
    try:
        async with asyncio.timeout(CHECK_LIMIT_S):
            return await asking
    except TimeoutError:
        problem = f"{setup.title} has not answered in {CHECK_LIMIT_S:.0f} seconds."
        raise PalaverError(problem, hint="Is this machine online?") from None
    except ImportError as error:
        problem, hint = host.explain(setup.name, error)
        raise PluginError(setup.name, problem, hint=hint) from error


class Wizard:
    """Asks, tries, writes, pairs.

    Args:
        log: keeps what would be logged between the wizard's lines; None if it is logged.
    """

    def __init__(self, runtime: Runtime, options: Options, log: Aside | None = None) -> None:
        self._runtime = runtime
        self._options = options
        self._log = log or Aside()
        self._file = config_path(runtime.config)
        self._asks = is_interactive()
        # the file that it is about to make need not be there
        self._settings = load_settings(runtime.config, missing_ok=True)
        self._host = PluginHost(self._settings)

    def run(self) -> None:
        """All of it.

        Raises:
            CommandError: if something must be asked, and nobody is there.
            ConfigError, PluginError, PalaverError: why a frontend cannot be set up.
        """
        self._host.load()
        setups = self._host.setups()
        names = self._choose(setups)
        for name in names:
            self._need(setups[name])
        self._may_change()
        answers = [self._placed(self._set_up(setups[name])) for name in names]
        self._write(answers)
        if self._options.pair:
            self._pair(answers)
        click.echo("\nNext:")
        click.echo("  palaver doctor   looks whether everything else is well, too")
        click.echo(
            "  palaver serve    runs your chats until you stop it; the bot answers while it runs"
        )
        click.echo(f"\nThe agent works in {self._workspace()}.")
        click.echo("Another folder is set with `workspace`, below [sessions] in palaver.toml.")

    def _workspace(self) -> str:
        folder = self._settings.sessions.workspace
        if folder:
            return str(folder)
        return f"a new folder for each user, in {self._settings.data_dir / 'workspaces'}"

    # --- which frontends ------------------------------------------------------------------------

    def _choose(self, setups: Mapping[str, FrontendSetup]) -> list[str]:
        names = list(dict.fromkeys(self._options.frontends))
        if not names:
            if not self._asks:
                hint = f"Add --frontend NAME; there are: {', '.join(sorted(setups)) or 'none'}."
                raise CommandError("There is nobody to ask which chats you want.", hint=hint)
            names = self._ask_names(setups)
        for name in names:
            if name not in setups:
                raise self._no_setup(name, setups)
        return names

    def _ask_names(self, setups: Mapping[str, FrontendSetup]) -> list[str]:
        click.echo("Which chats do you want to talk from? (The terminal is always there.)")
        for name, setup in sorted(setups.items()):
            click.echo(f"  {name:<12} {setup.title}")
        default = "telegram" if "telegram" in setups else min(setups, default=None)
        answer = click.prompt("Names, with commas between", default=default)
        return list(dict.fromkeys(name.strip().lower() for name in answer.split(",")))

    def _need(self, setup: FrontendSetup) -> None:
        """Raise what is to be installed, if something is: no token could be tried without."""
        try:
            for library in setup.libraries:
                importlib.import_module(library)
        except ImportError as error:
            problem, hint = self._host.explain(setup.name, error)
            raise PluginError(setup.name, problem, hint=hint) from error

    def _no_setup(self, name: str, setups: Mapping[str, FrontendSetup]) -> PalaverError:
        info = self._host.get(name)
        if info and info.state is PluginState.FAILED:
            return PluginError(name, info.error, hint=info.hint)
        hint = f"There are: {', '.join(sorted(setups)) or 'none'}. See `palaver plugins`."
        return CommandError(f"No plugin can set up a frontend {name!r}.", hint=hint)

    def _may_change(self) -> None:
        """Raise if there is a file that is not to be touched; nothing has been done yet."""
        if self._options.yes or not self._file.exists():
            return
        if not self._asks:
            hint = "To have it changed, add --yes; what is in it stays."
            raise CommandError(f"{self._file} is there already.", hint=hint)
        click.echo(f"\n{self._file} is there already. What is in it stays; frontends are added.")
        click.confirm("Go on?", default=True, abort=True)

    # --- one frontend ---------------------------------------------------------------------------

    def _set_up(self, setup: FrontendSetup) -> Answer:
        click.secho(f"\n{setup.title}", bold=True)
        table = self._host.table(setup.name)
        if not isinstance(table, SecretSettings):
            raise PluginError(setup.name, "its settings take no token")
        if file := self._options.token_files.get(setup.name):
            tried = table.model_copy(update={"token": None, "token_file": file})
            return Answer(setup, self._try(setup, tried), tried, token_file=file)
        if table.token or table.token_file:
            if answer := self._keep(setup, table):
                return answer
        elif not self._asks:
            variable = f"PALAVER_PLUGINS__{setup.name.upper()}__TOKEN"
            hint = f"Add --token-file {setup.name}=FILE, or set {variable}."
            raise CommandError(f"There is nobody to ask for {setup.title}'s token.", hint=hint)
        return self._ask_token(setup, table)

    def _keep(self, setup: FrontendSetup, table: SecretSettings) -> Answer | None:
        """Use the token that is set already; None if another one is wanted."""
        prefix = f"PALAVER_PLUGINS__{setup.name.upper()}"
        fixed = any(name.startswith(prefix) and "TOKEN" in name for name in os.environ)
        try:
            answer = Answer(setup, self._try(setup, table), table)
        except ConfigError as error:
            if fixed or not self._asks:
                raise
            self._complain(error)
            return None
        if fixed or not self._asks or click.confirm("Keep its token?", default=True):
            return answer
        return None

    def _ask_token(self, setup: FrontendSetup, table: SecretSettings) -> Answer:
        for number, step in enumerate(setup.steps, 1):
            click.echo(f"  {number}. {step}")
        for attempt in range(1, _ATTEMPTS + 1):
            # not shown as it is typed, so that nobody reads along
            text = click.prompt("Token (it is not shown)", hide_input=True).strip()
            token = SecretStr(text)
            try:
                tried = table.model_copy(update={"token": token, "token_file": None})
                return Answer(setup, self._try(setup, tried), tried, token=token)
            except ConfigError as error:
                if attempt == _ATTEMPTS:
                    raise
                self._complain(error)
        raise AssertionError("the last attempt returns or raises")

    def _try(self, setup: FrontendSetup, table: SecretSettings) -> Account:
        account = run(checked(setup, table, self._host))
        click.echo(f"This is {click.style(account.name, bold=True)}.")
        return account

    def _placed(self, answer: Answer) -> Answer:
        """With what its account is in, and where it shall answer, if that must be named."""
        setup, setting = answer.setup, answer.setup.membership_setting
        if not setting or getattr(answer.table, setting):
            return answer

        def look() -> Sequence[Membership]:
            return run(found_memberships(setup, answer.table, self._host))

        def attempt(named: Sequence[int]) -> None:
            tried = answer.table.model_copy(update={setting: tuple(named)})
            run(checked(setup, tried, self._host))

        if not self._asks:
            click.echo(memberships.unnamed(setup, look()))
            return answer
        named = memberships.ask(setup, answer.account, look, attempt, self._complain)
        return replace(answer, named=named)

    def _complain(self, error: PalaverError) -> None:
        problem = bare(error) if isinstance(error, ConfigError) else error.message
        click.secho(problem, err=True, fg="red")
        click.echo(error.hint, err=True)

    # --- what is written ------------------------------------------------------------------------

    def _write(self, answers: Sequence[Answer]) -> None:
        files = {}
        for answer in answers:
            name = answer.setup.name
            if answer.token:
                files[name] = config_file.token_file(self._file, name)
                config_file.write_secret(files[name], answer.token.get_secret_value())
            elif answer.token_file:
                files[name] = answer.token_file
        added = {
            answer.setup.name: {answer.setup.membership_setting: answer.named}
            for answer in answers
            if answer.named
        }
        config_file.write_config(
            self._file, [answer.setup.name for answer in answers], files, added
        )
        click.echo(f"\nWritten: {self._file}")
        for answer in answers:
            if answer.token:
                click.echo(f"         {files[answer.setup.name]}")

    # --- pairing --------------------------------------------------------------------------------

    def _pair(self, answers: Sequence[Answer]) -> None:
        settings = load_settings(self._file)
        names = [answer.setup.name for answer in answers]
        code = run(make_code(settings, owner=True, frontend=names[0] if len(names) == 1 else ""))
        bots = " or ".join(answer.account.name for answer in answers)
        click.echo(f"\n{told(code, Role.OWNER, bots)}")
        for answer in answers:
            if link := answer.account.link_with(code.text):
                click.echo(f"With this link it is only a tap: {link}")
        wait = self._options.wait
        if wait is None and self._asks:
            wait = click.confirm("\nWait here until you have sent it?", default=True)
        grant = self._wait(settings, names, code) if wait else None
        if grant:
            click.secho(f"{grant.namespace} is an owner now.", fg="green")
        else:
            click.echo(f"Send it while `palaver serve` runs; it holds until {local(code.expires)}.")

    def _wait(self, settings: Settings, names: Sequence[str], code: NewCode) -> Grant | None:
        from palaver.app.pairing_wait import wait_for

        def ready() -> None:
            click.echo("The bot listens now. If you sent the code before, send it again.")

        click.echo("Waiting for the code; Ctrl-C to wait no longer.")
        self._log.last = ""
        try:
            return run(wait_for(settings, names, code, ready))
        except KeyboardInterrupt:
            click.echo()
        except PalaverError as error:
            self._complain(error)
        if self._log.last:
            click.echo(f"While it waited: {printable(self._log.last)}", err=True)
        return None
