"""The bits of images: they come whole or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fractus.model.errors import TooLarge
from fractus.services.image.bits import CHUNK, BitsDirectory
from fractus.testing import asgi
from tests.unit.services.image.conftest import CAP, Gallery
from tests.unit.services.in_process import ANN, BOB, READER, ROOT, said

URL = "/image/v2/images"
OCTETS = {"Content-Type": "application/octet-stream"}
RAW = {"name": "pic", "disk_format": "raw", "container_format": "bare"}


async def made(door: Gallery, **fields: Any) -> str:
    image_id: str = (await door(ANN, "POST", URL, {**RAW, **fields})).ok()["id"]
    return image_id


async def shown(door: Gallery, image_id: str) -> dict[str, Any]:
    image: dict[str, Any] = (await door(ANN, "GET", f"{URL}/{image_id}")).ok()
    return image


async def put(door: Gallery, image_id: str, body: bytes | AsyncIterator[bytes], **headers: str) -> Any:
    return await door(ANN, "PUT", f"{URL}/{image_id}/file", body=body, headers={**OCTETS, **headers})


async def pieces(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def test_uploaded_bits_are_kept_whole(door: Gallery) -> None:
    image_id = await made(door)
    bits = bytes(range(256)) * 10_000  # two and a half MiB
    reply = await put(door, image_id, pieces(bits[:100], bits[100:2_000_000], bits[2_000_000:]))
    assert reply.status == 204
    image = await shown(door, image_id)
    assert image["status"] == "active"
    assert image["size"] == image["virtual_size"] == len(bits)
    assert image["checksum"] == hashlib.md5(bits).hexdigest()
    assert image["os_hash_algo"] == "sha512"
    assert image["os_hash_value"] == hashlib.sha512(bits).hexdigest()
    assert door.files() == [image_id]
    got = await door(ANN, "GET", f"{URL}/{image_id}/file")
    assert got.status == 200
    assert got.body == bits
    assert got.headers["content-length"] == str(len(bits))
    assert got.headers["content-md5"] == image["checksum"]
    assert got.headers["content-type"] == "application/octet-stream"


async def test_downloads_go_out_in_pieces(door: Gallery) -> None:
    await asyncio.to_thread(door.bits.path("x").write_bytes, b"a" * (CHUNK + 1))
    sizes = [len(chunk) async for chunk in door.bits.read("x", 0, CHUNK + 1)]
    assert sizes == [CHUNK, 1]


async def test_an_empty_file_is_a_file(door: Gallery) -> None:
    image_id = await made(door)
    assert (await put(door, image_id, b"")).status == 204
    assert (await shown(door, image_id))["size"] == 0


async def test_without_bits_there_is_no_content(door: Gallery) -> None:
    image_id = await made(door)
    reply = await door(ANN, "GET", f"{URL}/{image_id}/file")
    assert (reply.status, reply.body) == (204, b"")


@pytest.mark.parametrize(
    ("asked", "status", "body", "content_range"),
    [
        ("bytes=0-4", 206, b"01234", "bytes 0-4/10"),
        ("bytes=5-", 206, b"56789", "bytes 5-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=-99", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
    ],
)
async def test_ranges_are_given(
    door: Gallery, asked: str, status: int, body: bytes, content_range: str
) -> None:
    image_id = await made(door)
    await put(door, image_id, b"0123456789")
    reply = await door(ANN, "GET", f"{URL}/{image_id}/file", headers={"Range": asked})
    assert (reply.status, reply.body, reply.headers["content-range"]) == (status, body, content_range)
    assert reply.headers["content-length"] == str(len(body))


@pytest.mark.parametrize(
    ("asked", "status", "sentence"),
    [
        ("bytes=x", 416, "Invalid Range header."),
        ("bytes=4-2", 416, "Invalid Range header."),
        ("bytes=-", 416, "Invalid Range header."),
        ("lines=1-2", 416, "Invalid Range header."),
        (
            "bytes=10-",
            416,
            "Invalid start position in Range header. Start position MUST be in the inclusive range [0, 9].",
        ),
        (
            "bytes=1-2,4-5",
            400,
            "Requests with multiple ranges are not supported in Glance. You may make multiple single-range "
            "requests instead.",
        ),
    ],
)
async def test_wrong_ranges_are_refused(door: Gallery, asked: str, status: int, sentence: str) -> None:
    image_id = await made(door)
    await put(door, image_id, b"0123456789")
    reply = await door(ANN, "GET", f"{URL}/{image_id}/file", headers={"Range": asked})
    assert (reply.status, said(reply)) == (status, sentence)


@pytest.mark.parametrize(
    ("asked", "status", "body", "content_range"),
    [
        ("bytes 2-4/10", 206, b"234", "bytes 2-4/10"),
        ("bytes 2-4/*", 206, b"234", "bytes 2-4/10"),
        ("bytes 2-4/20", 206, b"234", "bytes 2-4/10"),
        ("bytes 0-9/10", 206, b"0123456789", "bytes 0-9/10"),
    ],
)
async def test_the_older_header_asks_for_a_part_too(
    door: Gallery, asked: str, status: int, body: bytes, content_range: str
) -> None:
    """Statuses and parts as a Glance 32 gave them."""
    image_id = await made(door)
    await put(door, image_id, b"0123456789")
    reply = await door(ANN, "GET", f"{URL}/{image_id}/file", headers={"Content-Range": asked})
    assert (reply.status, reply.body, reply.headers["content-range"]) == (status, body, content_range)
    assert reply.headers["content-length"] == str(len(body))
    both = {"Content-Range": asked, "Range": "bytes=8-"}
    assert (await door(ANN, "GET", f"{URL}/{image_id}/file", headers=both)).body == b"89"


_STOP = (
    "Invalid stop position in Content-Range header. The stop position MUST be in the inclusive range [0, 9]."
)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("junk", "Invalid Content-Range header."),
        ("bytes */10", "Invalid Content-Range header."),
        ("bytes 4-2/10", "Invalid Content-Range header."),
        ("bytes 2-14/10", "Invalid Content-Range header."),
        ("bytes 2-40/*", _STOP),
        ("bytes 20-40/*", _STOP),
        (f"bytes 2-{'9' * 5000}/*", "Invalid Content-Range header."),
    ],
)
async def test_a_wrong_part_by_the_older_header_is_refused(door: Gallery, asked: str, sentence: str) -> None:
    image_id = await made(door)
    await put(door, image_id, b"0123456789")
    reply = await door(ANN, "GET", f"{URL}/{image_id}/file", headers={"Content-Range": asked})
    assert (reply.status, said(reply)) == (416, sentence)


@pytest.mark.parametrize("method", ["glance-direct", "web-download"])
async def test_an_active_image_is_no_target_for_an_import(door: Gallery, method: str) -> None:
    image_id = await made(door)
    await put(door, image_id, b"0123456789")
    reply = await door(ANN, "POST", f"{URL}/{image_id}/import", {"method": {"name": method}})
    assert (reply.status, said(reply)) == (409, "Image with status active cannot be target for import")


async def test_bits_are_uploaded_once(door: Gallery) -> None:
    image_id = await made(door)
    await put(door, image_id, b"first")
    again = await put(door, image_id, b"second")
    assert (again.status, said(again)) == (
        409,
        "Image status transition from active to saving is not allowed",
    )
    assert (await door(ANN, "GET", f"{URL}/{image_id}/file")).body == b"first"


async def test_while_one_uploads_another_may_not(door: Gallery) -> None:
    image_id = await made(door)
    started, release = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"abc"
        started.set()
        await release.wait()
        yield b"def"

    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(put(door, image_id, slow()))
        await started.wait()
        assert (await shown(door, image_id))["status"] == "saving"
        second = await put(door, image_id, b"xyz")
        assert second.status == 409
        assert await door.images.recover() == 0  # it is alive
        release.set()
    assert (await first).status == 204
    assert (await door(ANN, "GET", f"{URL}/{image_id}/file")).body == b"abcdef"


async def test_an_upload_that_breaks_off_leaves_nothing_and_can_be_repeated(door: Gallery) -> None:
    """A client that goes away in the middle: the image waits for its bits again, as in Glance."""
    image_id = await made(door)
    headers = {"X-Auth-Token": door.tokens.issue(ANN), **OCTETS, "Content-Length": "1000"}
    reply = await asgi.call(door.app, "PUT", f"{URL}/{image_id}/file", headers=headers, body=pieces(b"abc"))
    assert reply.status == 400
    image = await shown(door, image_id)
    assert (image["status"], image["size"], image["checksum"]) == ("queued", None, None)
    assert door.files() == []
    assert (await put(door, image_id, b"abc")).status == 204


async def test_an_upload_whose_handler_is_cancelled_leaves_nothing(door: Gallery) -> None:
    image_id = await made(door)
    started = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"a" * (2 * CHUNK)
        started.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(put(door, image_id, endless()))
    await started.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert (await shown(door, image_id))["status"] == "queued"
    assert door.files() == []


@pytest.mark.parametrize(
    ("size", "status", "sentence"),
    [
        ("5", 400, "Size mismatch: expected 5 bytes, got 3 bytes"),
        ("2", 400, "Size exceeds: expected 2 bytes, got 3 bytes"),
        ("x", 400, "Invalid or missing image size in request headers."),
    ],
)
async def test_as_many_bytes_come_as_were_said(door: Gallery, size: str, status: int, sentence: str) -> None:
    image_id = await made(door)
    reply = await put(door, image_id, b"abc", **{"X-OpenStack-Image-Size": size})
    assert (reply.status, said(reply)) == (status, sentence)
    assert (await shown(door, image_id))["status"] == "queued"
    assert door.files() == []


async def test_an_image_larger_than_allowed_is_refused(door: Gallery) -> None:
    image_id = await made(door)
    reply = await put(door, image_id, pieces(*[b"a" * CHUNK] * 9))
    assert reply.status == 413
    assert said(reply) == "The incoming image is too large: The provided image is too large."
    assert (await shown(door, image_id))["status"] == "queued"
    assert door.files() == []
    assert CAP == 8 * CHUNK


async def test_formats_come_before_bits(door: Gallery) -> None:
    image_id = await made(door, disk_format=None, container_format=None)
    reply = await put(door, image_id, b"abc")
    assert reply.status == 400
    assert said(reply) == "Properties disk_format, container_format must be set prior to saving data."
    one = await made(door, container_format=None)
    assert said(await put(door, one, b"abc")) == "Property container_format must be set prior to saving data."
    assert door.files() == []


async def test_formats_stay_when_there_are_bits(door: Gallery) -> None:
    image_id = await made(door)
    await put(door, image_id, b"abc")
    patch = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
    change = [{"op": "replace", "path": "/disk_format", "value": "qcow2"}]
    reply = await door(ANN, "PATCH", f"{URL}/{image_id}", change, headers=patch)
    assert (reply.status, said(reply)) == (
        403,
        "Attribute disk_format can be only replaced for a queued image.",
    )


async def test_only_octets_are_bits(door: Gallery) -> None:
    image_id = await made(door)
    reply = await door(ANN, "PUT", f"{URL}/{image_id}/file", {"a": 1})
    assert (reply.status, said(reply)) == (415, "Invalid content type application/json")


# --- what is in the bits ---------------------------------------------------------------------------------


def qcow2(virtual_size: int, backing: bool = False) -> bytes:
    """The head of a QCOW2 of version 3: what its specification says, and as much room as readers look at."""
    offset = 104 if backing else 0
    head = struct.pack(">4sIQIIQ", b"QFI\xfb", 3, offset, 8 if backing else 0, 16, virtual_size)
    head += struct.pack(">IIQQIIQ", 0, 1, 0, 0, 1, 0, 0)
    head += struct.pack(">QQQII", 0, 0, 0, 4, 104)
    return head.ljust(104, b"\0") + b"/etc/pwd" + b"\0" * 65536


async def test_a_disk_tells_its_own_size(door: Gallery) -> None:
    image_id = await made(door, disk_format="qcow2")
    bits = qcow2(1 << 30)
    assert (await put(door, image_id, bits)).status == 204
    image = await shown(door, image_id)
    assert (image["size"], image["virtual_size"]) == (len(bits), 1 << 30)


async def test_bits_must_be_what_they_are_said_to_be(door: Gallery) -> None:
    image_id = await made(door, disk_format="qcow2")
    reply = await put(door, image_id, b"abc")
    assert (reply.status, said(reply)) == (415, "Image disk_format qcow2 does not match stream data raw")
    assert (await shown(door, image_id))["status"] == "queued"
    assert door.files() == []


async def test_a_disk_that_would_have_a_hypervisor_read_other_files_is_refused(door: Gallery) -> None:
    image_id = await made(door, disk_format="qcow2")
    reply = await put(door, image_id, qcow2(1 << 30, backing=True))
    assert (reply.status, said(reply)) == (415, "Image failed safety checks")
    assert door.files() == []


async def test_kernels_and_containers_are_not_looked_into(door: Gallery) -> None:
    for disk, container in (("aki", "aki"), ("ari", "ari"), ("vmdk", "ova")):
        image_id = await made(door, disk_format=disk, container_format=container)
        assert (await put(door, image_id, b"anything")).status == 204, disk


# --- deactivated, deleted, imported -----------------------------------------------------------------------


async def test_a_deactivated_image_is_given_to_admins_only(door: Gallery) -> None:
    image_id = await made(door)
    actions = f"{URL}/{image_id}/actions"
    early = await door(ANN, "POST", f"{actions}/deactivate")
    assert (early.status, said(early)) == (403, "Not allowed to deactivate image in status 'queued'")
    await put(door, image_id, b"abc")
    for _ in range(2):
        assert (await door(ANN, "POST", f"{actions}/deactivate")).status == 204
    assert (await shown(door, image_id))["status"] == "deactivated"
    refused = await door(ANN, "GET", f"{URL}/{image_id}/file")
    sentence = "The requested image has been deactivated. Image data download is forbidden."
    assert (refused.status, said(refused)) == (403, sentence)
    assert (await door(ROOT, "GET", f"{URL}/{image_id}/file")).body == b"abc"
    assert (await door(ANN, "POST", f"{actions}/reactivate")).status == 204
    assert (await door(ANN, "GET", f"{URL}/{image_id}/file")).body == b"abc"


async def test_bits_go_to_those_who_may_see_the_image(door: Gallery) -> None:
    image_id = await made(door, visibility="private")
    await put(door, image_id, b"abc")
    assert (await door(BOB, "GET", f"{URL}/{image_id}/file")).status == 404
    assert (await door(READER, "GET", f"{URL}/{image_id}/file")).status == 403
    community = await made(door, visibility="community")
    await put(door, community, b"abc")
    assert (await door(BOB, "GET", f"{URL}/{community}/file")).body == b"abc"


async def test_an_image_deleted_during_its_upload_stays_deleted(door: Gallery) -> None:
    image_id = await made(door)
    started, release = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"abc"
        started.set()
        await release.wait()

    async with asyncio.TaskGroup() as tasks:
        upload = tasks.create_task(put(door, image_id, slow()))
        await started.wait()
        assert (await door(ANN, "DELETE", f"{URL}/{image_id}")).status == 204
        release.set()
    reply = await upload
    assert reply.status == 410
    assert said(reply).startswith(f"Image {image_id} could not be found after upload.")
    assert door.files() == []
    assert (await door(ANN, "GET", f"{URL}/{image_id}")).status == 404


async def test_staged_bits_wait_for_their_import(door: Gallery) -> None:
    image_id = await made(door)
    one = f"{URL}/{image_id}"
    method = {"method": {"name": "glance-direct"}}
    early = await door(ANN, "POST", f"{one}/import", method)
    sentence = "Image needs to be staged before 'glance-direct' method can be used"
    assert (early.status, said(early)) == (409, sentence)
    assert (await door(ANN, "PUT", f"{one}/stage", body=b"abc", headers=OCTETS)).status == 204
    image = await shown(door, image_id)
    assert (image["status"], image["size"]) == ("uploading", 3)
    assert (await door(ANN, "GET", f"{one}/file")).status == 204
    assert await door.images.recover() == 0  # whole, and waiting
    assert (await door(ANN, "POST", f"{one}/import", method)).status == 202
    assert (await shown(door, image_id))["status"] == "active"
    assert (await door(ANN, "GET", f"{one}/file")).body == b"abc"
    again = await door(ANN, "POST", f"{one}/import", method)
    assert (again.status, said(again)) == (409, "Image with status active cannot be target for import")


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "Import request requires a 'method' field."),
        ({"method": {}}, "Import request requires a 'name' field."),
        ({"method": {"name": "web-download"}}, "Unknown import method name 'web-download'."),
        (
            {"method": {"name": "glance-direct"}, "all_stores": "yes"},
            "'all_stores' must be boolean value only",
        ),
    ],
)
async def test_only_what_works_can_be_imported(door: Gallery, body: Any, sentence: str) -> None:
    image_id = await made(door)
    reply = await door(ANN, "POST", f"{URL}/{image_id}/import", body)
    assert (reply.status, said(reply)) == (400, sentence)


# --- after a crash ---------------------------------------------------------------------------------------


async def test_an_upload_whose_process_died_is_taken_back_at_the_next_start(door: Gallery) -> None:
    image_id = await made(door)
    await say_saving(door, image_id)
    door.bits.path(image_id).with_suffix(".part").write_bytes(b"half of")
    assert await door.images.recover() == 1
    assert (await shown(door, image_id))["status"] == "queued"
    assert door.files() == []
    assert await door.images.recover() == 0


async def test_an_upload_whose_process_died_can_be_repeated_at_once(door: Gallery) -> None:
    image_id = await made(door)
    await say_saving(door, image_id)
    door.bits.path(image_id).with_suffix(".part").write_bytes(b"half of something longer")
    assert (await put(door, image_id, b"whole")).status == 204
    assert (await door(ANN, "GET", f"{URL}/{image_id}/file")).body == b"whole"


async def say_saving(door: Gallery, image_id: str) -> None:
    """What the store says while an upload goes on."""
    async with door.rows.store.transaction() as tx:
        row = await door.rows.resources.fetch(tx, "image", image_id)
        assert row is not None
        row.status = "saving"
        await door.rows.resources.save(tx, row)


async def test_two_writers_never_share_a_file(tmp_path: Any) -> None:
    bits = BitsDirectory(tmp_path / "b", cap=10)
    first = bits.begin("x")
    assert first is not None
    assert bits.begin("x") is None
    assert not bits.abandoned("x")
    with pytest.raises(TooLarge):
        await first.write(b"a" * 11)
    first.abandon()
    first.abandon()
    assert bits.abandoned("x")
    assert not bits.present("x")


@pytest.mark.parametrize("id", ["6a4f3cf3-0ba7-4ce6-b8d5-0c4f1e6f2c11\n", "../up", ""])
def test_an_id_that_only_an_earlier_version_took_stops_no_start_and_no_delete(
    tmp_path: Path, id: str
) -> None:
    bits, other = BitsDirectory(tmp_path / "images"), tmp_path / "up"
    other.write_bytes(b"somebody else's")
    assert bits.abandoned(id), "a start asks this of every upload that was cut off"
    bits.remove(id)
    assert other.exists()
