"""Records of images through the real pipeline. Sentences and statuses are those of a running Glance 33."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.model.errors import NotFound
from fractus.services.image.images.queries import ImageSource
from tests.unit.services.image.conftest import Gallery
from tests.unit.services.in_process import AMY, ANN, BOB, READER, ROOT, said

URL = "/image/v2/images"
GIVEN = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
OLD_PATCH = {"Content-Type": "application/openstack-images-v2.0-json-patch"}


async def made(door: Gallery, who: Any = ANN, **fields: Any) -> str:
    reply = await door(who, "POST", URL, {"name": "pic", **fields})
    image_id: str = reply.ok()["id"]
    return image_id


async def patched(door: Gallery, image_id: str, *changes: dict[str, Any], who: Any = ANN) -> Any:
    return await door(who, "PATCH", f"{URL}/{image_id}", list(changes), headers=PATCH)


@pytest.mark.parametrize("after", ["\n", "\r\n", "\n\n", "\u2028", "/..", "\x00"])
async def test_an_id_is_a_uuid_to_its_end(door: Gallery, after: str) -> None:
    """It becomes a part of a URL and the name of a file."""
    reply = await door(ANN, "POST", URL, {"name": "pic", "id": GIVEN + after})
    assert reply.status == 400
    assert (await door(ANN, "GET", URL)).ok()["images"] == []
    for odd in (GIVEN + after, "../" + GIVEN, "", ".", ".."):
        with pytest.raises(ValueError, match="is no id"):
            door.bits.path(odd)


async def test_a_new_image_waits_for_its_bits(door: Gallery) -> None:
    body = {"name": "pic", "id": GIVEN, "tags": ["t", "t"], "os_distro": "cirros", "min_disk": 1}
    reply = await door(ANN, "POST", URL, body)
    assert reply.status == 201
    assert reply.headers["location"] == f"http://fractus.test/image/v2/images/{GIVEN}"
    assert reply.headers["openstack-image-import-methods"] == "glance-direct"
    document = {
        "os_distro": "cirros",
        "name": "pic",
        "disk_format": None,
        "container_format": None,
        "visibility": "shared",
        "size": None,
        "virtual_size": None,
        "status": "queued",
        "checksum": None,
        "protected": False,
        "min_ram": 0,
        "min_disk": 1,
        "owner": "project-a",
        "os_hidden": False,
        "os_hash_algo": None,
        "os_hash_value": None,
        "id": GIVEN,
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "tags": ["t"],
        "self": f"/v2/images/{GIVEN}",
        "file": f"/v2/images/{GIVEN}/file",
        "schema": "/v2/schemas/image",
    }
    assert reply.json == document
    assert (await door(AMY, "GET", f"{URL}/{GIVEN}")).ok() == document


FORMATS = "'ami', 'ari', 'aki', 'vhd', 'vhdx', 'vmdk', 'raw', 'qcow2', 'vdi', 'iso', 'ploop'"


def schema(why: str) -> str:
    return f"Provided object does not match schema 'image': {why}"


@pytest.mark.parametrize(
    ("fields", "status", "sentence"),
    [
        ({"visibility": "public"}, 403, "You are not authorized to complete publicize_image action."),
        ({"owner": "x"}, 403, "You are not permitted to create images owned by 'x'"),
        ({"status": "active"}, 403, "Attribute 'status' is read-only."),
        ({"self": "x"}, 403, "Attribute 'self' is read-only."),
        ({"deleted": "x"}, 403, "Attribute 'deleted' is reserved."),
        ({"os_glance_x": "x"}, 403, "Attribute 'os_glance_x' is reserved."),
        ({"locations": []}, 403, "Attribute 'locations' is reserved."),
        ({"disk_format": "foo"}, 400, schema(f"'foo' is not one of [None, {FORMATS}]")),
        ({"min_disk": -1}, 400, "Invalid value '-1' for parameter 'min_disk': Cannot be a negative value"),
        ({"min_disk": 99999999999}, 400, "'min_disk' value out of range, must not exceed 2147483647."),
        ({"tags": [1]}, 400, schema("1 is not of type 'string'")),
        ({"colour": 5}, 400, schema("5 is not of type 'string'")),
        ({"name": "a" * 256}, 400, schema(f"{'a' * 256!r} is too long")),
        ({"protected": "yes"}, 400, schema("'yes' is not of type 'boolean'")),
        ({"k" * 256: "v"}, 400, "Custom property should not be greater than 255 characters."),
        (
            {f"p{n}": "v" for n in range(129)},
            413,
            "The limit has been exceeded on the number of allowed image properties. Attempted: 129, Maximum: 128",
        ),
        (
            {"tags": [f"t{n}" for n in range(129)]},
            413,
            "The limit has been exceeded on the number of allowed image tags. Attempted: 129, Maximum: 128",
        ),
    ],
)
async def test_a_wrong_image_is_refused_in_glances_words(
    door: Gallery, fields: dict[str, Any], status: int, sentence: str
) -> None:
    reply = await door(ANN, "POST", URL, {"name": "pic", **fields})
    assert (reply.status, said(reply)) == (status, sentence)
    assert (await door(ROOT, "GET", URL)).ok()["images"] == []


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "Body expected in request."),
        (b"{bad", "Malformed JSON in request body."),
        (b"[]", "Provided object does not match schema 'image': [] is not of type 'object'"),
    ],
)
async def test_a_body_that_is_no_image_is_refused(door: Gallery, body: bytes, sentence: str) -> None:
    reply = await door(ANN, "POST", URL, body=body, headers={"Content-Type": "application/json"})
    assert (reply.status, said(reply)) == (400, sentence)


async def test_an_id_is_used_once_for_ever(door: Gallery) -> None:
    await made(door, id=GIVEN)
    for _ in range(2):
        reply = await door(BOB, "POST", URL, {"id": GIVEN})
        assert (reply.status, said(reply)) == (409, f"Image ID {GIVEN} already exists!")
        await door(ANN, "DELETE", f"{URL}/{GIVEN}")


async def test_readers_make_nothing(door: Gallery) -> None:
    reply = await door(READER, "POST", URL, {"name": "pic"})
    assert (reply.status, said(reply)) == (403, "You are not authorized to complete add_image action.")


async def test_admins_make_public_images_and_images_of_others(door: Gallery) -> None:
    public = await made(door, ROOT, visibility="public")
    assert (await door(BOB, "GET", f"{URL}/{public}")).status == 200
    given = await made(door, ROOT, owner="project-b")
    assert (await door(BOB, "GET", f"{URL}/{given}")).ok()["owner"] == "project-b"
    assert (await door(ANN, "GET", f"{URL}/{given}")).status == 404


# --- visibility ---------------------------------------------------------------------------------------


async def ids(door: Gallery, who: Any, query: str = "") -> set[str]:
    return {image["name"] for image in (await door(who, "GET", f"{URL}?{query}")).ok()["images"]}


async def a_gallery(door: Gallery) -> dict[str, str]:
    found = {}
    for who, visibility in ((ROOT, "public"), (ANN, "private"), (ANN, "shared"), (ANN, "community")):
        found[visibility] = await made(door, who, name=visibility, visibility=visibility)
    return found


@pytest.mark.parametrize(
    ("who", "query", "names"),
    [
        (ANN, "", {"public", "private", "shared", "community"}),
        (AMY, "", {"public", "private", "shared", "community"}),
        (BOB, "", {"public"}),
        (BOB, "visibility=community", {"community"}),
        (BOB, "visibility=all", {"public", "community"}),
        (BOB, "visibility=private", set()),
        (ROOT, "", {"public", "private", "shared"}),
        (ROOT, "visibility=all", {"public", "private", "shared", "community"}),
        (ROOT, "visibility=private", {"private"}),
        (ROOT, "owner=project-a", {"private", "shared"}),
    ],
)
async def test_lists_have_what_the_caller_may_see(
    door: Gallery, who: Any, query: str, names: set[str]
) -> None:
    await a_gallery(door)
    assert await ids(door, who, query) == names


@pytest.mark.parametrize(
    ("visibility", "status"), [("public", 200), ("community", 200), ("shared", 404), ("private", 404)]
)
async def test_a_stranger_sees_by_visibility(door: Gallery, visibility: str, status: int) -> None:
    image_id = (await a_gallery(door))[visibility]
    shown = await door(BOB, "GET", f"{URL}/{image_id}")
    assert shown.status == status
    source = ImageSource(door.rows.resources)
    if status == 200:
        assert (await source.usable(door.rows.store, BOB, image_id)).id == image_id
    else:
        assert said(shown) == f"No image found with ID {image_id}"
        with pytest.raises(NotFound) as refusal:
            await source.usable(door.rows.store, BOB, image_id)
        assert refusal.value.message == f"Image {image_id} could not be found."


async def test_what_a_stranger_sees_they_still_may_not_change(door: Gallery) -> None:
    """403 where it can be seen, 404 where it cannot: nobody learns of another's images by trying."""
    for visibility, image_id in (await a_gallery(door)).items():
        one = f"{URL}/{image_id}"
        seen = visibility in ("public", "community")
        change = {"op": "replace", "path": "/name", "value": "mine"}
        octets = {"Content-Type": "application/octet-stream"}
        replies = [
            await patched(door, image_id, change, who=BOB),
            await door(BOB, "DELETE", one),
            await door(BOB, "PUT", f"{one}/tags/x"),
            await door(BOB, "DELETE", f"{one}/tags/x"),
            await door(BOB, "POST", f"{one}/actions/deactivate"),
            await door(BOB, "POST", f"{one}/actions/reactivate"),
            await door(BOB, "PUT", f"{one}/file", body=b"x", headers=octets),
            await door(BOB, "PUT", f"{one}/stage", body=b"x", headers=octets),
            await door(BOB, "POST", f"{one}/members", {"member": "x"}),
        ]
        assert [reply.status for reply in replies] == [403 if seen else 404] * len(replies), visibility
    assert door.files() == []
    assert await ids(door, ANN) == {"public", "private", "shared", "community"}


