"""What Palaver keeps: sessions, turns and deliveries, in a database.

`Store.open` is the way in. Nothing outside this package knows that it is SQL.
"""

from palaver.store.grants import Grants, PairingCode
from palaver.store.ledger import Ledger
from palaver.store.sessions import SessionChanges, Sessions
from palaver.store.store import Store

__all__ = ["Grants", "Ledger", "PairingCode", "SessionChanges", "Sessions", "Store"]
