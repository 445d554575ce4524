"""What an OpenStack service shows of itself before any resource is named: its face; and how the API is set up."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

from fractus.auth.policy import RuleDefault
from fractus.model.errors import ApiError
from fractus.web.faults import Envelope, nova_denied
from fractus.web.microversion import VersionRange
from fractus.web.routing import Reply, Route

#: `base_url -> Reply`: a version document.
Page: TypeAlias = "Callable[[str], Reply]"
#: `(body, accept) -> (content type, bytes)`, or None for JSON: how an error body is written for an Accept header.
Render: TypeAlias = "Callable[[dict[str, Any], str], tuple[str, bytes] | None]"
#: Called before every write: raises `fractus.model.errors.ReadOnly` while none may be made.
Gate: TypeAlias = "Callable[[], Awaitable[None]]"


async def always_open() -> None:
    """A gate that lets every write through."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Service:
    """The face of a service: everything of it that is not a route."""

    type: str
    """As in the catalog: `compute`, `network`, `image`, `volume`."""
    prefix: str
    """`/compute`."""
    mount: str
    """Where the versioned API lies below the prefix: `/v2.1`."""
    legacy_mount: str = ""
    """Where the same routes are found once more, always at the oldest version, whatever the headers ask for, and with
    no version in the answer: Nova's `/v2`. Unlike there, fields that are not known are refused at this place, too."""
    project_mismatch: Callable[[str, str], str] | None = None
    """Given where every path may also begin with the caller's project id (`/v2.1/{project_id}/servers`), as Nova's and
    Cinder's do: from the id in the path and the caller's own to the sentence of the 400 where they differ. What is no
    hexadecimal number with dashes is no project id there, so such a path does not exist."""
    trailing_slash: bool = True
    """Whether a path means the same with a slash at its end, as in Neutron. Else it is another one, which does not
    exist, so that `DELETE /images/` (an id that is empty by mistake) is not found: Nova's and Glance's way."""
    json_suffix: bool = False
    """Whether `.json` at the end of any path below the version means nothing: Neutron's way."""
    spellings: bool = False
    """Whether the name of a collection may be written with hyphens or underscores: Neutron's way."""
    no_method: Callable[[str, str], ApiError | None] | None = None
    """`(method, path template) -> error` where the service has something else to say of it than 405."""
    envelope: Envelope
    """`fractus.web.faults` has those of Nova, Neutron and Glance."""
    render: Render | None = None
    """Where errors are not always JSON: Glance's `faults.webob_page`."""
    denied: Callable[[str], ApiError] = nova_denied
    """The error of a refused policy rule, in the service's words."""
    versions: VersionRange | None = None
    """None: the service has no microversions."""
    legacy_version_header: str = ""
    """`X-OpenStack-Nova-API-Version`: the older header, read and answered beside `OpenStack-API-Version`."""
    documents: Mapping[str, Page] = dataclasses.field(default_factory=dict)
    """Version documents by path below the prefix (`/`, `/v2.1`): public, GET only."""
    json_types: frozenset[str] | None = frozenset({"application/json"})
    """Content types of request bodies; None where the service reads any body as JSON, whatever it says it is."""
    malformed: str = "Malformed request body"
    """The sentence about a body that is not JSON, or not an object where no schema says more."""
    quota_status: int = 403
    """The HTTP status of `QuotaExceeded`: 403 in Nova, 409 in Neutron, 413 in Glance and Cinder."""
    unserved_status: int = 501
    """The HTTP status of a route that is not served. 404 in Neutron, where most routes belong to extensions that a
    cloud may lack, and where clients (openstacksdk among them) go another way on 404 and give up on anything else."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServiceRoutes:
    """A service with all that its resources contribute."""

    service: Service
    routes: Sequence[Route]
    rules: Sequence[RuleDefault] = ()
    """Policy rules of its resources, with the service's base rules (`fractus.auth.base_rules`)."""
    unserved: Sequence[tuple[str, str]] = ()
    """`(method, path)` of routes that the real service has and fractus does not serve (yet): they answer 501.
    An action is written behind a `#`: `("POST", "/servers/{server_id}/action#evacuate")`."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class WebSettings:
    """How the API is reached, and what it takes."""

    public_endpoint: str = ""
    """`http://host:port` in links and version documents; empty: the `Host` header of each request."""
    trust_forwarded: bool = False
    """Whether `X-Forwarded-For`, `-Proto` and `-Host` are believed: only behind a proxy that adds to the first,
    and sets or removes the others."""
    identity_uri: str = ""
    """Keystone's public URL, named in the `WWW-Authenticate` header of a 401."""
    max_body: int = 1 << 20
    """Bytes that a request body may have (raw routes: no bound here). 1 MiB: oslo.middleware's own bound is 112 KiB,
    but a server may come with 64 KiB of user data and several injected files."""
    body_idle_timeout: float = 60.0
    """Seconds in which at least 4 KiB of a body, or its end, must arrive; else it is cut off with 408."""
    body_timeout: float = 60.0
    """Seconds that a body which is read as a whole may take in all (raw routes: no bound)."""
    service_roles: frozenset[str] = frozenset({"service"})
    """An `X-Service-Token` counts when its owner has one of these roles (keystonemiddleware's default)."""
    access_log: bool = True
    """One line for each request."""
