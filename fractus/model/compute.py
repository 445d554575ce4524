"""Flavors, keypairs and server groups, as machine and drivers speak of them."""

from __future__ import annotations

from typing import Annotated

from fractus.model.cloud import Observed, Wanted
from fractus.model.wire import Vocabulary, Wire


class FlavorWanted(Wanted, frozen=True, kw_only=True):
    """A flavor that a child must have before a server of it can be built there. Sizes: MiB and GiB as in Nova."""

    vcpus: int
    ram: int
    disk: int
    ephemeral: Annotated[int, Wire(name="OS-FLV-EXT-DATA:ephemeral")] = 0
    swap: int = 0
    extra_specs: Annotated[dict[str, str], Wire(separate=True)] = {}
    is_public: Annotated[bool, Wire(name="os-flavor-access:is_public")] = True
    """Every project there may use it; else those that are let in."""


class FlavorObserved(Observed, frozen=True, kw_only=True):
    """A flavor in a child; `remote_id` is its flavor id there."""

    vcpus: int = 0
    ram: int = 0
    disk: int = 0
    ephemeral: int = 0
    swap: int = 0
    extra_specs: dict[str, str] = {}
    is_public: bool = True
    disabled: Annotated[bool, Wire(name="OS-FLV-DISABLED:disabled")] = False
    rxtx_factor: float = 1.0
    access: list[str] = []
    """The child's ids of the projects that may use a private one; sent by `inventory` only."""


FLAVOR = Vocabulary("flavor", FlavorWanted, FlavorObserved)


class KeypairWanted(Wanted, frozen=True, kw_only=True):
    """A public key. In the child its name is derived from our id, for all tenants' keys belong to one user there."""

    public_key: str
    type: str = "ssh"


class KeypairObserved(Observed, frozen=True, kw_only=True):
    """A public key in a child; `remote_id` is its name there."""

    fingerprint: str = ""
    public_key: str = ""
    type: str = "ssh"


KEYPAIR = Vocabulary("keypair", KeypairWanted, KeypairObserved, path="/os-keypairs")


class ServerGroupWanted(Wanted, frozen=True, kw_only=True):
    """A group by which a child spreads servers over its hosts, or keeps them together. It never changes."""

    policy: str
    """`affinity`, `anti-affinity`, `soft-affinity` or `soft-anti-affinity`."""
    rules: dict[str, int] = {}
    """`max_server_per_host` of `anti-affinity`; empty: one."""


class ServerGroupObserved(Observed, frozen=True, kw_only=True):
    """A server group in a child."""

    policy: str = ""
    rules: dict[str, int] = {}


SERVER_GROUP = Vocabulary("server_group", ServerGroupWanted, ServerGroupObserved, path="/os-server-groups")


# Verbs: flavor set_extra_specs {"extra_specs": {...}} (those to add or change), unset_extra_spec {"key"}, admit and
# expel {"project_id"} (ours: a project that a private one may be used by), note {"id", "notes"} (what a rebuild must
# know of our flavor of that id); keypair and server_group none.
