"""Bits of images that come from other hosts, and copies that go to clouds ahead of use."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from fractus.services.image.bits import BitsDirectory
from fractus.testing.user import BITS, IMAGE, User
from fractus.testing.world import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(clouds=2, tmp_path=tmp_path) as made:
        yield made


async def imports(
    user: User, image: str, name: str, headers: dict[str, str] | None = None, **more: Any
) -> Any:
    method = {"name": name, **({"uri": more.pop("uri")} if "uri" in more else {})}
    url = f"{IMAGE}/images/{image}/import"
    return await user.call("POST", url, {"method": method, **more}, headers=headers)


async def arrives(world: World) -> None:
    """Until nothing is under way: bits that come, workers, and tasks that see what workers did."""
    for _ in range(2):
        await world.core.kinds.images_api.settle()
        await world.core.kinds.images_api.copied()
        await world.settle()
    await world.core.kinds.images_api.settle()


async def shown(user: User, image: str) -> dict[str, Any]:
    document: dict[str, Any] = (await user.get(f"{IMAGE}/images/{image}")).ok()
    return document


async def tasks(user: User, image: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await user.get(f"{IMAGE}/images/{image}/tasks")).ok()["tasks"]
    return found


async def test_stores_are_ours_and_the_clouds(world: World) -> None:
    ann = world.user("ann")
    stores = (await ann.get(f"{IMAGE}/info/stores")).ok()["stores"]
    assert [one["id"] for one in stores] == ["fractus", "a", "b"]
    assert [one["id"] for one in stores if one.get("default") == "true"] == ["fractus"]
    assert (await ann.get(f"{IMAGE}/info/stores/detail")).status == 403
    detail = (await world.admin.get(f"{IMAGE}/info/stores/detail")).ok()["stores"]
    assert [(one["type"], one["weight"]) for one in detail] == [("file", 1), ("glance", 0), ("glance", 0)]
    methods = (await ann.get(f"{IMAGE}/info/import")).ok()["import-methods"]["value"]
    assert methods == ["glance-direct", "copy-image"], "nothing is downloaded unless hosts are named"
    made = await ann.post(f"{IMAGE}/images", {"name": "x"})
    assert made.headers["openstack-image-store-ids"] == "fractus,a,b"


async def test_an_image_says_in_which_stores_it_is(world: World) -> None:
    ann = world.user("ann")
    image = await ann.makes_image()
    assert (await shown(ann, image))["stores"] == "fractus"
    await ann.boots_server(image=image, zone="b")
    await world.settle()
    assert (await shown(ann, image))["stores"] == "b,fractus"
    patch = [{"op": "replace", "path": "/name", "value": "other"}]
    headers = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
    reply = await ann.call("PATCH", f"{IMAGE}/images/{image}", patch, headers=headers)
    assert reply.ok()["stores"] == "b,fractus", "a change forgets no store"


async def test_a_copy_goes_to_a_cloud_ahead_of_use_and_stays(world: World) -> None:
    ann, root = world.user("ann"), world.admin
    image = await ann.makes_image()
    assert (await imports(ann, image, "copy-image", stores=["a"])).status == 403, "clouds are the operator's"
    assert (await imports(root, image, "copy-image", stores=["a"])).status == 202
    found = await shown(ann, image)
    assert (found["stores"], found["os_glance_importing_to_stores"]) == ("fractus", "a")
    assert (await imports(root, image, "copy-image", stores=["b"])).status == 409, "one task at a time"
    await arrives(world)
    found = await shown(ann, image)
    assert (found["stores"], found["os_glance_importing_to_stores"]) == ("a,fractus", "")
    assert found["os_glance_failed_import"] == ""
    (there,) = world.cloud("a").marked("image", image)
    assert there.checksum == hashlib.md5(BITS, usedforsecurity=False).hexdigest()  # type: ignore[attr-defined]
    assert not world.cloud("b").marked("image", image)
    (task,) = await tasks(root, image)
    assert (task["status"], task["type"], task["result"]) == (
        "success",
        "api_image_import",
        {"image_id": image},
    )
    assert task["input"]["backend"] == ["a"]
    again = await imports(root, image, "copy-image", stores=["a"])
    assert (again.status, b"Image is already present at store 'a'" in again.body) == (400, True)
    await world.run_for(700)
    assert world.cloud("a").marked("image", image), "nothing there needs it, and it stays"


async def test_all_stores_are_those_that_do_not_have_it(world: World) -> None:
    root = world.admin
    image = await root.makes_image()
    assert (await imports(root, image, "copy-image", all_stores=True)).status == 202
    await arrives(world)
    assert (await shown(root, image))["stores"] == "a,b,fractus", (
        "in order: clients compare it with the sorted list"
    )
    assert (await imports(root, image, "copy-image", all_stores=True)).status == 202
    assert len(await tasks(root, image)) == 1, "there was nothing to do"


@pytest.mark.parametrize(
    ("more", "headers", "status", "sentence"),
    [
        ({"stores": ["zz"]}, {}, 409, "Unknown scheme 'zz' found in URI"),
        ({}, {"X-Image-Meta-Store": "zz"}, 409, "Unknown scheme 'zz' found in URI"),
        ({"stores": "a"}, {}, 400, "'stores' must be a list"),
        ({"stores": [1]}, {}, 400, "'stores' must be a list"),
        ({"all_stores": "yes"}, {}, 400, "'all_stores' must be boolean value only"),
        ({"all_stores": True, "stores": ["a"]}, {}, 400, "All_stores parameter can't be used with"),
        ({"stores": ["a"]}, {"X-Image-Meta-Store": "a"}, 400, "can't be both specified"),
        ({"stores": ["fractus"]}, {}, 400, "Image is already present at store 'fractus'"),
    ],
)
async def test_wrong_stores_are_refused(
    world: World, more: dict[str, Any], headers: dict[str, str], status: int, sentence: str
) -> None:
    image = await world.admin.makes_image()
    reply = await imports(world.admin, image, "copy-image", headers, **more)
    assert (reply.status, sentence in reply.body.decode()) == (status, True), reply.body


async def test_a_cloud_that_refuses_it_is_said_to_have_failed(world: World) -> None:
    root = world.admin
    image = await root.makes_image()
    world.cloud("a").faults.refuses("no such format here", kind="image", method="create")
    assert (await imports(root, image, "copy-image", stores=["a", "b"])).status == 202
    await arrives(world)
    found = await shown(root, image)
    assert (found["os_glance_failed_import"], found["stores"]) == ("a", "b,fractus")
    (task,) = await tasks(root, image)
    assert (task["status"], "no such format here" in task["message"]) == ("failure", True)


async def test_an_upload_and_an_import_may_name_a_cloud(world: World) -> None:
    ann = world.user("ann")
    body = {"name": "x", "disk_format": "raw", "container_format": "bare"}
    one, two = [(await ann.post(f"{IMAGE}/images", body)).ok()["id"] for _ in range(2)]
    headers = {"Content-Type": "application/octet-stream", "X-Image-Meta-Store": "zz"}
    url = f"{IMAGE}/images/{one}/file"
    assert (await ann.call("PUT", url, body=BITS, headers=headers)).status == 400
    headers["X-Image-Meta-Store"] = "b"
    (await ann.call("PUT", url, body=BITS, headers=headers)).ok()
    del headers["X-Image-Meta-Store"]
    (await ann.call("PUT", f"{IMAGE}/images/{two}/stage", body=BITS, headers=headers)).ok()
    assert (await imports(ann, two, "glance-direct", stores=["a"])).status == 202
    assert (await shown(ann, two))["status"] == "active"
    await arrives(world)
    assert (await shown(ann, one))["stores"] == "b,fractus"
    assert (await shown(ann, two))["stores"] == "a,fractus"


# --- other hosts ---------------------------------------------------------------------------------------


class Mirror:
    """Another host."""

    def __init__(self) -> None:
        self.moved = ""
        self.asked = 0
        self.url = ""

    async def answer(self, _request: web.Request) -> web.Response:
        """Bits, or another place."""
        self.asked += 1
        if self.moved:
            raise web.HTTPFound(self.moved)
        return web.Response(body=BITS)


@contextlib.asynccontextmanager
async def mirror() -> AsyncIterator[Mirror]:
    made, app = Mirror(), web.Application()
    app.router.add_get("/image", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    made.url = f"http://127.0.0.1:{port}/image"
    try:
        yield made
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def downloading(tmp_path: Path, source: Mirror, *networks: str) -> AsyncIterator[World]:
    port = int(source.url.rpartition(":")[2].partition("/")[0])
    given = {"download_hosts": ["*"], "download_ports": [port], "download_networks": list(networks)}
    async with World(clouds=1, tmp_path=tmp_path, images=given) as made:
        yield made


async def queued(user: User) -> str:
    body = {"name": "x", "disk_format": "raw", "container_format": "bare"}
    return str((await user.post(f"{IMAGE}/images", body)).ok()["id"])


async def test_bits_come_from_another_host(tmp_path: Path) -> None:
    async with mirror() as source, downloading(tmp_path, source, "127.0.0.0/8") as world:
        ann = world.user("ann")
        methods = (await ann.get(f"{IMAGE}/info/import")).ok()["import-methods"]["value"]
        assert "web-download" in methods
        image = await queued(ann)
        assert (await imports(ann, image, "web-download", uri=source.url)).status == 202
        assert (await shown(ann, image))["status"] == "importing"
        assert (await imports(ann, image, "web-download", uri=source.url)).status == 409
        await world.core.kinds.images_api.copied()
        found = await shown(ann, image)
        assert (found["status"], found["size"], found["stores"]) == ("active", len(BITS), "fractus")
        assert found["checksum"] == hashlib.md5(BITS, usedforsecurity=False).hexdigest()
        assert (await ann.get(f"{IMAGE}/images/{image}/file")).body == BITS
        (task,) = await tasks(ann, image)
        assert task["status"] == "success"


async def test_no_redirect_and_no_name_leads_inside(tmp_path: Path) -> None:
    async with mirror() as source, downloading(tmp_path, source) as world:
        ann = world.user("ann")
        image = await queued(ann)
        reply = await imports(ann, image, "web-download", uri=source.url)
        assert (reply.status, b"does not pass filtering" in reply.body) == (400, True)
        named = source.url.replace("127.0.0.1", "localhost")
        assert (await imports(ann, image, "web-download", uri=named)).status == 202
        await world.core.kinds.images_api.copied()
        assert source.asked == 0
        found = await shown(ann, image)
        assert (found["status"], found["os_glance_failed_import"]) == ("queued", "fractus")
        (task,) = await tasks(ann, image)
        assert (task["status"], "may be connected to" in task["message"]) == ("failure", True), task


async def test_a_redirect_is_judged_like_a_url(tmp_path: Path) -> None:
    async with mirror() as source, downloading(tmp_path, source, "127.0.0.1/32") as world:
        ann = world.user("ann")
        image = await queued(ann)
        source.moved = source.url.replace("127.0.0.1", "127.0.0.2")
        assert (await imports(ann, image, "web-download", uri=source.url)).status == 202
        await world.core.kinds.images_api.copied()
        assert source.asked == 1
        (task,) = await tasks(ann, image)
        assert (task["status"], task["message"].partition(":")[0]) == (
            "failure",
            "Redirect to disallowed URL",
        )
        assert (await shown(ann, image))["status"] == "queued"


async def test_an_import_survives_the_death_of_its_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was accepted is a row: whoever is there next brings the bits."""
    async with mirror() as source, downloading(tmp_path, source, "127.0.0.0/8") as world:
        ann = world.user("ann")
        image = await queued(ann)
        with monkeypatch.context() as dying:
            dying.setattr(BitsDirectory, "begin", lambda *_: None)
            assert (await imports(ann, image, "web-download", uri=source.url)).status == 202
        assert (await shown(ann, image))["status"] == "importing"
        await arrives(world)
        assert (await shown(ann, image))["status"] == "active"


