"""Uploads leave a reserve on the disk, and what fails for want of room leaves nothing."""

from __future__ import annotations

import asyncio
import errno
import resource
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from fractus.services.image import bits as bits_module
from fractus.services.image.bits import CHUNK, Reserve
from fractus.store.transaction import Unwritable
from fractus.web.shortage import FULL
from tests.unit.services.image.conftest import Gallery
from tests.unit.services.image.test_data import URL, made, pieces, put, shown
from tests.unit.services.in_process import ANN, said


async def test_a_disk_without_room_is_reported_and_leaves_nothing(door: Gallery) -> None:
    image_id = await made(door)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    room = 4 * CHUNK  # the database of the test has room: its files hold less
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))  # no file of this process may grow beyond
    try:
        reply = await put(door, image_id, b"a" * (room + CHUNK))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (reply.status, reply.headers["retry-after"]) == (507, "30")
    assert said(reply).startswith("Image storage media is full")
    assert (await shown(door, image_id))["status"] == "queued"
    assert door.files() == []


class Disk:
    """The file system as uploads see it: `left` bytes are free, and what they write takes of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, whole: int, left: int) -> None:
        self.left = left
        monkeypatch.setattr(bits_module.os, "statvfs", lambda _: SimpleNamespace(
            f_frsize=1, f_blocks=whole, f_bavail=self.left
        ))  # fmt: skip
        really = bits_module._write_all

        def write(file: int, data: bytes) -> None:
            self.left -= len(data)
            really(file, data)

        monkeypatch.setattr(bits_module, "_write_all", write)


def keeping(door: Gallery, percent: float, least: int) -> None:
    """From now on uploads leave so much free."""
    door.bits._room = bits_module.Room(door.directory, Reserve(percent, least))


@pytest.mark.parametrize(("percent", "least"), [(5.0, 0), (1.0, 500), (5.0, 500)])
async def test_an_upload_that_would_touch_the_reserve_is_refused_before_a_byte_is_read(
    door: Gallery, monkeypatch: pytest.MonkeyPatch, percent: float, least: int
) -> None:
    disk = Disk(monkeypatch, whole=10_000, left=1499)
    keeping(door, percent, least)
    image_id = await made(door)
    read: list[bytes] = []

    async def body() -> AsyncIterator[bytes]:
        for _ in range(10):
            read.append(b"a" * 100)
            yield read[-1]

    for header in ("Content-Length", "x-openstack-image-size"):
        reply = await put(door, image_id, body(), **{header: "1000"})
        assert (reply.status, reply.headers["retry-after"]) == (507, "30")
        assert len(read) <= 1, "what came with the request itself is there anyway"
        read.clear()
        assert said(reply).startswith("Image storage media is full: There is not enough disk space")
    assert (await shown(door, image_id))["status"] == "queued"
    assert door.files() == []
    # One byte less would have been let in; more came than was said.
    assert (await put(door, image_id, body(), **{"x-openstack-image-size": "999"})).status == 400
    disk.left = 1499
    keeping(door, 4.8, least=400)
    assert (await put(door, image_id, body(), **{"x-openstack-image-size": "1000"})).status == 204


async def test_an_upload_that_does_not_say_its_size_is_cut_at_the_reserve(
    door: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch, whole=100 * CHUNK, left=8 * CHUNK)
    keeping(door, 0.0, 5 * CHUNK)
    image_id = await made(door)
    reply = await put(door, image_id, pieces(*[b"a" * CHUNK] * 9))
    assert reply.status == 507
    assert disk.left == 5 * CHUNK, "not a byte of the reserve was written to"
    assert ((await shown(door, image_id))["status"], door.files()) == ("queued", [])
    disk.left = 5 * CHUNK
    assert (await put(door, image_id, pieces(b"a"))).status == 507
    disk.left = 8 * CHUNK
    assert (await put(door, image_id, pieces(b"a" * CHUNK))).status == 204


async def test_those_who_said_their_size_have_their_room(
    door: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch, whole=100 * CHUNK, left=8 * CHUNK)
    first, second, third = [await made(door) for _ in range(3)]
    begun, go = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"a" * CHUNK
        begun.set()
        await go.wait()
        for _ in range(5):
            yield b"a" * CHUNK

    uploading = asyncio.create_task(put(door, first, slow(), **{"Content-Length": str(6 * CHUNK)}))
    await begun.wait()
    assert (await put(door, second, pieces(), **{"Content-Length": str(3 * CHUNK)})).status == 507
    assert (await put(door, third, pieces(*[b"b" * CHUNK] * 3))).status == 507
    assert disk.left == 5 * CHUNK, "what was promised to the first"
    disk.left += 2 * CHUNK  # the part of the third is removed
    go.set()
    assert (await uploading).status == 204
    assert (await put(door, second, pieces(b"c" * CHUNK), **{"Content-Length": str(CHUNK)})).status == 204


async def test_a_failed_upload_waits_again_when_the_database_writes_again(
    door: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    image_id, other = await made(door), await made(door)
    store = door.rows.store
    full = False
    really = store.transaction

    def transaction() -> Any:
        if full:
            raise Unwritable("disk full")
        return really()

    monkeypatch.setattr(store, "transaction", transaction)

    async def body() -> AsyncIterator[bytes]:
        nonlocal full
        yield b"a" * CHUNK
        full = True
        yield b"a"

    # It came whole, and nobody can be answered: nothing of it is kept.
    reply = await put(door, image_id, body())
    assert (reply.status, reply.headers["retry-after"]) == (503, "30")
    assert said(reply).startswith(FULL)
    full = False
    assert (await put(door, other, body(), **{"x-openstack-image-size": str(CHUNK)})).status == 400
    assert door.files() == []
    assert (await shown(door, image_id))["status"] == (await shown(door, other))["status"] == "saving"
    with pytest.raises(Unwritable):
        await door.images.settle()
    full = False
    await door.images.settle()
    assert (await shown(door, image_id))["status"] == (await shown(door, other))["status"] == "queued"
    assert (await put(door, image_id, pieces(b"whole"))).status == 204


async def test_a_file_that_cannot_be_opened_is_reported_before_the_answer_begins(
    door: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    image_id = await made(door)
    assert (await put(door, image_id, b"whole")).status == 204

    def no_descriptor(*_: Any, **__: Any) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(bits_module.os, "open", no_descriptor)
        for reply in (
            await door(ANN, "GET", f"{URL}/{image_id}/file"),
            await put(door, await made(door), b"x"),
        ):
            assert (reply.status, reply.headers["retry-after"]) == (503, "2")
            assert said(reply).startswith("The node that answers has too many files and connections open.")
    assert (await door(ANN, "GET", f"{URL}/{image_id}/file")).body == b"whole"
