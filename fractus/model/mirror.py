"""Things of a cloud that are not our resources and are shown as it shows them: how a driver lists them."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class Mirrored(Struct, frozen=True, kw_only=True):
    """One collection of one service. The credential's own project lists it, as an administrator."""

    kind: str
    """Ours (`network_agent`)."""
    service: str
    path: str
    """Of the collection, after the service's version (`/agents`); `{project}` stands for the credential's own."""
    collection: str
    """The key of the list in an answer."""
    query: Mapping[str, str] = {}
    """What the listing is asked with: an order that pages can follow."""
    version: str = ""
    """The microversion that the compute service is asked with; empty: none."""
    latest: str = ""
    """The latest microversion of use, where `version` names none: the cloud is asked with the latest that it has up to
    this one."""
    extension: str = ""
    """The alias that the network service must have; where it lacks it there are none."""
    texts: str = ""
    """Where the list is one of texts: the field that each of them is; empty: it is one of objects."""
    paged: bool = True
    """Whether a listing takes the size of a page; what does not is listed at once."""
