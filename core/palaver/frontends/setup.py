"""How a frontend is set up: what `palaver init` asks and tries, and `palaver doctor` looks at."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class Account:
    """What a token opens.

    Attributes:
        name: as its users see it, for example `@my_bot`.
        link: where a chat with it begins; empty if there is no such address.
        code_link: the same, for one who brings a pairing code, which replaces `{code}` in it.
    """

    name: str
    link: str = ""
    code_link: str = ""

    def link_with(self, code: str) -> str:
        """Where to go with this code; empty if there is no such address."""
        return self.code_link.replace("{code}", code)


@dataclass(frozen=True, slots=True)
class Membership:
    """Something that the account is in, for example a server, by the chat's own id of it."""

    id: int
    name: str


class FrontendSetup(ABC):
    """One frontend that needs a token. A plugin registers it by `register_setup`.

    Its table of settings is made with `SecretSettings`, so that it takes `token` and `token_file`.

    Attributes:
        name: the frontend's.
        title: as people write it, for example `Telegram`.
        steps: how to come by a token, one sentence each.
        libraries: modules that it needs beside Palaver, by their import names; `palaver init`
            looks whether they are there before it asks anything.
        membership_setting: the setting that names, by their ids, what of all that the account is
            in it answers in; empty if nothing must be named.
        membership_word: what that is, in the plural: `servers`.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    steps: ClassVar[tuple[str, ...]]
    libraries: ClassVar[tuple[str, ...]] = ()
    membership_setting: ClassVar[str] = ""
    membership_word: ClassVar[str] = ""

    @abstractmethod
    async def check(self, settings: BaseModel) -> Account:
        """Try the token, and nothing else: nobody must notice.

        Args:
            settings: the plugin's table, with the token in it.

        Raises:
            ConfigError: if the token is missing or refused.
            PalaverError: if the chat cannot be reached, or not in time.
            ModuleNotFoundError: if the library is not installed; it is told with its extra.
        """

    async def memberships(self, settings: BaseModel) -> Sequence[Membership]:
        """What the account is in, named in the settings or not. With `membership_setting`.

        Raises:
            ConfigError, PalaverError: as `check` does.
        """
        del settings
        return ()
