"""What `fractus cloud check` asks of a child. Nothing is made, changed or left there.

Rights are tried, not guessed from role names: policies differ from cloud to cloud. Where only a change would tell, one
is asked for that cannot happen: deleting what does not exist is answered 404 to those who might, and 403 to others.
"""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from fractus.clouds.openstack import projects
from fractus.clouds.openstack.child import Child
from fractus.clouds.openstack.entry import Entry
from fractus.clouds.openstack.releases import release_of
from fractus.clouds.openstack.services import Ask, segment
from fractus.clouds.openstack.tokens import Grant
from fractus.model.cloud import HOME, Finding, Report
from fractus.model.errors import CloudError, CredentialsRejected, Missing, Refused

#: Extension of the network service -> what is missing without it.
_NEEDED = {
    "security-group": "security groups",
    "standard-attr-description": "the marker that says which networks and ports are ours",
}
_USEFUL = {
    "standard-attr-timestamp": "finding changes without listing all",
    "port-security": "ports without port security",
    "allowed-address-pairs": "allowed address pairs",
    "extra_dhcp_opt": "extra DHCP options of ports",
    "dns-integration": "names of ports and domains of networks in its DNS",
    "net-mtu-writable": "an MTU chosen by the tenant",
    "stateful-security-group": "stateless security groups",
}

#: Services that are called.
_USED = ("identity", "compute", "network", "image")

#: Nova's default quota of keys; all tenants' keys there belong to the one service user.
_FEW_KEYPAIRS = 1000


async def examine(child: Child) -> Report:
    """Everything that fractus needs of this child, in sentences."""
    try:
        home = await child.projects.home()
    except CredentialsRejected as error:
        return Report(reachable=True, findings=[Finding("credential", False, _mend_credential(child, error))])
    except CloudError as error:
        return Report(reachable=False, findings=[Finding("identity", False, error.reason)])
    return await _Examination(child, home).run()


