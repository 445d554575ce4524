"""New projects in a real cloud's Keystone, each with a network of its own behind fractus: what a first server needs."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from bench.load import Endpoint


@contextlib.asynccontextmanager
async def project(
    session: aiohttp.ClientSession, url: str, boss: str, user: str, password: str
) -> AsyncIterator[str]:
    """A new project in which the user is a member; a token for it. `boss`: an administrator's token."""
    headers = {"X-Auth-Token": boss}
    name = f"first-{secrets.token_hex(4)}"

    async def call(method: str, path: str, body: Any = None) -> Any:
        async with session.request(method, f"{url}/{path}", json=body, headers=headers) as answer:
            answer.raise_for_status()
            return await answer.json() if answer.content_type == "application/json" else None

    made = (await call("POST", "projects", {"project": {"name": name, "domain_id": "default"}}))["project"]
    try:
        (who,) = (await call("GET", f"users?name={user}&domain_id=default"))["users"]
        (role,) = (await call("GET", "roles?name=member"))["roles"]
        await call("PUT", f"projects/{made['id']}/users/{who['id']}/roles/{role['id']}")
        identity = {"methods": ["password"], "password": {"user": {"id": who["id"], "password": password}}}
        body = {"auth": {"identity": identity, "scope": {"project": {"id": made["id"]}}}}
        async with session.post(f"{url}/auth/tokens", json=body) as answer:
            answer.raise_for_status()
            token = answer.headers["X-Subject-Token"]
        yield token
    finally:
        await call("DELETE", f"projects/{made['id']}")


@contextlib.asynccontextmanager
async def network(endpoint: Endpoint) -> AsyncIterator[str]:
    """A network of the project with a subnet; it is deleted at the end."""
    url = f"{endpoint.network}/v2.0"
    made = (await endpoint.sends("POST", f"{url}/networks", {"network": {"name": "first"}}))["network"]["id"]
    subnet = {"network_id": made, "ip_version": 4, "cidr": "10.96.0.0/24"}
    await endpoint.sends("POST", f"{url}/subnets", {"subnet": subnet})
    try:
        yield made
    finally:
        await endpoint.call("DELETE", f"{url}/networks/{made}")
