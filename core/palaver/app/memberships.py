"""The question of `palaver init` in which of its servers a bot shall answer."""

from collections.abc import Callable, Sequence

import click

from palaver.app.output import printable
from palaver.errors import ConfigError
from palaver.frontends.setup import Account, FrontendSetup, Membership

NONE = "none"
_ALL = "all"

Look = Callable[[], Sequence[Membership]]
Try = Callable[[Sequence[int]], None]
Complain = Callable[[ConfigError], None]


def ask(
    setup: FrontendSetup, account: Account, look: Look, attempt: Try, complain: Complain
) -> tuple[int, ...]:
    """The ids of those that are chosen, and in which it can be at work; empty for none.

    Args:
        look: what the account is in now.
        attempt: raises a ConfigError if it cannot be at work in all of these.
    """
    word = setup.membership_word
    click.echo(f"\nIt answers in the {word} that you choose here, and in private chats.")
    if account.link:
        click.echo(f"This link lets it in: {account.link}")
    while not _said_none(f"Press Enter when it is in (or write “{NONE}”)"):
        found = look()
        if not found:
            click.echo(f"It is in no {word} yet.")
            continue
        try:
            attempt(chosen := _choose(found))
        except ConfigError as error:
            complain(error)
        else:
            return chosen
    return ()


def unnamed(setup: FrontendSetup, found: Sequence[Membership]) -> str:
    """What to say where nothing is named, and nobody can be asked."""
    word, setting = setup.membership_word, setup.membership_setting
    there = ", ".join(f"{printable(one.name)} is {one.id}" for one in found)
    return (
        f"It answers in private chats alone. To have it answer in {word}, too, name their ids as "
        f"`{setting}` below [plugins.{setup.name}]: {there or f'it is in no {word} yet'}."
    )


def _said_none(question: str) -> bool:
    answer = click.prompt(question, default="", show_default=False)
    return str(answer).strip().lower() == NONE


def _choose(found: Sequence[Membership]) -> tuple[int, ...]:
    click.echo("It is in:")
    for number, one in enumerate(found, 1):
        click.echo(f"  {number}. {printable(one.name)}")
    while True:
        answer = click.prompt("Where shall it answer? Numbers, with commas between", default=_ALL)
        words = [word.strip().lower() for word in answer.split(",")]
        if words == [_ALL]:
            return tuple(one.id for one in found)
        if all(word.isdecimal() and 1 <= int(word) <= len(found) for word in words):
            return tuple(dict.fromkeys(found[int(word) - 1].id for word in words))
        click.echo(f"Numbers from 1 to {len(found)}, or {_ALL}.", err=True)
