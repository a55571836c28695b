"""Who was let in with `palaver access`: by name, or by a pairing code.

Nothing is remembered here between two calls, so that a change made by another process holds for
the very next message.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa

from palaver.identity import Namespace
from palaver.models import Grant
from palaver.store.database import Database
from palaver.store.rows import owned, owner_values
from palaver.store.schema import grants, pairing_codes, pairing_tries

_TIME = pairing_codes.c.expires.type
_NOW: sa.BindParameter[datetime] = sa.bindparam("b_now", type_=_TIME)

_GET = sa.select(grants).where(owned(grants))
_ALL = sa.select(grants).order_by(grants.c.frontend, grants.c.user)
_GRANT = sa.insert(grants)
_CHANGE = (
    sa.update(grants)
    .where(owned(grants))
    .values(
        owner=sa.bindparam("b_owner"),
        paired=sa.bindparam("b_paired"),
        created=sa.bindparam("b_created", type_=_TIME),
    )
)
_REVOKE = sa.delete(grants).where(owned(grants))

_LIVE = pairing_codes.c.expires > _NOW
_CODES = sa.select(pairing_codes).where(_LIVE).order_by(pairing_codes.c.expires)
_COUNT_CODES = sa.select(sa.func.count()).select_from(pairing_codes)
_ADD_CODE = sa.insert(pairing_codes)
_USE_CODE = sa.delete(pairing_codes).where(pairing_codes.c.salt == sa.bindparam("b_salt"), _LIVE)
_DROP_OLD_CODES = sa.delete(pairing_codes).where(~_LIVE)
_DROP_CODES = sa.delete(pairing_codes)

_TRIES = sa.select(pairing_tries.c.tries).where(owned(pairing_tries))
_OLD_TRY = pairing_tries.c.since <= sa.bindparam("b_before", type_=_TIME)
_RECENT_TRIES = _TRIES.where(~_OLD_TRY)
_FIRST_TRY = sa.insert(pairing_tries)
_NEXT_TRY = (
    sa.update(pairing_tries).where(owned(pairing_tries)).values(tries=pairing_tries.c.tries + 1)
)
_DROP_TRIES = sa.delete(pairing_tries).where(owned(pairing_tries))
_DROP_OLD_TRIES = sa.delete(pairing_tries).where(_OLD_TRY)


@dataclass(frozen=True, slots=True)
class PairingCode:
    """A code that waits to be sent by somebody; of the code itself only this is kept.

    Attributes:
        digest: of the salt and the code, in hexadecimal.
        frontend: the only one it is good for; empty for all.
    """

    salt: str
    digest: str
    owner: bool
    frontend: str
    expires: datetime


class Grants:
    """Grants and pairing codes. Every method may raise `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- grants ---------------------------------------------------------------------------------

    async def get(self, namespace: Namespace) -> Grant | None:
        """What this namespace was granted."""
        rows = await self._database.rows(_GET, owner_values(namespace))
        return _grant(rows[0]) if rows else None

    async def all(self) -> list[Grant]:
        """Every grant, by namespace."""
        return [_grant(row) for row in await self._database.rows(_ALL, {})]

    async def allow(self, grant: Grant) -> Grant | None:
        """Keep a grant in the place of the one before, if there was one; that is returned."""
        return await self._database.transaction(partial(_put, grant=grant))

    async def revoke(self, namespace: Namespace) -> bool:
        """Take a grant back; whether there was one."""
        return bool(await self._database.change(_REVOKE, owner_values(namespace)))

    # --- pairing codes --------------------------------------------------------------------------

    async def codes(self, now: datetime) -> list[PairingCode]:
        """Those that still hold, the oldest first."""
        return [PairingCode(*row) for row in await self._database.rows(_CODES, {"b_now": now})]

    async def add_code(self, code: PairingCode, now: datetime, most: int) -> bool:
        """Keep a code unless so many wait already; expired ones are forgotten."""

        def add(connection: sa.Connection) -> bool:
            connection.execute(_DROP_OLD_CODES, {"b_now": now})
            if connection.execute(_COUNT_CODES).scalar_one() >= most:
                return False
            connection.execute(_ADD_CODE, asdict(code))
            return True

        return await self._database.transaction(add)

    async def forget_codes(self) -> int:
        """Take all codes back; how many those were."""
        return await self._database.change(_DROP_CODES, {})

    async def use_code(self, salt: str, grant: Grant) -> bool:
        """Turn a code into a grant, once; False if it has gone or expired meanwhile.

        Who was an owner remains one.
        """
        owner = owner_values(grant.namespace)

        def use(connection: sa.Connection) -> bool:
            code = {"b_salt": salt, "b_now": grant.created}
            if not connection.execute(_USE_CODE, code).rowcount:
                return False
            before = connection.execute(_GET, owner).one_or_none()
            remains = before is not None and before.owner
            _put(connection, grant.model_copy(update={"owner": grant.owner or remains}))
            connection.execute(_DROP_TRIES, owner)
            return True

        return await self._database.transaction(use)

    async def count_try(self, namespace: Namespace, now: datetime, window: timedelta) -> int:
        """Count that this namespace tries a code; how often it has within that time.

        Tries of others that are older than that are forgotten.
        """
        owner = owner_values(namespace)

        def count(connection: sa.Connection) -> int:
            connection.execute(_DROP_OLD_TRIES, {"b_before": now - window})
            tries = connection.execute(_TRIES, owner).scalar_one_or_none()
            if tries is None:
                first = {"frontend": namespace.frontend, "user": namespace.user}
                connection.execute(_FIRST_TRY, {**first, "tries": 1, "since": now})
                return 1
            connection.execute(_NEXT_TRY, owner)
            return int(tries) + 1

        return await self._database.transaction(count)

    async def tries(self, namespace: Namespace, now: datetime, window: timedelta) -> int:
        """How often this namespace has tried a code within that time."""
        where = {**owner_values(namespace), "b_before": now - window}
        rows = await self._database.rows(_RECENT_TRIES, where)
        return int(rows[0].tries) if rows else 0


def _put(connection: sa.Connection, grant: Grant) -> Grant | None:
    owner = owner_values(grant.namespace)
    before = connection.execute(_GET, owner).one_or_none()
    if before is not None:
        change = {"b_owner": grant.owner, "b_paired": grant.paired, "b_created": grant.created}
        connection.execute(_CHANGE, {**owner, **change})
        return _grant(before)
    values = {
        "frontend": grant.namespace.frontend,
        "user": grant.namespace.user,
        "owner": grant.owner,
        "paired": grant.paired,
        "created": grant.created,
    }
    connection.execute(_GRANT, values)
    return None


def _grant(row: sa.Row[Any]) -> Grant:
    return Grant(
        namespace=Namespace(row.frontend, row.user),
        owner=row.owner,
        paired=row.paired,
        created=row.created,
    )
