"""GET /images: filters, sorting, pages."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.services.image.conftest import Gallery
from tests.unit.services.in_process import ANN, BOB, said

URL = "/image/v2/images"
OCTETS = {"Content-Type": "application/octet-stream"}


async def names(door: Gallery, query: str = "", who: Any = ANN) -> list[str]:
    return [image["name"] for image in (await door(who, "GET", f"{URL}?{query}")).ok()["images"]]


async def a_gallery(door: Gallery) -> None:
    """Four images, a second apart: a (3 bytes), b (5 bytes), c and d without bits."""
    pictures: list[tuple[str, bytes, dict[str, Any]]] = [
        ("a", b"abc", {"tags": ["x"], "os_distro": "cirros", "min_ram": 64}),
        ("b", b"abcde", {"tags": ["x", "y"], "os_distro": "debian", "min_disk": 5}),
        ("c", b"", {"os_distro": "Cirros", "protected": True}),
        ("d, e", b"", {"os_hidden": True}),
    ]
    for name, bits, fields in pictures:
        body = {"name": name, "disk_format": "raw", "container_format": "bare", **fields}
        image_id = (await door(ANN, "POST", URL, body)).ok()["id"]
        if bits:
            await door(ANN, "PUT", f"{URL}/{image_id}/file", body=bits, headers=OCTETS)
        await door.rows.clock.advance(1)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["c", "b", "a"]),
        ("name=a", ["a"]),
        ("name=in:a,b,zz", ["b", "a"]),
        ('name=in:"d, e",a&os_hidden=true', ["d, e"]),
        ("name=eq:b", ["b"]),
        ("status=active", ["b", "a"]),
        ("status=in:queued,saving", ["c"]),
        ("os_hidden=true", ["d, e"]),
        ("protected=true", ["c"]),
        ("protected=false", ["b", "a"]),
        ("tag=x", ["b", "a"]),
        ("tag=x&tag=y", ["b"]),
        ("tag=X", []),
        ("os_distro=cirros", ["a"]),
        ("os_distro=debian&tag=y", ["b"]),
        ("os_distro=%25", []),
        ("colour=red", []),
        ("size_min=4", ["b"]),
        ("size_max=4", ["a"]),
        ("size_min=0", ["b", "a"]),
        ("size=5", ["b"]),
        ("size=x", []),
        ("min_ram=64", ["a"]),
        ("min_ram_min=1", ["a"]),
        ("min_disk_max=4", ["c", "a"]),
        ("checksum=900150983cd24fb0d6963f7d28e17f72", ["a"]),
        ("disk_format=raw", ["c", "b", "a"]),
        ("disk_format=qcow2", []),
        ("container_format=in:bare,ovf", ["c", "b", "a"]),
        ("created_at=gt:2026-01-01T00:00:00Z", ["c", "b"]),
        ("created_at=gte:2026-01-01T00:00:01Z", ["c", "b"]),
        ("created_at=lt:2026-01-01T00:00:01Z", ["a"]),
        ("created_at=lte:2026-01-01T00:00:01Z", ["b", "a"]),
        ("created_at=eq:2026-01-01T00:00:01Z", ["b"]),
        ("created_at=2026-01-01T00:00:01Z", ["b"]),
        ("created_at=neq:2026-01-01T00:00:01Z", ["c", "a"]),
        ("updated_at=gt:2026-01-01T00:00:01Z", ["c"]),
        ("sort=name:asc", ["a", "b", "c"]),
        ("sort=size:asc", ["c", "a", "b"]),
        ("sort=size:desc", ["b", "a", "c"]),
        ("sort_key=name&sort_dir=asc", ["a", "b", "c"]),
        ("sort=status:asc,name:desc", ["b", "a", "c"]),
        ("limit=0", []),
    ],
)
async def test_filters_and_sorting_are_glances(door: Gallery, query: str, found: list[str]) -> None:
    await a_gallery(door)
    assert await names(door, query) == found


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("created_at=foo", 'Bad "created_at" query filter format. Use ISO 8601 DateTime notation.'),
        ("created_at=foo:2026-01-01T00:00:01Z", "Unable to filter on a unknown operator."),
        ("marker=foo", "No image found with ID foo"),
        ("visibility=foo", "Invalid visibility value: foo"),
        ("member_status=foo", "Invalid status: foo"),
        ("size_min=foo", "Unable to filter on a range with a non-numeric value."),
        ("name=foo:x", "Unable to filter by unknown operator 'foo'."),
        ('name=in:"a', 'Invalid filter value "a. The quote is not closed.'),
        (
            "sort_key=foo",
            "Invalid sort key: foo. It must be one of the following: name, status, container_format, disk_format, "
            "size, id, created_at, updated_at.",
        ),
        ("protected=foo", "Invalid value 'foo' for 'protected' filter. Valid values are 'true' or 'false'."),
        ("os_hidden=foo", "Invalid value 'foo' for 'os_hidden' filter. Valid values are 'true' or 'false'."),
        ("limit=x", "limit param must be an integer"),
        ("changes-since=2026", 'The "changes-since" filter is no longer available on v2.'),
    ],
)
async def test_a_wrong_query_is_refused_in_glances_words(door: Gallery, query: str, sentence: str) -> None:
    reply = await door(ANN, "GET", f"{URL}?{query}")
    assert (reply.status, said(reply)) == (400, sentence)


async def test_pages_follow_on_each_other(door: Gallery) -> None:
    await a_gallery(door)
    url, seen, first = f"{URL}?limit=2&sort=name:asc&visibility=all", [], ""
    while url:
        reply = (await door(ANN, "GET", url)).ok()
        seen += [image["name"] for image in reply["images"]]
        assert reply["schema"] == "/v2/schemas/images"
        first = reply["first"]
        url = "/image" + reply["next"] if "next" in reply else ""
    assert seen == ["a", "b", "c"]
    assert first == "/v2/images?limit=2&sort=name%3Aasc&visibility=all"


async def test_a_marker_that_is_anothers_is_no_marker(door: Gallery) -> None:
    body = {"name": "mine", "visibility": "private"}
    image_id = (await door(ANN, "POST", URL, body)).ok()["id"]
    reply = await door(BOB, "GET", f"{URL}?marker={image_id}")
    assert (reply.status, said(reply)) == (400, f"No image found with ID {image_id}")


# --- members ---------------------------------------------------------------------------------------


async def shared(door: Gallery) -> str:
    image_id: str = (await door(ANN, "POST", URL, {"name": "pic"})).ok()["id"]
    reply = await door(ANN, "POST", f"{URL}/{image_id}/members", {"member": "project-b"})
    assert reply.ok() == {
        "member_id": "project-b",
        "image_id": image_id,
        "status": "pending",
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "schema": "/v2/schemas/member",
    }
    return image_id


async def test_an_image_that_was_shared_is_listed_when_it_is_accepted(door: Gallery) -> None:
    image_id = await shared(door)
    assert (await door(BOB, "GET", f"{URL}/{image_id}")).status == 200
    assert await names(door, "", BOB) == []
    assert await names(door, "member_status=pending", BOB) == ["pic"]
    assert await names(door, "member_status=all", BOB) == ["pic"]
    accepted = await door(BOB, "PUT", f"{URL}/{image_id}/members/project-b", {"status": "accepted"})
    assert accepted.ok()["status"] == "accepted"
    assert await names(door, "", BOB) == ["pic"]
    assert await names(door, "visibility=shared", BOB) == ["pic"]
    await door(BOB, "PUT", f"{URL}/{image_id}/members/project-b", {"status": "rejected"})
    assert await names(door, "", BOB) == []
    assert await names(door, "member_status=rejected", BOB) == ["pic"]


async def test_a_member_sees_itself_and_the_owner_all(door: Gallery) -> None:
    image_id = await shared(door)
    every = f"{URL}/{image_id}/members"
    await door(ANN, "POST", every, {"member": "project-c"})
    for who, members in ((ANN, ["project-b", "project-c"]), (BOB, ["project-b"])):
        reply = (await door(who, "GET", every)).ok()
        assert [member["member_id"] for member in reply["members"]] == members
        assert reply["schema"] == "/v2/schemas/members"
    foreign = await door(BOB, "GET", f"{every}/project-c")
    sentence = f"project-c not found in the member list of the image {image_id}."
    assert (foreign.status, said(foreign)) == (404, sentence)
    answer = await door(BOB, "PUT", f"{every}/project-c", {"status": "accepted"})
    assert answer.status == 404


async def test_the_owner_shares_and_the_member_answers(door: Gallery) -> None:
    image_id = await shared(door)
    one = f"{URL}/{image_id}/members/project-b"
    owner = await door(ANN, "PUT", one, {"status": "accepted"})
    assert (owner.status, said(owner)) == (403, "You are not authorized to complete modify_member action.")
    member = await door(BOB, "POST", f"{URL}/{image_id}/members", {"member": "project-c"})
    assert (member.status, said(member)) == (403, "You are not authorized to complete add_member action.")
    assert (await door(BOB, "DELETE", one)).status == 403
    assert (await door(ANN, "DELETE", one)).status == 204
    assert (await door(ANN, "DELETE", one)).status == 404
    assert (await door(BOB, "GET", f"{URL}/{image_id}")).status == 404


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "Member to be added not specified"),
        ({"member": ""}, "Member can't be empty"),
        ({"member": 5}, 'Expected a member in the form: {"member": "image_id"}'),
    ],
)
async def test_a_wrong_member_is_refused(door: Gallery, body: Any, sentence: str) -> None:
    image_id = await shared(door)
    reply = await door(ANN, "POST", f"{URL}/{image_id}/members", body)
    assert (reply.status, said(reply)) == (400, sentence)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "Status not specified"),
        ({"status": "maybe"}, 'Incorrect request: Status must be "pending", "accepted" or "rejected".'),
    ],
)
async def test_a_wrong_answer_is_refused(door: Gallery, body: Any, sentence: str) -> None:
    image_id = await shared(door)
    reply = await door(BOB, "PUT", f"{URL}/{image_id}/members/project-b", body)
    assert (reply.status, said(reply)) == (400, sentence)


async def test_a_project_is_a_member_once(door: Gallery) -> None:
    image_id = await shared(door)
    reply = await door(ANN, "POST", f"{URL}/{image_id}/members", {"member": "project-b"})
    assert (reply.status, said(reply)) == (409, f"Member project-b is duplicated for image {image_id}")


async def test_only_shared_images_have_members(door: Gallery) -> None:
    image_id = (await door(ANN, "POST", URL, {"visibility": "private"})).ok()["id"]
    every = f"{URL}/{image_id}/members"
    listed = await door(ANN, "GET", every)
    sentence = f"Not allowed to list members for image {image_id}: Only shared images have members."
    assert (listed.status, said(listed)) == (403, sentence)
    assert (await door(ANN, "POST", every, {"member": "x"})).status == 403
    assert (await door(ANN, "GET", f"{every}/x")).status == 404


async def test_an_image_taken_back_is_no_longer_seen_by_its_members(door: Gallery) -> None:
    image_id = await shared(door)
    await door(BOB, "PUT", f"{URL}/{image_id}/members/project-b", {"status": "accepted"})
    change = [{"op": "replace", "path": "/visibility", "value": "private"}]
    patch = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
    await door(ANN, "PATCH", f"{URL}/{image_id}", change, headers=patch)
    assert await names(door, "", BOB) == []
    assert (await door(BOB, "GET", f"{URL}/{image_id}")).status == 404
