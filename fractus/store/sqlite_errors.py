"""What SQLite's errors mean where they are no fault of the statement."""

from __future__ import annotations

from typing import NoReturn

import apsw

from fractus.store.transaction import Away, CommitUnknown, Unwritable

#: No room, a file that may not be written or opened (no descriptors are left), a disk that fails, no memory.
_SHORTAGES = (
    apsw.FullError,
    apsw.ReadOnlyError,
    apsw.PermissionsError,
    apsw.CantOpenError,
    apsw.IOError,
    apsw.NoMemError,
)
#: All was handed to the disk, which did not say whether it has it.
_UNCERTAIN = frozenset({apsw.SQLITE_IOERR_FSYNC, apsw.SQLITE_IOERR_DIR_FSYNC})


def is_shortage(error: BaseException) -> bool:
    """Whether the disk, or what the process may have, is the reason."""
    return isinstance(error, _SHORTAGES)


def unwritten(error: BaseException, *, commit: bool = False) -> BaseException:
    """What an error of a transaction is to be raised as. `commit`: of the statement that ends it."""
    if not is_shortage(error):
        return error
    sentence = f"The database file cannot be written: {error}"
    if commit and getattr(error, "extendedresult", 0) in _UNCERTAIN:
        return CommitUnknown(sentence)
    return Unwritable(sentence)


def unread(error: apsw.Error) -> Exception:
    """What an error of a read is to be raised as."""
    return Away(f"The database file cannot be read: {error}") if is_shortage(error) else error


def raise_as(meaning: BaseException, error: BaseException) -> NoReturn:
    """Raise `meaning`; its cause is `error`, where it is another one."""
    if meaning is error:
        raise error
    raise meaning from error
