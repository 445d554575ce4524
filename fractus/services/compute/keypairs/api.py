"""The routes of keypairs."""

from __future__ import annotations

import asyncio
import base64
import datetime
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fractus.base.clock import Clock
from fractus.base.ids import new_id
from fractus.model.errors import Conflict, Invalid
from fractus.model.resource import Resource
from fractus.services.compute import only
from fractus.services.compute.keypairs import policy, queries, schema, view
from fractus.services.compute.keypairs.table import KEYPAIR as TABLE
from fractus.services.compute.keypairs.versions import ENTRY, KEYPAIR
from fractus.store.ledger import Ledger
from fractus.store.listing import Filter, Sort, page
from fractus.store.transaction import Store
from fractus.web.microversion import Version
from fractus.web.paging import nova_links, nova_paging
from fractus.web.routing import Call, Reply, Route

_encode = msgspec.json.encode
_decode = msgspec.json.decode

#: What Nova makes: long enough, and fast enough to make while the caller waits (a tenth of a second).
_BITS = 2048
#: Nova's certificates are valid for ten years.
_VALID = datetime.timedelta(days=3650)
_UPN = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")  # Windows' user principal name


def _create_schema(body: Any, version: Version) -> None:
    schema.create(body, imported_only=KEYPAIR.behaviour("imported_only", version))
    KEYPAIR.request_check(body, version, "create")