OPERATIONS = "It must be one of the following: add, remove, replace."
ESCAPE = 'contains "~" not part of a recognized escape sequence.'
PUBLICIZE = "You are not authorized to complete publicize_image action."
INVISIBLE = "It's not allowed to {} locations if locations are invisible."
LOCATION = {"url": "http://images.example.com/1", "metadata": {}}
NEGATIVE = "Invalid value '-1' for parameter 'min_ram': Cannot be a negative value"


# --- patch ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "status", "sentence"),
    [
        ({"op": "foo"}, 400, f"Invalid operation: `foo`. {OPERATIONS}"),
        ({"path": "/a"}, 400, f"Unable to find `op` in JSON Schema change. {OPERATIONS}"),
        ({"op": "add"}, 400, "Unable to find 'path' in JSON Schema change"),
        ({"op": "add", "path": "/a"}, 400, 'Operation "add" requires a member named "value".'),
        ({"op": "add", "path": "/a/b", "value": "c"}, 400, "Invalid JSON pointer for this resource: '/a/b'"),
        ({"op": "add", "path": "a", "value": "c"}, 400, 'Pointer `a` does not start with "/".'),
        ({"op": "add", "path": "/a/", "value": "c"}, 400, 'Pointer `/a/` end with "/".'),
        ({"op": "add", "path": "/a~", "value": "c"}, 400, f"Pointer `/a~` {ESCAPE}"),
        ({"op": "add", "path": "/status", "value": "c"}, 403, "Attribute 'status' is read-only."),
        ({"op": "add", "path": "/deleted", "value": "c"}, 403, "Attribute 'deleted' is reserved."),
        ({"op": "replace", "path": "/zz", "value": "c"}, 409, "Property zz does not exist."),
        ({"op": "remove", "path": "/name"}, 403, "Property name may not be removed."),
        ({"op": "remove", "path": "/zz"}, 409, "Property zz does not exist."),
        ({"op": "add", "path": "/zz", "value": 5}, 400, schema("5 is not of type 'string'")),
        ({"op": "replace", "path": "/visibility", "value": "public"}, 403, PUBLICIZE),
        ({"op": "replace", "path": "/owner", "value": "x"}, 403, "Owner can't be updated by non admin."),
        ({"op": "add", "path": "/owner", "value": "x"}, 403, "Owner can't be updated by non admin."),
        ({"op": "replace", "path": "/locations", "value": []}, 403, "Cannot set locations to empty list."),
        ({"op": "replace", "path": "/locations", "value": 7}, 400, schema("7 is not of type 'array'")),
        ({"op": "replace", "path": "/locations", "value": [LOCATION]}, 403, INVISIBLE.format("update")),
        ({"op": "add", "path": "/locations/-", "value": LOCATION}, 403, INVISIBLE.format("add")),
        ({"op": "add", "path": "/locations/-", "value": 7}, 400, schema("7 is not of type 'object'")),
        (
            {"op": "add", "path": "/locations/-", "value": {"url": "http://x"}},
            400, schema("'metadata' is a required property"),
        ),
        ({"op": "replace", "path": "/min_ram", "value": -1}, 400, NEGATIVE),
    ],
)  # fmt: skip
async def test_a_wrong_patch_changes_nothing(
    door: Gallery, change: dict[str, Any], status: int, sentence: str
) -> None:
    image_id = await made(door)
    before = (await door(ANN, "GET", f"{URL}/{image_id}")).ok()
    reply = await patched(door, image_id, {"op": "replace", "path": "/name", "value": "new"}, change)
    assert (reply.status, said(reply)) == (status, sentence)
    assert (await door(ANN, "GET", f"{URL}/{image_id}")).ok() == before


