"""Whose terminal this is."""

import os
import pwd
from pathlib import Path

import pytest

from palaver import ConversationId, Namespace
from palaver_cli import identity, plugin

HERE = ConversationId("/somewhere")


def test_the_namespace_is_the_systems_name_for_the_user() -> None:
    assert identity.namespace() == Namespace("cli", pwd.getpwuid(os.getuid()).pw_name)


def test_variables_that_anybody_can_set_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = identity.namespace()
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    assert identity.namespace() == before


def test_two_users_have_two_namespaces() -> None:
    first, second = pwd.getpwall()[:2]
    assert identity.namespace(first.pw_uid) != identity.namespace(second.pw_uid)


def test_a_user_without_a_name_goes_by_the_number() -> None:
    unknown = max(entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid < 2**31) + 12345
    assert identity.namespace(unknown) == Namespace("cli", str(unknown))


async def test_only_ones_own_namespace_is_let_in() -> None:
    own = identity.namespace()
    assert await plugin.on_authorize(own, HERE) is True
    for stranger in (Namespace("cli", own.user + "x"), Namespace("telegram", own.user)):
        assert await plugin.on_authorize(stranger, HERE) is None


def test_the_working_directory_is_conversation_and_workspace() -> None:
    prompt = identity.prompt("hello", Path("/somewhere"))
    assert (prompt.conversation, prompt.workspace) == ("/somewhere", Path("/somewhere"))
