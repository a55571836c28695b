"""What `palaver access` does, on the store alone: no engine need run."""

import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import click

from palaver.access import Role, granted_role, listed_role
from palaver.app.output import print_json, print_table
from palaver.app.runtime import Runtime
from palaver.config import Settings, config_path
from palaver.errors import CommandError, InvalidNamespaceError
from palaver.identity import Namespace
from palaver.models import Grant
from palaver.pairing import NewCode, Pairing
from palaver.plugins import installed_plugins
from palaver.store import Store

_PATTERN = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Entry:
    """One reason why somebody is let in.

    Attributes:
        who: a namespace, or a pattern of the settings.
        source: what lets them in.
    """

    who: str
    role: Role
    source: str
    since: datetime | None = None


@contextlib.asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Store]:
    """The store of these settings, without an engine."""
    location: Path | str = settings.data_dir / "palaver.db"
    if settings.database:
        location = settings.database.get_secret_value()
    store = await Store.open(location)
    try:
        yield store
    finally:
        await store.close()


async def show(runtime: Runtime, *, as_json: bool) -> None:
    """Print who is let in, and how many codes wait."""
    async with open_store(runtime.settings()) as store:
        grants = await store.grants.all()
        waiting = await Pairing(store.grants).waiting()
    entries = [*_listed(runtime), *map(_granted, grants)]
    if as_json:
        for entry in entries:
            print_json(
                {
                    "namespace": entry.who,
                    "role": entry.role.name.lower(),
                    "from": entry.source,
                    "since": entry.since.isoformat() if entry.since else None,
                }
            )
        return
    rows = [(one.who, one.role.name.lower(), one.source, local(one.since)) for one in entries]
    print_table(("WHO", "ROLE", "FROM", "SINCE"), rows)
    if waiting:
        codes = "1 pairing code waits" if len(waiting) == 1 else f"{len(waiting)} codes wait"
        click.echo(f"\n{codes} to be sent, the next until {local(waiting[0])}.")


async def allow(runtime: Runtime, namespace: Namespace, *, owner: bool) -> None:
    """Grant, and say what that changes."""
    if _PATTERN & set(namespace.user):
        problem = f"{namespace} is a pattern; only one at a time is let in here."
        raise CommandError(problem, hint="Patterns go below [access] in palaver.toml.")
    _warn_of_unknown(namespace.frontend)
    grant = Grant(namespace=namespace, owner=owner)
    async with open_store(runtime.settings()) as store:
        before = await store.grants.allow(grant)
    was = f" (was {_a(granted_role(before))})" if before and before.owner != owner else ""
    click.echo(f"{namespace} is {_a(granted_role(grant))} now{was}.")
    listed = listed_role(runtime.settings().access, namespace)
    if listed and listed > granted_role(grant):
        click.echo(f"The settings make it {_a(listed)} all the same.")


async def revoke(runtime: Runtime, namespace: Namespace) -> None:
    """Take a grant back.

    Raises:
        CommandError: if there is none.
    """
    settings = runtime.settings()
    listed = listed_role(settings.access, namespace)
    remains = (
        f"The settings let it in all the same, as {_a(listed)}: change [access] in "
        f"{config_path(runtime.config)} and start `palaver serve` again."
        if listed
        else ""
    )
    async with open_store(settings) as store:
        if not await store.grants.revoke(namespace):
            problem = f"{namespace} was granted nothing."
            raise CommandError(problem, hint=remains or "See `palaver access list`.")
    click.echo(f"{namespace} is granted nothing any more; a turn that runs is stopped.")
    if remains:
        click.secho(remains, err=True, fg="yellow")


async def pair(runtime: Runtime, *, owner: bool, frontend: str) -> None:
    """Make a code and show it."""
    if frontend:
        _check_frontend(frontend)
    code = await make_code(runtime.settings(), owner=owner, frontend=frontend)
    bot = f"the bot of {frontend}" if frontend else "the bot"
    click.echo(told(code, Role.OWNER if owner else Role.MEMBER, bot))


async def make_code(settings: Settings, *, owner: bool, frontend: str) -> NewCode:
    """A new pairing code.

    Raises:
        PairingFullError: if too many wait already.
    """
    async with open_store(settings) as store:
        return await Pairing(store.grants).make(owner=owner, frontend=frontend)


def told(code: NewCode, role: Role, bot: str) -> str:
    """The words with which a code is shown: the one place where it can be read."""
    return (
        f"Pairing code: {click.style(code.text, bold=True)}\n\n"
        f"Send it to {bot} in a private chat, as it is or as /pair {code}, until "
        f"{local(code.expires)}.\nWho sends it first becomes {_a(role)}; after that it is used up."
    )


async def cancel_codes(runtime: Runtime) -> None:
    """Take all codes back."""
    async with open_store(runtime.settings()) as store:
        count = await Pairing(store.grants).cancel()
    click.echo(f"Taken back: {count} pairing code{'' if count == 1 else 's'}.")


def local(time: datetime | None) -> str:
    """As the clock on the wall has it."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M") if time else ""


def _listed(runtime: Runtime) -> Iterator[Entry]:
    lists = runtime.settings().access
    for name, role in (("owners", Role.OWNER), ("members", Role.MEMBER)):
        source = "the default"
        if f"PALAVER_ACCESS__{name.upper()}" in os.environ or "PALAVER_ACCESS" in os.environ:
            source = "the environment"
        elif name in lists.model_fields_set:
            source = config_path(runtime.config).name
        for pattern in getattr(lists, name):
            yield Entry(pattern, role, source)


def _granted(grant: Grant) -> Entry:
    source = "a pairing code" if grant.paired else "palaver access allow"
    return Entry(str(grant.namespace), granted_role(grant), source, grant.created)


def _a(role: Role) -> str:
    return "an owner" if role is Role.OWNER else "a member"


def _check_frontend(frontend: str) -> None:
    try:
        Namespace(frontend, "somebody")
    except InvalidNamespaceError:
        hint = "It is the name before the colon, as in telegram:12345."
        raise CommandError(f"{frontend!r} is no name of a frontend.", hint=hint) from None
    _warn_of_unknown(frontend)


def _warn_of_unknown(frontend: str) -> None:
    """A slip of the pen would let in nobody, without a word."""
    names = sorted(info.name for info in installed_plugins())
    if frontend not in names:
        words = f"No plugin is called {frontend!r}; there are: {', '.join(names)}."
        click.secho(words, err=True, fg="yellow")
