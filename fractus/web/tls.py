"""The certificate that the API is served with, and how a renewed one is taken up."""

from __future__ import annotations

import ssl
import stat
import threading
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from fractus.base.log import logger
from fractus.settings.loading import SettingsError
from fractus.settings.sections import Api

log = logger("web.tls")

#: Between two looks at the files. Seconds.
_LOOK = 2.0

#: What everybody may do; a group of those who may read keys is common.
_EVERYBODY = 0o007


class Files(Struct, frozen=True):
    """Certificate and key, as PEM files."""

    cert: Path
    key: Path

    def stamp(self) -> tuple[tuple[int, int, int], ...]:
        """What changes when one of them is written or replaced, also where a link leads to another file."""
        found = [path.stat() for path in (self.cert, self.key)]
        return tuple((one.st_ino, one.st_size, one.st_mtime_ns) for one in found)

    def problem(self) -> str:
        """Why they cannot be served with, as a sentence; empty where they can."""
        try:
            mode = stat.S_IMODE(self.key.stat().st_mode)
            if mode & _EVERYBODY:
                return (
                    f"The key {self.key} may be read by everybody (mode {mode:o}): run chmod o= {self.key}."
                )
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.cert, self.key, _no_passphrase)
        except (OSError, ValueError) as error:
            # ssl.SSLError is an OSError: a key that is not the certificate's, or no PEM at all.
            why = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
            return f"{self.cert} and {self.key} cannot be served with: {why}."
        return ""


def _no_passphrase() -> str:
    raise ValueError("the key has a passphrase")


def files_of(api: Api) -> Files | None:
    """What the settings name, None where they name none; `SettingsError` where it cannot be served with."""
    if not api.tls_cert:
        return None
    files = Files(Path(api.tls_cert), Path(api.tls_key))
    if problem := files.problem():
        raise SettingsError(problem)
    return files


def watch(files: Files, changed: Callable[[], None]) -> threading.Thread:
    """Look at the files from now on, in a thread, and call `changed` when both have been renewed.

    While only one of them is new, or half of one is written, they do not fit: what is served with stays in use.
    """
    thread = threading.Thread(target=_watch, args=(files, changed), name="tls", daemon=True)
    thread.start()
    return thread


def _watch(files: Files, changed: Callable[[], None]) -> None:
    served, logged = files.stamp(), ""
    pause = threading.Event()
    while not pause.wait(_LOOK):
        try:
            now = files.stamp()
        except OSError:
            continue  # between two names: it is there at the next look, or nothing is to be served anew
        if now == served:
            continue
        problem = files.problem()
        if not problem:
            served, logged = now, ""
            log.info("the certificate was renewed", cert=str(files.cert))
            changed()
        elif problem != logged:
            logged = problem
            log.warning("a renewed certificate is not in use", why=problem)