async def test_a_patch_changes_all_it_names(door: Gallery) -> None:
    image_id = await made(door, a="1", b="2")
    await door.rows.clock.advance(5)
    reply = await patched(
        door,
        image_id,
        {"op": "replace", "path": "/name", "value": "new"},
        {"op": "replace", "path": "/tags", "value": ["x", "y", "x"]},
        {"op": "replace", "path": "/a", "value": "10"},
        {"op": "remove", "path": "/b"},
        {"op": "add", "path": "/c~1d", "value": "3"},
        {"op": "add", "path": "/disk_format", "value": "raw"},
        {"op": "replace", "path": "/visibility", "value": "community"},
        {"op": "replace", "path": "/os_hidden", "value": True},
    )
    image = reply.ok()
    assert image == (await door(ANN, "GET", f"{URL}/{image_id}")).ok()
    assert image["updated_at"] == "2026-01-01T00:00:05Z"
    expected = {
        "name": "new",
        "tags": ["x", "y"],
        "a": "10",
        "c/d": "3",
        "disk_format": "raw",
        "os_hidden": True,
    }
    assert {name: image.get(name) for name in expected} == expected
    assert "b" not in image
    assert image["visibility"] == "community"


async def test_an_admin_gives_an_image_away(door: Gallery) -> None:
    image_id = await made(door)
    reply = await patched(door, image_id, {"op": "replace", "path": "/owner", "value": "project-b"}, who=ROOT)
    assert reply.ok()["owner"] == "project-b"
    assert (await door(ANN, "GET", f"{URL}/{image_id}")).status == 404
    assert (await door(BOB, "GET", f"{URL}/{image_id}")).status == 200


