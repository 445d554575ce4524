"""The bits of images: one file for each, in a directory.

What is being uploaded is `<id>.part`, held under a file lock by whoever writes it. When it is whole it is made durable
and renamed to `<id>`; so a file of that name is always whole. A part that nobody holds is the rest of a process that
died, and may be taken over. Work on files is done in threads, for disks can be slow.

Database and logs lie on the same file system in most set-ups, and must go on when images have taken the rest. So a
reserve stays free, whatever uploads bring: one for which there is no room is refused before it begins where it says how
large it is, else cut when the reserve is reached.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import hashlib
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct
from oslo_utils.imageutils import format_inspector

from fractus.base.files import sync_directory
from fractus.base.log import logger
from fractus.model.errors import NoSpace, StorageFull, TooLarge, UnsupportedMedia

log = logger("image.bits")

#: As much is written, and read, at a time: small enough to hold nobody up, large enough for threads to pay.
CHUNK = 1 << 20


#: Ids that become names of files: UUIDs, and what else a cloud may call an image that is taken over.
_FILE_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")

#: Glance's sentence.
FULL = "Image storage media is full: There is not enough disk space on the image storage media."


class Reserve(Struct, frozen=True):
    """What uploads never touch: the larger of a share of the file system, in percent, and a number of bytes."""

    percent: float = 0.0
    least: int = 0


class Room:
    """The file system of one directory, as the uploads of this process share it."""

    def __init__(self, directory: Path, reserve: Reserve) -> None:
        self._directory = directory
        self._reserve = reserve
        self._promised = 0
        """Bytes of uploads under way that have said how many they are, and that are not written yet."""

    def left(self) -> int:
        """Bytes above the reserve; less than none where others have taken of it."""
        disk = os.statvfs(self._directory)
        reserve = max(int(disk.f_blocks * disk.f_frsize * self._reserve.percent / 100), self._reserve.least)
        return disk.f_bavail * disk.f_frsize - reserve

    def promise(self, size: int) -> None:
        """Keep room for an upload of `size` bytes, 0 where it does not say; `StorageFull` where there is none."""
        if self.left() - self._promised < max(size, 1):
            raise StorageFull(FULL)
        self._promised += size

    def give_back(self, size: int) -> None:
        """So much of what was promised is written, or will not be."""
        self._promised -= size

    def check(self, more: int, own: int) -> None:
        """Whether `more` bytes may be written now by whom `own` are promised; `StorageFull`. For any thread."""
        if self.left() - (self._promised - own) < more:
            raise StorageFull(FULL)


class Written(Struct, frozen=True):
    """A whole file. Digests in hexadecimal; `virtual_size` is what the disk in it says of itself, where it says it."""

    path: str
    size: int
    md5: str
    sha512: str
    virtual_size: int | None


class _Feed:
    """What the inspectors read from: each chunk once, as it comes."""

    def __init__(self) -> None:
        self.chunk = b""

    def read(self, _size: int = -1) -> bytes:
        """The chunk."""
        return self.chunk


class _Inspection:
    """Looks at the bits as they go by: what kind of disk they are. Glance refuses those that are not what they are
    said to be, so that no hypervisor is led to read what it should not.
    """

    def __init__(self, disk_format: str) -> None:
        self._format = disk_format
        self._feed = _Feed()
        # A source of ours, which has of a file only what the wrapper uses.
        self._wrapper = format_inspector.InspectWrapper(self._feed)  # type: ignore[arg-type]

    def eat(self, chunk: bytes) -> None:
        """See a chunk."""
        self._feed.chunk = chunk
        self._wrapper.read(len(chunk))

    def finish(self) -> int | None:
        """The virtual size; `UnsupportedMedia` where the bits are not of the format, or unsafe."""
        self._wrapper.close()
        try:
            found = self._found()
            name = str(found)
            if name == self._format:
                virtual = found.virtual_size
            elif self._format == "raw":
                virtual = found.actual_size
            elif name == "raw" and self._format not in format_inspector.ALL_FORMATS:
                virtual = 0  # ami, aki and their like cannot be looked into
            else:
                raise UnsupportedMedia(f"Image disk_format {self._format} does not match stream data {name}")
            self._check(found)
        except format_inspector.ImageFormatError as error:
            raise UnsupportedMedia(str(error)) from None
        return int(virtual) or None

    def _found(self) -> Any:
        matches = {str(one): one for one in self._wrapper.formats or ()}
        # A disk that boots from both is one whose ISO has a partition table in front.
        return matches["iso"] if matches.keys() == {"iso", "gpt"} else self._wrapper.format

    def _check(self, found: Any) -> None:
        try:
            found.safety_check()
        except format_inspector.SafetyCheckFailed as error:
            # Kernels and ramdisks may carry a partition table that is none.
            fatal = set(error.failures) - ({"mbr"} if self._format in ("aki", "ari") else set())
            if fatal or found.NAME != "gpt":
                raise UnsupportedMedia("Image failed safety checks") from None


class Upload:
    """One file being written. End it with `finish` or `abandon`."""

    def __init__(self, final: Path, part: Path, file: int, cap: int, room: Room) -> None:
        self._final = final
        self._part = part
        self._file = file
        self._cap = cap
        self._room = room
        self._promised = 0
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha512 = hashlib.sha512()
        self._size = 0
        self._pending: list[bytes] = []
        self._waiting = 0
        self._inspection: _Inspection | None = None

    def expect(self, disk_format: str) -> None:
        """Have the bits looked at: they must be a disk of that format."""
        self._inspection = _Inspection(disk_format)

    def announce(self, size: int | None) -> None:
        """So many bits will come, None where nobody knows. `StorageFull` where there is no room for them."""
        self._room.promise(size or 0)
        self._promised = size or 0

    async def write(self, chunk: bytes) -> None:
        """More bits. `TooLarge` beyond the largest image allowed, `StorageFull` where there is no room for them."""
        if self._size + self._waiting + len(chunk) > self._cap:
            raise TooLarge("The incoming image is too large: The provided image is too large.")
        self._pending.append(chunk)
        self._waiting += len(chunk)
        if self._waiting >= CHUNK:
            await self._flush()

    async def _flush(self) -> None:
        data = b"".join(self._pending)
        self._pending, self._waiting = [], 0
        await _whole(self._put, data)
        self._size += len(data)
        self._kept(len(data))

    def _kept(self, size: int) -> None:
        """So much of the promise is kept."""
        size = min(size, self._promised)
        self._promised -= size
        self._room.give_back(size)

    def _put(self, data: bytes) -> None:
        with _as_api_errors():
            self._room.check(len(data), self._promised)
            _write_all(self._file, data)
        self._md5.update(data)
        self._sha512.update(data)
        if self._inspection is not None:
            self._inspection.eat(data)

    async def finish(self) -> Written:
        """Make it durable and whole. `UnsupportedMedia` where it is not what was expected."""
        if self._pending:
            await self._flush()
        virtual = self._inspection.finish() if self._inspection is not None else None
        await _whole(self._keep)
        return Written(str(self._final), self._size, self._md5.hexdigest(), self._sha512.hexdigest(), virtual)

    def _keep(self) -> None:
        with _as_api_errors():
            os.fsync(self._file)
            os.replace(self._part, self._final)
            sync_directory(self._final.parent)
        os.close(self._file)
        self._file = -1

    def abandon(self) -> None:
        """Leave nothing. Harmless after `finish`."""
        self._kept(self._promised)
        if self._file >= 0:
            try:
                self._part.unlink(missing_ok=True)
            except OSError as error:
                # Whoever uploads that image anew takes it over, and so does the next start.
                log.warning("a part of an image could not be removed", path=str(self._part), why=str(error))
            os.close(self._file)
            self._file = -1


async def _whole(work: Callable[..., None], *given: Any) -> None:
    """Have `work` done in a thread. Whoever is cancelled meanwhile waits for its end: the thread holds a descriptor
    that must not be closed, and be another file's, under its hands.
    """
    doing = asyncio.get_running_loop().run_in_executor(None, work, *given)
    try:
        await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait([doing])
        raise


def _lock(part: Path) -> int | None:
    """The part's descriptor, locked by us and empty; None where another holds it."""
    while True:
        with _as_api_errors():
            file = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return None
        with contextlib.suppress(FileNotFoundError):
            if os.stat(part).st_ino == os.fstat(file).st_ino:
                os.ftruncate(file, 0)
                return file
        # Another finished or gave up between our opening and our locking: what we hold is no longer the part.
        os.close(file)


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


