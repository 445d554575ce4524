"""First passwords: shown once, kept sealed, given to the cloud."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet

from fractus.auth.vault import Vault
from fractus.model.resource import Presence
from fractus.reconcile.kind import Item
from fractus.services.compute.servers.api.passwords import first_password
from fractus.services.compute.servers.lifecycle import ServerLifecycle
from tests.unit.services.compute.servers.house import House


@pytest.fixture
def keeper(house: House) -> Vault:
    house.secrets = Vault([Fernet.generate_key().decode()])
    return house.secrets


async def item(house: House, id: str) -> Item:
    server = await house.fetch(id)
    remote = {("flavor", "row-of-1"): "f", ("image", house.image): "i"}
    remote |= {("port", port): "p" for port in server.desired["ports"]}
    return Item(server, Presence(kind="server", id=id, cloud="west"), remote)


async def test_a_given_password_is_shown_and_reaches_the_cloud_but_not_the_database(
    house: House, keeper: Vault
) -> None:
    answer = await house.ask("POST", "/servers", house.body(adminPass="testpassword"))
    server = answer["server"]
    assert server["adminPass"] == "testpassword"
    life = ServerLifecycle(house.networks, house.clock, keeper)
    assert life.wanted(await item(house, server["id"])).admin_pass == "testpassword"
    stored = await house.fetch(server["id"])
    assert "testpassword" not in repr(stored.desired)
    assert b"testpassword" not in stored.summary
    shown = await house.ask("GET", f"/servers/{server['id']}")
    assert "adminPass" not in shown["server"]


@pytest.mark.parametrize("given", [{}, {"adminPass": ""}])
async def test_without_one_a_password_is_made_up_for_all_servers_of_the_request(
    house: House, keeper: Vault, given: dict[str, str]
) -> None:
    answer = await house.ask("POST", "/servers", house.body(max_count=2, **given))
    reported = answer["server"]["adminPass"]
    life = ServerLifecycle(house.networks, house.clock, keeper)
    found = (await house.ask("GET", "/servers"))["servers"]
    assert [life.wanted(await item(house, one["id"])).admin_pass for one in found] == [reported, reported]
    another = await house.ask("POST", "/servers", house.body())
    assert another["server"]["adminPass"] != reported


async def test_a_server_from_before_has_none(house: House, keeper: Vault) -> None:
    house.secrets = None
    id = await house.create()
    life = ServerLifecycle(house.networks, house.clock, keeper)
    before = await item(house, id)
    assert life.wanted(before).admin_pass == ""
    del before.resource.desired["admin_pass"]
    assert life.wanted(before).admin_pass == ""


def test_a_password_has_letters_of_every_sort_and_none_that_look_alike() -> None:
    made = {first_password({}) for _ in range(200)}
    assert len(made) == 200
    for password in made:
        assert len(password) == 12
        assert any(map(str.isdigit, password))
        assert any(map(str.isupper, password))
        assert any(map(str.islower, password))
        assert not set(password) & set("01IOl")