async def test_an_image_that_is_deleted_meanwhile_leaves_no_bits(tmp_path: Path) -> None:
    async with mirror() as source, downloading(tmp_path, source, "127.0.0.0/8") as world:
        ann = world.user("ann")
        image = await queued(ann)
        assert (await imports(ann, image, "web-download", uri=source.url)).status == 202
        (await ann.delete(f"{IMAGE}/images/{image}")).ok()
        await arrives(world)
        assert not list((tmp_path / "state" / "images").iterdir())
        listed = (await world.admin.get(f"{IMAGE}/tasks")).ok()["tasks"]
        assert [one["status"] for one in listed] == ["failure"]


# --- tasks -----------------------------------------------------------------------------------------------


async def test_a_task_of_the_old_way_makes_an_image(tmp_path: Path) -> None:
    async with mirror() as source, downloading(tmp_path, source, "127.0.0.0/8") as world:
        properties = {"name": "old", "disk_format": "raw", "container_format": "bare"}
        given = {"import_from": source.url, "import_from_format": "raw", "image_properties": properties}
        root = world.admin
        made = await root.post(f"{IMAGE}/tasks", {"type": "import", "input": given})
        assert (made.status, made.json["status"], made.json["input"]) == (201, "pending", given)
        await arrives(world)
        task = (await root.get(f"{IMAGE}/tasks/{made.json['id']}")).ok()
        assert task["status"] == "success", task
        found = await shown(root, task["result"]["image_id"])
        assert (found["name"], found["status"]) == ("old", "active")
        del given["import_from_format"]
        made = await root.post(f"{IMAGE}/tasks", {"type": "import", "input": given})
        task = (await root.get(f"{IMAGE}/tasks/{made.json['id']}")).ok()
        assert (task["status"], task["message"]) == (
            "failure",
            "Input does not contain 'import_from_format' field",
        )


