"""Pairing: a code that only the terminal shows makes the one who sends it a member or an owner.

A code lets one person in, once, within an hour. Of the code a slow hash is kept, so that whoever
reads the database cannot find it before it expires.
"""

import asyncio
import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from palaver.errors import CommandError
from palaver.identity import Namespace
from palaver.models import Grant, now
from palaver.store import Grants, PairingCode

log = logging.getLogger(__name__)

ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""Nothing that looks like something else: no 0 and O, no 1, I and L."""
LENGTH = 8
LIFETIME = timedelta(hours=1)
MOST_WAITING = 3
MOST_TRIES = 5
"""Codes that one namespace may try in `TRIES_WINDOW`, wrong ones in the main."""
TRIES_WINDOW = timedelta(hours=1)

_CODE = rf"(?P<code>[{ALPHABET}]{{{LENGTH}}})"
_SENT = re.compile(rf"/(pair|start)(@\w+)?\s+{_CODE}", re.IGNORECASE)
_PLAIN = re.compile(_CODE, re.IGNORECASE)

# 16 MB and some 50 ms for each guess: the 31**8 codes would take a thousand years of computing
_COST = {"n": 2**14, "r": 8, "p": 1}


@dataclass(frozen=True, slots=True)
class NewCode:
    """A code that was just made. This is all that knows it.

    Attributes:
        salt: what it is known by where only its hash is.
    """

    text: str
    expires: datetime
    salt: str

    @property
    def made(self) -> datetime:
        """When it was made; whoever was paired before then did not need it."""
        return self.expires - LIFETIME

    def __str__(self) -> str:
        return self.text


class PairingFullError(CommandError):
    """Raised when as many codes wait as may wait at one time."""

    hint = "Use one of them, let them expire, or take them back: palaver access pair --cancel."

    def __init__(self) -> None:
        super().__init__(f"{MOST_WAITING} pairing codes wait already.")


def code_in(text: str, *, plain: bool) -> str | None:
    """The pairing code that a message consists of: `/pair CODE` or `/start CODE`.

    Args:
        plain: the code alone counts, too. So from strangers; the words of others are the agent's.
    """
    text = text.strip()
    match = _SENT.fullmatch(text) or (_PLAIN.fullmatch(text) if plain else None)
    return match["code"].upper() if match else None


class Pairing:
    """Makes codes and takes them. Every method may raise `StoreError`."""

    def __init__(self, grants: Grants) -> None:
        self._grants = grants

    async def make(self, *, owner: bool = False, frontend: str = "") -> NewCode:
        """A new code, to be shown to nobody but the one who asked for it.

        Args:
            owner: it makes an owner, not a member.
            frontend: the only one it is good for; empty for all.

        Raises:
            PairingFullError: if too many wait already.
        """
        code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
        salt, time = secrets.token_hex(16), now()
        digest = await asyncio.to_thread(_digest, salt, code)
        kept = PairingCode(salt, digest, owner, frontend, time + LIFETIME)
        if not await self._grants.add_code(kept, time, MOST_WAITING):
            raise PairingFullError
        return NewCode(code, kept.expires, salt)

    async def holds(self, code: NewCode) -> bool:
        """Whether it still waits to be sent."""
        return any(one.salt == code.salt for one in await self._grants.codes(now()))

    async def waiting(self) -> list[datetime]:
        """When the codes that wait expire, the soonest first."""
        return [code.expires for code in await self._grants.codes(now())]

    async def cancel(self) -> int:
        """Take back all codes that wait; how many those were."""
        return await self._grants.forget_codes()

    async def redeem(self, namespace: Namespace, code: str) -> Grant | None:
        """Let this namespace in, if the code is right.

        None for a wrong, used or expired code, and for any code once it has tried too many: all
        the same. While no code waits nothing is counted, and nothing written.
        """
        time = now()
        codes = [
            one
            for one in await self._grants.codes(time)
            if one.frontend in ("", namespace.frontend)
        ]
        if not codes or await self._grants.tries(namespace, time, TRIES_WINDOW) >= MOST_TRIES:
            return None
        # counted before it is looked at, so that a hundred at one instant are no hundred tries
        tries = await self._grants.count_try(namespace, time, TRIES_WINDOW)
        if tries > MOST_TRIES:
            return None
        right = await asyncio.to_thread(_right_one, codes, code)
        if right is None:
            log.warning("%s sent a wrong pairing code (%d of %d)", namespace, tries, MOST_TRIES)
            return None
        grant = Grant(namespace=namespace, owner=right.owner, paired=True, created=time)
        if not await self._grants.use_code(right.salt, grant):
            return None
        log.info("%s is paired, as %s", namespace, "an owner" if right.owner else "a member")
        return await self._grants.get(namespace)


def _right_one(codes: Sequence[PairingCode], code: str) -> PairingCode | None:
    for one in codes:
        if hmac.compare_digest(one.digest, _digest(one.salt, code)):
            return one
    return None


def _digest(salt: str, code: str) -> str:
    return hashlib.scrypt(code.encode(), salt=bytes.fromhex(salt), dklen=32, **_COST).hex()