class _Examination:
    def __init__(self, child: Child, home: Grant) -> None:
        self._child = child
        self._home = home
        self._findings: list[Finding] = []
        self._services: dict[str, dict[str, str]] = {}
        self._extensions: list[str] = []

    @property
    def _who(self) -> str:
        return self._home.user_name or self._home.user_id

    async def run(self) -> Report:
        roles = ", ".join(sorted(self._home.roles)) or "no roles"
        self._say("credential", True, f"user {self._who} has {roles} in project {self._home.project_id}")
        self._child.services.forget_versions()
        for service in ("identity", "compute", "network", "image"):
            await self._tried(service, lambda service=service: self._version(service))  # type: ignore[misc]
        await self._tried("network", self._network)
        await self._tried("servers", self._servers)
        await self._tried("flavors", self._flavors)
        await self._tried("keypairs", self._keypairs)
        await self._tried("projects", self._projects)
        return Report(
            reachable=True,
            findings=self._findings,
            services=self._services,
            extensions=sorted(self._extensions),
        )

    def _say(self, subject: str, ok: bool, text: str) -> None:
        self._findings.append(Finding(subject, ok, text))

    async def _tried(self, subject: str, look: Callable[[], Awaitable[None]]) -> None:
        try:
            await look()
        except CloudError as error:
            self._say(subject, False, error.reason)

    async def _version(self, service: str) -> None:
        if service == "image":
            found = {"max": await self._image_version()}
        elif service == "network":
            await self._child.services.extensions()
            found = {"max": "2.0"}
        else:
            document = await self._child.services.version_document(service)
            found = {
                "min": str(document.get("min_version") or ""),
                "max": str(document.get("version") or str(document.get("id") or "").removeprefix("v")),
            }
        if service == "compute":
            found["release"] = release_of(found["max"])
        self._services[service] = {key: value for key, value in found.items() if value}
        self._say(
            service,
            True,
            "answers: " + ", ".join(f"{key} {value}" for key, value in self._services[service].items()),
        )

    async def _image_version(self) -> str:
        """The highest version; Glance lists its versions beside its API, and not every cloud lets that through."""
        await self._child.send(HOME, Ask(service="image", path="/images", query={"limit": "1"}))
        try:
            ask = Ask(service="image", path="/versions", unversioned=True)
            listed = await self._child.read(HOME, ask, dict[str, Any])
        except CloudError:
            return ""
        ids = [str(version.get("id", "")).removeprefix("v") for version in listed.get("versions") or []]
        return max(
            ids, key=lambda text: [int(part) for part in text.split(".") if part.isdigit()], default=""
        )

    async def _network(self) -> None:
        there = await self._child.services.extensions()
        self._extensions = list(there)
        for extension, use in _NEEDED.items():
            if extension not in there:
                self._say(
                    "network",
                    False,
                    f"extension {extension} is missing, and with it {use}: this cloud cannot be used",
                )
        lacking = [f"{extension} ({use})" for extension, use in _USEFUL.items() if extension not in there]
        if lacking:
            self._say("network", True, "works without " + ", ".join(lacking))

    async def _servers(self) -> None:
        ask = Ask(service="compute", path="/servers/detail", query={"all_tenants": "1", "limit": "1"})
        if await self._allowed(ask):
            self._say("servers", True, "may list the servers of all projects")
        else:
            self._say("servers", False, "may not list the servers of all projects: " + self._mend_rights())

    async def _flavors(self) -> None:
        path = f"/flavors/fractus-nothing-{uuid.uuid4()}"
        if await self._allowed(Ask(service="compute", method="DELETE", path=path)):
            self._say("flavors", True, "may make flavors")
        else:
            text = (
                "may not make flavors, so only those that equal one of its own can be used: "
                + self._mend_rights()
            )
            self._say("flavors", False, text)

    async def _keypairs(self) -> None:
        ask = Ask(service="compute", path="/limits")
        limits = await self._child.item(HOME, ask, "limits", dict[str, Any])
        most = (limits.get("absolute") or {}).get("maxTotalKeypairs", -1)
        if isinstance(most, int) and 0 <= most < _FEW_KEYPAIRS:
            text = (
                f"holds at most {most} keypairs of all tenants together:"
                f" openstack quota set --key-pairs -1 {self._home.project_id}"
            )
            self._say("keypairs", True, text)

    async def _projects(self) -> None:
        if not self._child.services.tokens.rescopable:
            text = (
                "the credential is bound to one project, so no tenant's project can be worked in:"
                f" use a password entry: fractus cloud set {self._child.name} --os-cloud ENTRY"
            )
            self._say("projects", False, text)
            return
        may_assign = await self._may_assign_roles()
        if self._child.projects.shared:
            if may_assign:
                self._say("projects", True, "may take the role member in tenants' projects")
            else:
                self._say(
                    "projects",
                    False,
                    "may not take the role member in tenants' projects: " + self._mend_rights(),
                )
            return
        nowhere = Ask(service="identity", method="DELETE", path=f"/projects/{uuid.uuid4().hex}")
        lacking = [] if await self._allowed(nowhere) else ["make projects"]
        lacking += [] if may_assign else ["assign roles"]
        if lacking:
            self._say("projects", False, f"may not {' or '.join(lacking)} for tenants: {self._mend_rights()}")
        else:
            self._say(
                "projects",
                True,
                f"may make projects named {projects.PREFIX}<id> for tenants and work in them",
            )

    async def _may_assign_roles(self) -> bool:
        """Whether the credential may give itself a role: a role is given that it has already."""
        for name in self._home.roles:
            try:
                listed = await self._child.read(
                    HOME, Ask(service="identity", path="/roles", query={"name": name}), dict[str, Any]
                )
                role = segment(str(listed["roles"][0]["id"]))
                path = f"/projects/{self._home.project_id}/users/{self._home.user_id}/roles/{role}"
                await self._child.send(HOME, Ask(service="identity", method="HEAD", path=path))
            except (Refused, Missing, KeyError, IndexError, msgspec.DecodeError):
                continue  # may not look, or has it through a group: then giving it would change something
            return await self._allowed(Ask(service="identity", method="PUT", path=path))
        return False

    async def _allowed(self, ask: Ask) -> bool:
        """Whether the child would do it; `Missing` says yes to what is done to nothing."""
        try:
            await self._child.send(HOME, ask)
        except Missing:
            return True
        except Refused as refusal:
            if refusal.status == 403:
                return False
            raise
        return True

    def _mend_rights(self) -> str:
        return f"openstack role add --user {self._home.user_id} --project {self._home.project_id} admin"


def _mend_credential(child: Child, error: CredentialsRejected) -> str:
    return f"{error.reason}; give it one that works: fractus cloud set {child.name} --os-cloud ENTRY"


def login_remarks(entry: Entry, endpoints: Mapping[str, str]) -> list[Finding]:
    """What others on the way could read or change, by the `clouds.yaml` entry and the endpoints that it leads to."""
    found = []
    if entry.requests_tls()[0] is False:
        text = (
            "verify: false: whoever is on the way can pose as this cloud and take the password, for no certificate is"
            " looked at. Name the authority that signed it: cacert: FILE"
        )
        found.append(Finding("tls", True, text, note=True))
    if _in_clear(entry.auth_url):
        text = f"{entry.auth_url} is not https: the password can be read by whoever is on the way"
        found.append(Finding("tls", True, text, note=True))
    clear = sorted(service for service, url in endpoints.items() if service in _USED and _in_clear(url))
    if clear:
        text = (
            f"the endpoints of {', '.join(clear)} are not https: tokens can be read by whoever is on the way"
        )
        found.append(Finding("tls", True, text, note=True))
    return found


def _in_clear(url: str) -> bool:
    """Whether what is sent there can be read on the way; what never leaves this machine is on no way."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "http" or host == "localhost":
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True
