"""Who may talk to Palaver. Nobody, unless something says so."""

import enum
from fnmatch import fnmatchcase

from palaver.config import AccessSettings
from palaver.dispatch import Hooks
from palaver.errors import AccessDeniedError
from palaver.identity import ConversationId, Namespace


class Role(enum.IntEnum):
    """What a namespace may do; each role includes those before it."""

    MEMBER = 1
    OWNER = 2


class Access:
    """The access list, with the plugins' word before it."""

    def __init__(self, settings: AccessSettings, hooks: Hooks) -> None:
        self._settings = settings
        self._hooks = hooks

    async def role(self, namespace: Namespace, conversation: ConversationId) -> Role:
        """What this namespace may do here.

        Raises:
            AccessDeniedError: if it may do nothing.
        """
        answer = await self._hooks.authorize(namespace, conversation)
        if answer is False:
            raise AccessDeniedError
        if _listed(namespace, self._settings.owners):
            return Role.OWNER
        if answer or _listed(namespace, self._settings.members):
            return Role.MEMBER
        raise AccessDeniedError


def _listed(namespace: Namespace, patterns: tuple[str, ...]) -> bool:
    """Only the user may be a pattern: nobody lets in every frontend by a slip of the pen."""
    for pattern in patterns:
        frontend, _, user = pattern.partition(":")
        if frontend == namespace.frontend and fnmatchcase(namespace.user, user):
            return True
    return False
