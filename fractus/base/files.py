"""Files that are exchanged whole."""

from __future__ import annotations

import os
from pathlib import Path


def put(path: Path, content: bytes, *, mode: int = 0o666) -> None:
    """Write a file in one step: who reads it meanwhile, or after a crash, finds what was there before or all of this.

    `mode` (less the umask) holds from its first moment. Several at once must not write the same file.
    """
    fresh = path.with_name(f"{path.name}.new")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as out:
        out.write(content)
    os.replace(fresh, path)