async def test_tasks_are_listed_by_page(world: World) -> None:
    root = world.admin
    image = await root.makes_image()
    for store in ("a", "b"):
        (await imports(root, image, "copy-image", stores=[store])).ok()
        await arrives(world)
    page = (await root.get(f"{IMAGE}/tasks?limit=1&status=success")).ok()
    assert len(page["tasks"]) == 1
    assert "input" not in page["tasks"][0]
    rest = (await root.get(f"/image{page['next']}")).ok()
    assert [one["id"] for one in rest["tasks"]] != [one["id"] for one in page["tasks"]]
    assert (await root.delete(f"{IMAGE}/tasks/{page['tasks'][0]['id']}")).status == 405
    assert (await world.user("ann").get(f"{IMAGE}/tasks")).status == 403
    world.clock.jump(3 * 24 * 3600)
    world.core.kinds.images_api._runner._tidied = float("-inf")
    await world.core.kinds.images_api.settle()
    assert (await root.get(f"{IMAGE}/tasks")).ok()["tasks"] == [], "they are kept for two days"


@pytest.mark.parametrize(
    ("path", "body", "status", "sentence"),
    [
        ("/tasks?limit=x", None, 400, "limit param must be an integer"),
        ("/tasks?limit=-1", None, 400, "limit param must be positive"),
        ("/tasks?sort_dir=up", None, 400, "Invalid sort direction: up"),
        ("/tasks?sort_key=input", None, 400, "input"),
        ("/tasks?marker=x", None, 400, "Invalid marker format"),
        ("/tasks?status=done", None, 400, "Invalid status value: done"),
        ("/tasks?type=export", None, 400, "Invalid type value: export"),
        ("/tasks/x", None, 404, "Failed to find task x. Reason: No task found with ID x"),
        ("/tasks", {"input": {}}, 400, "Task 'type' is required"),
        ("/tasks", {"type": "import"}, 400, "Task 'input' is required"),
        ("/tasks", {"type": "export", "input": {}}, 400, "Provided object does not match schema 'task'"),
        ("/tasks", {"type": "import", "input": {}}, 400, "does not pass filtering"),
    ],
)
async def test_wrong_requests_of_tasks(
    world: World, path: str, body: Any, status: int, sentence: str
) -> None:
    root = world.admin
    reply = await (root.get(f"{IMAGE}{path}") if body is None else root.post(f"{IMAGE}{path}", body))
    assert (reply.status, sentence in reply.json["message"].replace("&#x27;", "'")) == (status, True), (
        reply.body
    )


async def test_locations_are_not_the_users_to_add(world: World) -> None:
    ann = world.user("ann")
    image = await queued(ann)
    url, body = f"{IMAGE}/images/{image}/locations", {"url": "http://example.org/a"}
    reply = await ann.post(url, body)
    assert (reply.status, b"http store must be enabled" in reply.body) == (403, True)
    assert (await ann.post(url, {})).status == 400
    assert (await world.user("ben", project="p2").post(url, body)).status == 404
    active = await ann.makes_image()
    assert (await ann.post(f"{IMAGE}/images/{active}/locations", body)).status == 409
