"""Who may talk to Palaver. Nobody, unless something says so.

Something is a plugin, the lists of palaver.toml, or a grant of `palaver access`. Grants are looked
up for each message, so that what another process changes holds at once.
"""

import enum
import logging
import time
from collections import OrderedDict
from fnmatch import fnmatchcase

from palaver.config import AccessSettings
from palaver.dispatch import Hooks
from palaver.errors import AccessDeniedError
from palaver.identity import ConversationId, Namespace
from palaver.models import Grant
from palaver.store import Grants

log = logging.getLogger(__name__)

TELL_EVERY_S = 3600.0
"""Seconds before the log tells again that the same stranger has tried."""
_STRANGERS = 10_000
"""Strangers that are remembered for that; a crowd of them must not fill the memory."""


class Role(enum.IntEnum):
    """What a namespace may do; each role includes those before it."""

    MEMBER = 1
    OWNER = 2


class Access:
    """The plugins' word, the lists of the settings, and the grants of the store."""

    def __init__(self, settings: AccessSettings, hooks: Hooks, grants: Grants) -> None:
        self._settings = settings
        self._hooks = hooks
        self._grants = grants
        self._told: OrderedDict[Namespace, float] = OrderedDict()

    async def find(self, namespace: Namespace, conversation: ConversationId) -> Role | None:
        """What this namespace may do here; None for a stranger.

        Raises:
            AccessDeniedError: if a plugin says no outright; that it has tried is logged.
            AccessUnknownError: if a plugin cannot tell now.
            StoreError: if the grants cannot be read.
        """
        role = await self._ungranted(namespace, conversation)
        if role is Role.OWNER:
            return role
        grant = await self._grants.get(namespace)
        return granted_role(grant) if grant else role

    async def admits(self, namespace: Namespace, conversation: ConversationId) -> bool:
        """Whether it may do anything here; that it has tried is logged if not.

        Raises:
            AccessUnknownError: if a plugin cannot tell now.
            StoreError: if the grants cannot be read, and nothing else lets it in.
        """
        try:
            role = await self._ungranted(namespace, conversation)
        except AccessDeniedError:
            return False
        if role or await self._grants.get(namespace):
            return True
        self.refusal(namespace)
        return False

    async def _ungranted(self, namespace: Namespace, conversation: ConversationId) -> Role | None:
        """What it may do by a plugin's word and the lists."""
        answer = await self._hooks.authorize(namespace, conversation)
        if answer is False:
            raise self.refusal(namespace)
        listed = listed_role(self._settings, namespace)
        return listed or (Role.MEMBER if answer else None)

    def refusal(self, namespace: Namespace) -> AccessDeniedError:
        """The answer to a stranger; who it was is logged, once an hour."""
        at = time.monotonic()
        last = self._told.get(namespace)
        if last is None or at - last >= TELL_EVERY_S:
            log.warning("%s is not on the access list", namespace)
            self._told[namespace] = at
            self._told.move_to_end(namespace)
            if len(self._told) > _STRANGERS:
                self._told.popitem(last=False)
        return AccessDeniedError()


def listed_role(settings: AccessSettings, namespace: Namespace) -> Role | None:
    """What the lists of the settings say."""
    if _listed(namespace, settings.owners):
        return Role.OWNER
    if _listed(namespace, settings.members):
        return Role.MEMBER
    return None


def granted_role(grant: Grant) -> Role:
    """What a grant says."""
    return Role.OWNER if grant.owner else Role.MEMBER


def _listed(namespace: Namespace, patterns: tuple[str, ...]) -> bool:
    """Only the user may be a pattern: nobody lets in every frontend by a slip of the pen."""
    for pattern in patterns:
        frontend, _, user = pattern.partition(":")
        if frontend == namespace.frontend and fnmatchcase(namespace.user, user):
            return True
    return False
