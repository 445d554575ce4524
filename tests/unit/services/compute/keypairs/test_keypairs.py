"""Keypairs through the real pipeline. Keys and fingerprints were checked against a running Nova 34."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID

from fractus.model.compute import KeypairObserved, KeypairWanted
from fractus.model.resource import BLOCKED, PENDING, SETTLED, Presence
from fractus.reconcile.kind import Done, Fail, Item
from fractus.services.compute.keypairs.lifecycle import KeypairLifecycle
from fractus.services.compute.keypairs.queries import KeypairSource
from tests.unit.services.in_process import AMY, ANN, BOB, ROOT, Door, said

URL = "/compute/v2.1/os-keypairs"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB1oL3jgCAYG78m/lPzo1gj7vOVlWhEOSAv7qpZeRoJ2 hi"
PRINT = "95:fa:b5:d0:ef:96:05:b8:b8:03:84:ea:89:3e:f2:16"


async def made(door: Door, who: Any = ANN, name: str = "key", **fields: Any) -> dict[str, Any]:
    body = {"keypair": {"name": name, "public_key": KEY, **fields}}
    keypair: dict[str, Any] = (await door(who, "POST", URL, body, version="2.104")).ok()["keypair"]
    return keypair


@pytest.mark.parametrize(
    ("version", "status", "typed"), [("2.1", 200, False), ("2.2", 201, True), ("2.104", 201, True)]
)
async def test_an_imported_key_is_shown_as_in_nova(
    door: Door, version: str, status: int, typed: bool
) -> None:
    reply = await door(ANN, "POST", URL, {"keypair": {"name": "key", "public_key": KEY}}, version=version)
    assert reply.status == status
    expected = {"name": "key", "public_key": KEY, "fingerprint": PRINT, "user_id": "ann"}
    assert reply.json == {"keypair": {**expected, **({"type": "ssh"} if typed else {})}}


async def test_a_made_pair_belongs_together_and_its_private_half_is_shown_once(door: Door) -> None:
    reply = (await door(ANN, "POST", URL, {"keypair": {"name": "key"}}, version="2.91")).ok()["keypair"]
    private = serialization.load_pem_private_key(reply["private_key"].encode(), None)
    assert isinstance(private, rsa.RSAPrivateKey)
    assert private.key_size == 2048
    openssh = private.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    assert reply["public_key"] == f"{openssh.decode()} Generated-by-Nova"
    shown = await door(ANN, "GET", f"{URL}/key", version="2.104")
    assert "private" not in shown.body.decode()
    row = await KeypairSource(door.rows.resources).by_name(door.rows.store, "ann", "key")
    assert row is not None
    assert "PRIVATE" not in str(row.desired) + row.summary.decode()


async def test_a_made_certificate_opens_windows(door: Door) -> None:
    body = {"keypair": {"name": "key", "type": "x509"}}
    reply = (await door(ANN, "POST", URL, body, version="2.2")).ok()["keypair"]
    certificate = x509.load_pem_x509_certificate(reply["public_key"].encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    (upn,) = names.get_values_for_type(x509.OtherName)
    assert upn.value == b"\x0c\x0dann@localhost"
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    key, _, _ = pkcs12.load_key_and_certificates(base64.b64decode(reply["private_key"]), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.public_key() == certificate.public_key()
    assert re.fullmatch("([0-9a-f]{2}:){19}[0-9a-f]{2}", reply["fingerprint"])


async def test_pairs_are_no_longer_made_since_2_92(door: Door) -> None:
    reply = await door(ANN, "POST", URL, {"keypair": {"name": "key"}}, version="2.92")
    sentence = "Invalid input for field/attribute keypair. Value: {'name': 'key'}. 'public_key' is a required property"
    assert (reply.status, said(reply)) == (400, sentence)


def field(name: str, value: Any, why: str) -> str:
    return f"Invalid input for field/attribute {name}. Value: {value}. {why}"


@pytest.mark.parametrize(
    ("keypair", "version", "sentence"),
    [
        ({"name": "a.b"}, "2.91", field("name", "a.b", r"'a.b' does not match '^[_\\- a-zA-Z0-9]+$'")),
        ({"name": "a/b"}, "2.92", field("name", "a/b", r"'a/b' does not match '^[_\\-\\@\\. a-zA-Z0-9]+$'")),
        ({"name": ""}, "2.92", field("name", "", "'' should be non-empty")),
        (
            {"name": " a"},
            "2.92",
            "An invalid 'name' value was provided. The name must be: printable characters. "
            "Can not start or end with whitespace.",
        ),
        ({"public_key": "x"}, "2.92", "Keypair data is invalid: failed to generate fingerprint"),
        ({"public_key": 5}, "2.92", field("public_key", 5, "5 is not of type 'string'")),
        ({"type": "foo"}, "2.92", field("type", "foo", "'foo' is not one of ['ssh', 'x509']")),
    ],
)
async def test_a_wrong_keypair_is_refused_in_novas_words(
    door: Door, keypair: dict[str, Any], version: str, sentence: str
) -> None:
    body = {"keypair": {"name": "key", "public_key": KEY, **keypair}}
    reply = await door(ANN, "POST", URL, body, version=version)
    assert (reply.status, said(reply)) == (400, sentence)
    assert (await door(ANN, "GET", URL)).ok() == {"keypairs": []}


@pytest.mark.parametrize(("name", "version"), [("type", "2.1"), ("user_id", "2.9")])
async def test_fields_belong_to_versions(door: Door, name: str, version: str) -> None:
    body = {"keypair": {"name": "key", "public_key": KEY, name: "ssh"}}
    reply = await door(ANN, "POST", URL, body, version=version)
    assert reply.status == 400
    assert said(reply).endswith(f"Additional properties are not allowed ('{name}' was unexpected)")


async def test_no_certificate_is_no_certificate(door: Door) -> None:
    body = {"keypair": {"name": "key", "public_key": "x", "type": "x509"}}
    reply = await door(ANN, "POST", URL, body, version="2.2")
    assert reply.status == 400
    assert said(reply).startswith(
        "Keypair data is invalid: failed to generate X509 fingerprint. Error message: "
    )


async def test_a_name_is_used_once_by_each_user(door: Door) -> None:
    await made(door)
    again = await door(ANN, "POST", URL, {"keypair": {"name": "key", "public_key": KEY}})
    assert (again.status, said(again)) == (409, "Key pair 'key' already exists.")
    await made(door, AMY)  # of the same project, and yet another user


@pytest.mark.parametrize(("version", "typed"), [("2.1", False), ("2.2", True), ("2.104", True)])
async def test_a_key_is_shown_as_in_nova(door: Door, version: str, typed: bool) -> None:
    await made(door)
    shown = (await door(ANN, "GET", f"{URL}/key", version=version)).ok()["keypair"]
    assert isinstance(shown.pop("id"), int)
    assert shown.pop("type", None) == ("ssh" if typed else None)
    assert shown == {
        "name": "key",
        "public_key": KEY,
        "fingerprint": PRINT,
        "user_id": "ann",
        "created_at": "2026-01-01T00:00:00.000000",
        "deleted": False,
        "deleted_at": None,
        "updated_at": None,
    }


@pytest.mark.parametrize(("version", "typed"), [("2.1", False), ("2.2", True), ("2.104", True)])
async def test_a_list_says_less(door: Door, version: str, typed: bool) -> None:
    await made(door)
    entry = {"name": "key", "public_key": KEY, "fingerprint": PRINT, **({"type": "ssh"} if typed else {})}
    assert (await door(ANN, "GET", URL, version=version)).ok() == {"keypairs": [{"keypair": entry}]}


async def test_lists_come_by_name_and_in_pages_since_2_35(door: Door) -> None:
    for name in ("b", "d", "a", "c"):
        await made(door, name=name)
    url, seen = f"{URL}?limit=3", []
    while url:
        reply = (await door(ANN, "GET", url, version="2.35")).ok()
        seen += [entry["keypair"]["name"] for entry in reply["keypairs"]]
        url = reply["keypairs_links"][0]["href"] if "keypairs_links" in reply else ""
    assert seen == ["a", "b", "c", "d"]
    whole = (await door(ANN, "GET", f"{URL}?limit=1", version="2.34")).ok()
    assert len(whole["keypairs"]) == 4
    assert "keypairs_links" not in whole
    unknown = await door(ANN, "GET", f"{URL}?marker=zz", version="2.35")
    assert (unknown.status, said(unknown)) == (400, "Marker zz could not be found.")


async def test_keys_of_others_are_for_admins_since_2_10(door: Door) -> None:
    await made(door)
    for path in (f"{URL}?user_id=ann", f"{URL}/key?user_id=ann"):
        refused = await door(BOB, "GET", path, version="2.10")
        assert refused.status == 403
        assert (await door(ROOT, "GET", path, version="2.10")).status == 200
    assert (await door(ROOT, "GET", f"{URL}?user_id=ann", version="2.9")).ok() == {"keypairs": []}
    for who, status in ((BOB, 403), (ROOT, 201)):
        body = {"keypair": {"name": "gift", "public_key": KEY, "user_id": "ann"}}
        assert (await door(who, "POST", URL, body, version="2.10")).status == status
    assert (await door(BOB, "DELETE", f"{URL}/gift?user_id=ann", version="2.10")).status == 403
    assert (await door(ROOT, "DELETE", f"{URL}/gift?user_id=ann", version="2.10")).status == 204


async def test_another_users_key_is_not_there(door: Door) -> None:
    await made(door)
    for who in (AMY, BOB):
        shown = await door(who, "GET", f"{URL}/key")
        assert (shown.status, said(shown)) == (404, f"Keypair key not found for user {who.user_id}")
        assert (await door(who, "DELETE", f"{URL}/key")).status == 404
        assert (await door(who, "GET", URL)).ok() == {"keypairs": []}


@pytest.mark.parametrize(("version", "status"), [("2.74", 200), ("2.75", 400)])
async def test_unknown_parameters_are_refused_since_2_75(door: Door, version: str, status: int) -> None:
    assert (await door(ANN, "GET", f"{URL}?foo=1", version=version)).status == status


@pytest.mark.parametrize(("version", "status"), [("2.1", 202), ("2.2", 204)])
async def test_a_deleted_key_frees_its_name_and_keeps_its_row(door: Door, version: str, status: int) -> None:
    """The old key is still in the clouds where servers have it; the new one must never be taken for it."""
    source = KeypairSource(door.rows.resources)
    await made(door)
    old = await source.by_name(door.rows.store, "ann", "key")
    assert (await door(ANN, "DELETE", f"{URL}/key", version=version)).status == status
    assert (await door(ANN, "DELETE", f"{URL}/key", version=version)).status == 404
    assert await source.by_name(door.rows.store, "ann", "key") is None
    await made(door)
    new = await source.by_name(door.rows.store, "ann", "key")
    assert old is not None
    assert new is not None
    assert old.id != new.id


# --- in the clouds --------------------------------------------------------------------------------------


async def item_of(door: Door) -> Item:
    await made(door)
    resource = await KeypairSource(door.rows.resources).by_name(door.rows.store, "ann", "key")
    assert resource is not None
    return Item(resource, Presence(kind="keypair", id=resource.id, cloud="east"), {})


async def test_the_public_half_is_carried(door: Door) -> None:
    item = await item_of(door)
    notes = {"user_id": "ann", "name": "key"}
    wanted = KeypairWanted(id=item.resource.id, name="key", notes=notes, public_key=KEY, type="ssh")
    assert KeypairLifecycle().wanted(item) == wanted


async def test_a_foreign_key_of_the_same_name_never_gets_into_a_server(door: Door) -> None:
    life, item = KeypairLifecycle(), await item_of(door)
    assert life.plan(item, KeypairObserved(remote_id="r", fingerprint=PRINT)) == Done()
    assert (
        life.plan(item, KeypairObserved(remote_id="r", fingerprint="")) == Done()
    )  # a cloud that tells none
    foreign = KeypairObserved(remote_id="r", fingerprint="00:11")
    assert life.plan(item, foreign) == Fail("the keypair r there holds another key")
    for state, usable in ((PENDING, False), (BLOCKED, False), (SETTLED, True)):
        item.presence.state = state
        assert life.settled(item.presence, foreign) is usable