def make_ssh() -> tuple[str, str]:
    """`(private key, public key)`: RSA, in the forms that Nova answers."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return private.decode(), f"{public.decode()} Generated-by-Nova"


def make_x509(user_id: str, now: float) -> tuple[str, str]:
    """`(private key, certificate)`: to log in to Windows with; the key comes as PKCS 12 in base64, as Nova answers."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    # CN has room for 64 characters (X.520); Keystone's ids fit.
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, user_id[:64])])
    upn = f"{user_id}@localhost".encode()
    start = datetime.datetime.fromtimestamp(now, datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + _VALID)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([x509.OtherName(_UPN, b"\x0c" + _der_length(len(upn)) + upn)]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    bundle = pkcs12.serialize_key_and_certificates(None, key, certificate, None, serialization.NoEncryption())
    return base64.b64encode(bundle).decode(), certificate.public_bytes(serialization.Encoding.PEM).decode()


def _der_length(length: int) -> bytes:
    """The length of a DER value."""
    if length < 0x80:
        return bytes([length])
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets


class KeypairsApi:
    """Keypairs: each user's own; admins may work with those of others since 2.10."""

    def __init__(self, store: Store, ledger: Ledger, clock: Clock) -> None:
        """Read from `store`, write through `ledger`; `clock` dates certificates."""
        self._store = store
        self._ledger = ledger
        self._clock = clock

    def routes(self) -> list[Route]:
        """Everything about keypairs."""
        return [
            Route(
                method="GET",
                path="/os-keypairs",
                handler=self.index,
                rule=policy.INDEX,
                summary="List the keypairs of a user.",
            ),
            Route(
                method="POST",
                path="/os-keypairs",
                handler=self.create,
                rule=policy.CREATE,
                schema=_create_schema,
                summary="Keep a public key, or make a pair (before 2.92).",
            ),
            Route(
                method="GET",
                path="/os-keypairs/{name}",
                handler=self.show,
                rule=policy.SHOW,
                summary="Show a keypair.",
            ),
            Route(
                method="DELETE",
                path="/os-keypairs/{name}",
                handler=self.delete,
                rule=policy.DELETE,
                summary="Delete a keypair.",
            ),
        ]

    async def index(self, call: Call) -> Reply:
        """A user's keys, by name."""
        user_id = self._user(call, policy.INDEX, "list", ("user_id", "limit", "marker"))
        paged = KEYPAIR.behaviour("paged", call.version)
        paging = nova_paging(call.query) if paged else None
        marker = None
        if paging is not None and paging.marker is not None:
            marker = await queries.keypair_id(self._store, user_id, paging.marker)
            if marker is None:
                raise Invalid(f"Marker {paging.marker} could not be found.")
        rows = await page(
            self._store,
            TABLE,
            [Filter("user_id", "eq", user_id), Filter("deleted_at", "null")],
            columns=("summary", "name"),
            sorts=(Sort("name"),),
            marker=marker,
            limit=1000 if paging is None else paging.limit or 0,
        )
        entries = [view.listed(row[0]) for row in rows]
        if not ENTRY.newest_at(call.version):
            entries = [_encode(ENTRY.response_down(_decode(entry), call.version)) for entry in entries]
        body = b'{"keypairs":[' + b",".join(entries) + b"]"
        links = nova_links(call, paging, len(rows), rows[-1][1] if rows else None) if paging else []
        if links:
            body += b',"keypairs_links":' + _encode(links)
        return Reply(200, body + b"}")

    async def show(self, call: Call) -> Reply:
        """One key."""
        user_id = self._user(call, policy.SHOW, "show", ("user_id",))
        summary = await queries.keypair_shown(self._store, user_id, call.params["name"])
        if not KEYPAIR.newest_at(call.version):
            summary = _encode(KEYPAIR.response_down(_decode(summary), call.version))
        return Reply(200, b'{"keypair":' + summary + b"}")

    async def create(self, call: Call) -> Reply:
        """Keep a public key; before 2.92, without one, make a pair."""
        given = call.body["keypair"]
        user_id = given.get("user_id") or call.principal.user_id
        call.enforce(policy.CREATE, {"user_id": user_id, "project_id": call.principal.project_id})
        name, kind = given["name"].strip(), given.get("type", "ssh")
        private_key, public_key = None, given.get("public_key")
        if public_key is None:
            private_key, public_key = await self._make(kind, user_id)
        fingerprint = schema.ssh_fingerprint if kind == "ssh" else schema.x509_fingerprint
        desired = {
            "name": name,
            "type": kind,
            "public_key": public_key,
            "fingerprint": fingerprint(public_key),
            "user_id": user_id,
        }
        async with self._store.transaction() as tx:
            if await queries.keypair_id(tx, user_id, name) is not None:
                raise Conflict(f"Key pair '{name}' already exists.")
            resource = Resource(
                kind="keypair",
                id=new_id(),
                user_id=user_id,
                name=name,
                desired=desired,
                request_id=call.request_id,
                created_at=tx.now(),
            )
            payer = call.principal.project_id
            await self._ledger.create(tx, resource, view.summarise(resource), assign=False, paid_by=payer)
        told = KEYPAIR.response_down(view.created(desired, private_key), call.version)
        return Reply(KEYPAIR.status("create", call.version), {"keypair": told})

    async def _make(self, kind: str, user_id: str) -> tuple[str, str]:
        """A new pair, made in a thread: it takes long enough to hold up others."""
        if kind == "ssh":
            return await asyncio.to_thread(make_ssh)
        return await asyncio.to_thread(make_x509, user_id, self._clock.now())

    async def delete(self, call: Call) -> Reply:
        """Delete a key; servers that were built with it keep it."""
        user_id = self._user(call, policy.DELETE, "delete", ("user_id",))
        name = call.params["name"]
        async with self._store.transaction() as tx:
            id = await queries.keypair_id(tx, user_id, name)
            resource = None if id is None else await self._ledger.resources.fetch(tx, "keypair", id)
            if resource is None:
                raise queries.missing(user_id, name)
            resource.deleted_at = tx.now()
            await self._ledger.remove(tx, resource, view.summarise(resource), hide=True)
        return Reply(KEYPAIR.status("delete", call.version))

    def _user(self, call: Call, rule: str, on: str, known: tuple[str, ...]) -> str:
        """Whose keys are meant; the query's user since 2.10, where the caller may."""
        if KEYPAIR.behaviour("strict_query", call.version):
            only(call.query.names(), known)
        asked = call.query.all("user_id") if KEYPAIR.query_allowed("user_id", call.version, on) else []
        user_id = (asked[0] if asked else "") or call.principal.user_id
        call.enforce(rule, {"user_id": user_id, "project_id": call.principal.project_id})
        return user_id
