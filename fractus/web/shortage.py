"""What the database or this node lacks, as an answer: 503 with a sentence, and when to come back."""

from __future__ import annotations

import errno

from fractus.model.errors import ApiError, Busy, NoSpace, Unavailable
from fractus.store.transaction import Away, CommitUnknown, StoreTrouble, Unwritable

AWAY = "The database of this cloud is away. Nothing was changed; try again in a moment."
CROWDED = "Too many requests change the same things at once. Nothing was changed; try again in a moment."
FULL = (
    "The database of this cloud takes no changes now, for its disk is full or cannot be written. "
    "Nothing was changed; try again later."
)
UNANSWERED = (
    "The database of this cloud did not say whether it kept the change, so it is either made or not. "
    "Look before you ask for it again."
)

_FILES = "The node that answers has too many files and connections open. Try again in a moment."
_MEMORY = "The node that answers has too little memory. Try again in a moment."
_DISK = "The node that answers has no room left on its disk, or cannot write to it. Try again later."

_OF_NODE: dict[int | None, tuple[type[ApiError], str]] = {
    errno.EMFILE: (Busy, _FILES),
    errno.ENFILE: (Busy, _FILES),
    errno.ENOMEM: (Busy, _MEMORY),
    errno.ENOSPC: (NoSpace, _DISK),
    errno.EDQUOT: (NoSpace, _DISK),
    errno.EFBIG: (NoSpace, _DISK),
    errno.EROFS: (NoSpace, _DISK),
    errno.EIO: (NoSpace, _DISK),
}


def shortage(error: BaseException) -> ApiError | None:
    """The answer to an error that is nobody's fault and will be over; None where it is of another sort."""
    if isinstance(error, StoreTrouble):
        return _of_store(error)
    if isinstance(error, OSError) and error.errno in _OF_NODE:
        kind, sentence = _OF_NODE[error.errno]
        return kind(sentence)
    return None


def _of_store(error: StoreTrouble) -> ApiError:
    if isinstance(error, CommitUnknown):
        return Unavailable(UNANSWERED)
    if isinstance(error, Unwritable):
        return NoSpace(FULL)
    return Busy(AWAY if isinstance(error, Away) else CROWDED)
