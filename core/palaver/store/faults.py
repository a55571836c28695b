"""The one place where the database's errors become Palaver's."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from palaver.errors import (
    StoreCorruptError,
    StoreError,
    StoreFullError,
    StoreLockedError,
    StoreReadOnlyError,
)

_NO_ROOM = 64 * 1024  # bytes; with less left, SQLite cannot even grow its shared memory file


@contextmanager
def translated(name: str, path: Path | None = None) -> Iterator[None]:
    """Raise what happens inside as a `StoreError`, but for the breach of a constraint.

    Only the one who makes a change can tell what its breach means.

    Args:
        name: what to call the database in a message.
        path: its file, if it is one.
    """
    try:
        yield
    except sa.exc.TimeoutError as error:
        raise StoreLockedError(f"The database {name} is too busy.") from error
    except sa.exc.IntegrityError:
        raise
    except sa.exc.DBAPIError as error:
        raise _from_driver(error.orig or error, name, path) from error
    except sa.exc.StatementError as error:  # a value that its column cannot take
        raise error.orig or error from None
    except sqlite3.Error as error:
        raise _from_driver(error, name, path) from error
    except OSError as error:
        raise _from_system(error, name) from error


def _from_driver(error: BaseException, name: str, path: Path | None) -> StoreError:
    """What SQLite says; its codes are those of https://www.sqlite.org/rescode.html."""
    code = getattr(error, "sqlite_errorcode", None)
    match code & 0xFF if code is not None else None:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreLockedError(f"The database {name} is in use by another program.")
        case sqlite3.SQLITE_FULL:
            return StoreFullError(f"There is no room left for the database {name}.")
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return StoreCorruptError(f"The database {name} is damaged: {error}.")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_CANTOPEN:
            return StoreReadOnlyError(f"The database {name} cannot be written: {error}.")
        case sqlite3.SQLITE_IOERR if path is not None and _crowded(path):
            return StoreFullError(f"There is no room left for the database {name}.")
    return StoreError(f"The database {name} has failed: {error}.", hint="Try it again.")


def _from_system(error: OSError, name: str) -> StoreError:
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFullError(f"There is no room left for the database {name}.")
    return StoreReadOnlyError(f"The database {name} cannot be opened: {reason}.")


def _crowded(path: Path) -> bool:
    try:
        system = os.statvfs(path.parent)
    except OSError:
        return False
    return system.f_bavail * system.f_frsize < _NO_ROOM