@contextlib.contextmanager
def _as_api_errors() -> Iterator[None]:
    """What is wrong with the disk, in Glance's words."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StorageFull(FULL) from error
        if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise NoSpace(
                "Insufficient permissions on image storage media: Permission to write image storage media denied."
            ) from error
        raise


class BitsDirectory:
    """All images' bits on this node."""

    def __init__(self, directory: Path, *, cap: int = 1 << 40, reserve: Reserve | None = None) -> None:
        """`directory` is made if need be; `cap`: bytes of the largest image (Glance's image_size_cap, 1 TiB).
        `reserve`: what uploads leave free, by default nothing.
        """
        self._directory = directory
        self._cap = cap
        self._room = Room(directory, reserve or Reserve())
        directory.mkdir(parents=True, exist_ok=True)

    def path(self, image_id: str) -> Path:
        """Where the whole bits of an image are, or would be. ValueError for what is no image's id.

        Ids are checked where they come from; this is what nothing passes that would be another file.
        """
        if _FILE_NAME.fullmatch(image_id) is None:
            raise ValueError(f"{image_id!r} is no id of an image")
        return self._directory / image_id

    def begin(self, image_id: str) -> Upload | None:
        """Start to write; None while another does."""
        final = self.path(image_id)
        part = final.with_name(f"{final.name}.part")
        file = _lock(part)
        return None if file is None else Upload(final, part, file, self._cap, self._room)

    def abandoned(self, image_id: str) -> bool:
        """Whether nobody writes the bits of this image (any more); what a dead process left is removed."""
        if _FILE_NAME.fullmatch(image_id) is None:
            return True  # an earlier version took other ids; no start may fail for one of them
        mine = self.begin(image_id)
        if mine is None:
            return False
        mine.abandon()
        return True

    def present(self, image_id: str) -> bool:
        """Whether the whole bits are here."""
        return self.path(image_id).is_file()

    async def read(self, image_id: str, offset: int, length: int) -> AsyncIterator[bytes]:
        """`length` bytes from `offset`, a MiB at a time."""
        file = await asyncio.to_thread(os.open, self.path(image_id), os.O_RDONLY)
        try:
            while length > 0:
                data = await asyncio.to_thread(os.pread, file, min(CHUNK, length), offset)
                if not data:
                    return
                offset, length = offset + len(data), length - len(data)
                yield data
        finally:
            os.close(file)

    def remove(self, image_id: str) -> None:
        """No longer needed anywhere. What an earlier version wrote under what is no id now is left where it is."""
        if _FILE_NAME.fullmatch(image_id) is not None:
            self.path(image_id).unlink(missing_ok=True)
