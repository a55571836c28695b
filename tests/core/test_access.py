"""Who may talk to Palaver: nobody, unless something says so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palaver.access import Access, Role
from palaver.config import AccessSettings, Settings
from palaver.errors import AccessDeniedError
from palaver.identity import ConversationId, Namespace
from palaver.markers import hookimpl
from palaver.plugins import PluginHost
from palaver.store import Grants
from support.strategies import FRONTENDS, NAMESPACES, USERS

HERE = ConversationId("here")
ALICE = Namespace("telegram", "1001")


class Doorkeeper:
    """A plugin with an opinion."""

    def __init__(self, opinion: bool | None) -> None:
        self._opinion = opinion

    @hookimpl
    def on_authorize(self, namespace: Namespace, conversation: ConversationId) -> bool | None:
        return self._opinion


class NoGrants(Grants):
    """Grants of a store in which nobody has any."""

    def __init__(self) -> None:
        pass

    async def get(self, namespace: Namespace) -> None:
        return None


async def role(
    namespace: Namespace, opinion: bool | None = None, **lists: list[str]
) -> Role | None:
    host = PluginHost(Settings(), [])
    host.add("doorkeeper", Doorkeeper(opinion))
    access = Access(AccessSettings.model_validate(lists), host.hooks, NoGrants())
    admitted = await access.admits(namespace, HERE)
    try:
        found = await access.find(namespace, HERE)
    except AccessDeniedError:
        assert opinion is False
        found = None
    assert admitted == (found is not None)
    return found


@given(NAMESPACES)
async def test_without_lists_nobody_but_the_terminal_is_let_in(namespace: Namespace) -> None:
    if namespace.frontend == "cli":
        assert await role(namespace) is Role.OWNER
    else:
        assert await role(namespace) is None


@given(NAMESPACES, NAMESPACES)
async def test_a_name_on_the_list_lets_in_nobody_else(one: Namespace, other: Namespace) -> None:
    if any(character in str(one) for character in "*?["):
        return
    if one == other:
        assert await role(other, owners=[], members=[str(one)]) is Role.MEMBER
    else:
        assert await role(other, owners=[], members=[str(one)]) is None


@given(FRONTENDS, NAMESPACES)
async def test_a_star_stands_for_the_users_of_its_frontend(
    frontend: str, namespace: Namespace
) -> None:
    if frontend == namespace.frontend:
        assert await role(namespace, owners=[f"{frontend}:*"]) is Role.OWNER
    else:
        assert await role(namespace, owners=[f"{frontend}:*"]) is None


@given(USERS)
async def test_a_user_of_one_frontend_is_a_stranger_in_another(user: str) -> None:
    assert await role(Namespace("discord", user), members=[f"telegram:{user}"]) is None


async def test_an_owner_who_is_also_a_member_is_an_owner() -> None:
    both = ["telegram:1001"]
    assert await role(ALICE, owners=both, members=both) is Role.OWNER


@pytest.mark.parametrize(
    ("opinion", "lists", "expected"),
    [
        (True, {}, Role.MEMBER),
        (True, {"owners": ["telegram:1001"]}, Role.OWNER),
        (None, {"members": ["telegram:1001"]}, Role.MEMBER),
    ],
)
async def test_a_plugins_yes_makes_a_member_and_no_owner(
    opinion: bool | None, lists: dict[str, list[str]], expected: Role
) -> None:
    assert await role(ALICE, opinion, **lists) is expected


@pytest.mark.parametrize("lists", [{}, {"owners": ["telegram:1001"]}])
async def test_a_plugins_no_is_the_last_word(lists: dict[str, list[str]]) -> None:
    assert await role(ALICE, opinion=False, **lists) is None


def test_an_owner_may_what_a_member_may() -> None:
    assert Role.OWNER > Role.MEMBER


@given(st.sampled_from(["1001", "telegram", "*", "*:*", "tele*:1", "telegram:", ":1001", ""]))
def test_an_entry_that_could_let_in_nobody_is_a_mistake(text: str) -> None:
    with pytest.raises(ValueError, match="is not a namespace"):
        AccessSettings.model_validate({"members": [text]})