async def test_the_older_patch_has_another_form(door: Gallery) -> None:
    image_id = await made(door, a="1")
    for body, status in (
        ([{"add": "/b", "value": "2"}], 200),
        ([{"add": "/b", "value": "3"}], 409),
        ([{"replace": "/b", "value": "4"}], 200),
        ([{"remove": "/a"}], 200),
        ([{"add": "/x", "remove": "/b", "value": "1"}], 400),
        ([{"value": "1"}], 400),
    ):
        reply = await door(ANN, "PATCH", f"{URL}/{image_id}", body, headers=OLD_PATCH)
        assert reply.status == status, body
    image = (await door(ANN, "GET", f"{URL}/{image_id}")).ok()
    assert (image["b"], "a" in image, "x" in image) == ("4", False, False)


async def test_a_patch_needs_its_media_type(door: Gallery) -> None:
    image_id = await made(door)
    reply = await door(ANN, "PATCH", f"{URL}/{image_id}", [])
    assert reply.status == 415
    assert said(reply) == (
        "Image PATCH expects Content-Type one of: application/openstack-images-v2.0-json-patch, "
        "application/openstack-images-v2.1-json-patch"
    )


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "Request body must be a JSON array of operation objects."),
        (["x"], "Operations must be JSON objects."),
    ],
)
async def test_a_patch_is_a_list_of_objects(door: Gallery, body: Any, sentence: str) -> None:
    image_id = await made(door)
    reply = await door(ANN, "PATCH", f"{URL}/{image_id}", body, headers=PATCH)
    assert (reply.status, said(reply)) == (400, sentence)


# --- tags, deletion ----------------------------------------------------------------------------------


