"""Files that are exchanged whole."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def put(path: Path, content: bytes, *, mode: int = 0o666, lasting: bool = True) -> None:
    """Write a file in one step: who reads it meanwhile, or after a crash, finds what was there before or all of this.

    `mode` (less the umask) holds from its first moment. `lasting`: when this returns it is on the disk, whatever
    happens to the machine; without it only the processes may crash, and nothing waits for the disk. Several at once
    must not write the same file.
    """
    fresh = path.with_name(f"{path.name}.new")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as out:
        out.write(content)
        if lasting:
            out.flush()
            os.fsync(out.fileno())
    os.replace(fresh, path)
    if lasting:
        sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Have the names in a directory on the disk: a file that was renamed into it, or made in it, has its name then."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as error:
        # Some file systems (network shares, folders of a host) sync no directories: their names are their own affair.
        if error.errno not in (errno.EINVAL, errno.EBADF, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)