async def test_tags_come_and_go(door: Gallery) -> None:
    image_id = await made(door)
    for _ in range(2):
        assert (await door(ANN, "PUT", f"{URL}/{image_id}/tags/x")).status == 204
    assert (await door(ANN, "GET", f"{URL}/{image_id}")).ok()["tags"] == ["x"]
    assert (await door(ANN, "DELETE", f"{URL}/{image_id}/tags/x")).status == 204
    missing = await door(ANN, "DELETE", f"{URL}/{image_id}/tags/x")
    assert (missing.status, said(missing)) == (404, "The resource could not be found.")
    long = await door(ANN, "PUT", f"{URL}/{image_id}/tags/{'x' * 256}")
    assert long.status == 400


async def test_a_deleted_image_is_gone(door: Gallery) -> None:
    image_id = await made(door)
    assert (await door(ANN, "DELETE", f"{URL}/{image_id}")).status == 204
    for who in (ANN, ROOT):
        again = await door(who, "DELETE", f"{URL}/{image_id}")
        assert (again.status, said(again)) == (404, f"Failed to find image {image_id} to delete")
        assert (await door(who, "GET", f"{URL}/{image_id}")).status == 404
        assert await ids(door, who) == set()


async def test_a_protected_image_stays(door: Gallery) -> None:
    image_id = await made(door, protected=True)
    reply = await door(ANN, "DELETE", f"{URL}/{image_id}")
    assert (reply.status, said(reply)) == (403, f"Image {image_id} is protected and cannot be deleted.")
    await patched(door, image_id, {"op": "replace", "path": "/protected", "value": False})
    assert (await door(ANN, "DELETE", f"{URL}/{image_id}")).status == 204


# --- errors, documents -------------------------------------------------------------------------------


async def test_errors_are_html_unless_json_is_asked_for(door: Gallery) -> None:
    page = await door(ANN, "GET", f"{URL}/nope", headers={"Accept": "*/*"})
    assert page.headers["content-type"] == "text/html; charset=UTF-8"
    assert page.body.decode() == (
        "<html>\n <head>\n  <title>404 Not Found</title>\n </head>\n <body>\n  <h1>404 Not Found</h1>\n"
        "  No image found with ID nope<br /><br />\n\n\n\n </body>\n</html>"
    )
    json = await door(ANN, "GET", f"{URL}/nope")
    assert json.json == {
        "message": "No image found with ID nope<br /><br />\n\n\n",
        "code": "404 Not Found",
        "title": "Not Found",
    }


async def test_version_documents_are_glances(door: Gallery) -> None:
    choices = await door(ANN, "GET", "/image/")
    assert choices.status == 300
    versions = (await door(ANN, "GET", "/image/versions")).ok()
    assert versions == choices.json
    current = [one for one in versions["versions"] if one["status"] == "CURRENT"]
    link = {"rel": "self", "href": "http://fractus.test/image/v2/"}
    assert current == [{"id": "v2.17", "status": "CURRENT", "links": [link]}]


async def test_what_glance_says_of_itself(door: Gallery) -> None:
    methods = (await door(ANN, "GET", "/image/v2/info/import")).ok()["import-methods"]
    assert methods["value"] == ["glance-direct"]
    stores = await door(ANN, "GET", "/image/v2/info/stores")
    assert (stores.status, said(stores)) == (404, "Multi backend is not supported at this site.")
    assert (await door(ANN, "GET", "/image/v2/info/usage")).ok() == {"usage": {}}


@pytest.mark.parametrize("name", ["image", "images", "member", "members"])
async def test_schemas_name_every_field_that_is_shown(door: Gallery, name: str) -> None:
    image_id = await made(door)
    await door(ANN, "POST", f"{URL}/{image_id}/members", {"member": "project-b"})
    shown = {
        "image": f"{URL}/{image_id}",
        "images": URL,
        "member": f"{URL}/{image_id}/members/project-b",
        "members": f"{URL}/{image_id}/members",
    }[name]
    schema_document = (await door(ANN, "GET", f"/image/v2/schemas/{name}")).ok()
    assert schema_document["name"] == name
    assert set((await door(ANN, "GET", shown)).ok()) <= set(schema_document["properties"])


async def test_what_is_not_served_says_so(door: Gallery) -> None:
    reply = await door(ANN, "GET", "/image/v2/cache")
    assert reply.status == 501
    assert said(reply) == "fractus does not serve GET /cache of the image API yet."
