"""The face of networking: Neutron's version documents, errors, and all routes that Neutron 29 has.

Neutron has no microversions but extensions: what is not served is not in the list of extensions, and its attributes
are unknown ones (400, by name). Routes that fractus does not serve answer 501 and stand in the coverage table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from fractus.model.errors import ApiError
from fractus.services.network.dialect.schema.errors import not_found
from fractus.web.face import Service
from fractus.web.faults import neutron, neutron_denied
from fractus.web.routing import Reply, Route

PREFIX = "/network"
MOUNT = "/v2.0"

#: What Neutron calls the core of its API, in its order.
_CORE = ("network", "subnet", "subnetpool", "port")


def _versions(base_url: str) -> Reply:
    links = [{"rel": "self", "href": f"{base_url}{MOUNT}/"}]
    return Reply(200, {"versions": [{"id": "v2.0", "status": "CURRENT", "links": links}]})


def _resources(base_url: str) -> Reply:
    entries = [
        {
            "name": name,
            "collection": f"{name}s",
            "links": [{"rel": "self", "href": f"{base_url}{MOUNT}/{name}s"}],
        }
        for name in _CORE
    ]
    return Reply(200, {"resources": entries})


def service(collections: Mapping[str, str]) -> Service:
    """The face, where these collections are served: path -> kind."""

    def no_method(method: str, path: str) -> ApiError | None:
        """Neutron takes a PUT or DELETE of a collection for one of a thing without an id, which is not there."""
        kind = collections.get(path) if method in ("PUT", "DELETE") else None
        return None if kind is None else not_found(kind, "None")

    return Service(
        type="network",
        prefix=PREFIX,
        mount=MOUNT,
        envelope=neutron,
        denied=neutron_denied,
        documents={"/": _versions, MOUNT: _resources},
        json_types=None,  # Neutron reads every body as JSON, whatever it says it is
        malformed="Body contains invalid data",
        json_suffix=True,
        spellings=True,
        no_method=no_method,
        quota_status=409,
        unserved_status=404,
    )


_CRUD = ("GET POST", "GET PUT DELETE")

#: Collections that Neutron 29 with its usual plugins has: path, methods of the list, methods of one.
_COLLECTIONS: tuple[tuple[str, str, str], ...] = (
    ("/address-groups", *_CRUD),
    ("/address-scopes", *_CRUD),
    ("/agents", "GET", "GET PUT DELETE"),
    ("/agents/{agent_id}/dhcp-networks", "GET POST", "DELETE"),
    ("/agents/{agent_id}/l3-routers", "GET POST", "DELETE"),
    ("/auto-allocated-topology", "", "GET DELETE"),
    ("/availability_zones", "GET", ""),
    ("/default-security-group-rules", "GET POST", "GET DELETE"),
    ("/extensions", "GET", "GET"),
    ("/flavors", *_CRUD),
    ("/flavors/{flavor_id}/service_profiles", "POST", "DELETE"),
    ("/floatingip_pools", "GET", ""),
    ("/floatingips", *_CRUD),
    ("/floatingips/{floatingip_id}/port_forwardings", *_CRUD),
    ("/local_ips", *_CRUD),
    ("/local_ips/{local_ip_id}/port_associations", "GET POST", "GET DELETE"),
    ("/log/logs", *_CRUD),
    ("/log/loggable-resources", "GET", ""),
    ("/metering/metering-label-rules", "GET POST", "GET DELETE"),
    ("/metering/metering-labels", "GET POST", "GET DELETE"),
    ("/ndp_proxies", *_CRUD),
    ("/network-ip-availabilities", "GET", "GET"),
    ("/network_segment_ranges", *_CRUD),
    ("/networks", *_CRUD),
    ("/networks/{network_id}/dhcp-agents", "GET", ""),
    ("/ports", *_CRUD),
    ("/ports/{port_id}/bindings", "GET POST", "GET PUT DELETE"),
    ("/qos/alias_bandwidth_limit_rules", "", "GET PUT DELETE"),
    ("/qos/alias_dscp_marking_rules", "", "GET PUT DELETE"),
    ("/qos/alias_minimum_bandwidth_rules", "", "GET PUT DELETE"),
    ("/qos/policies", *_CRUD),
    ("/qos/policies/{policy_id}/bandwidth_limit_rules", *_CRUD),
    ("/qos/policies/{policy_id}/dscp_marking_rules", *_CRUD),
    ("/qos/policies/{policy_id}/minimum_bandwidth_rules", *_CRUD),
    ("/qos/policies/{policy_id}/minimum_packet_rate_rules", *_CRUD),
    ("/qos/policies/{policy_id}/packet_rate_limit_rules", *_CRUD),
    ("/qos/rule-types", "GET", "GET"),
    ("/quotas", "GET", "GET PUT DELETE"),
    ("/rbac-policies", *_CRUD),
    ("/routers", *_CRUD),
    ("/routers/{router_id}/conntrack_helpers", *_CRUD),
    ("/routers/{router_id}/l3-agents", "GET", ""),
    ("/security-group-rules", "GET POST", "GET DELETE"),
    ("/security-groups", *_CRUD),
    ("/segments", *_CRUD),
    ("/service-providers", "GET", ""),
    ("/service_profiles", *_CRUD),
    ("/subnetpools", *_CRUD),
    ("/subnets", *_CRUD),
    ("/trunks", *_CRUD),
)

#: Kinds with tags, and what else hangs on one thing.
_MEMBERS: tuple[tuple[str, str], ...] = (
    *(
        (f"/{collection}/{{id}}/tags{one}", methods)
        for collection in (
            "networks", "subnets", "ports", "security-groups", "subnetpools", "routers", "floatingips", "trunks"
        )
        for one, methods in (("", "GET POST PUT DELETE"), ("/{tag}", "GET PUT DELETE"))
    ),
    ("/address-groups/{id}/add_addresses", "PUT"),
    ("/address-groups/{id}/remove_addresses", "PUT"),
    ("/ports/{id}/bindings/{host}/activate", "PUT"),
    ("/quotas/{project_id}/default", "GET"),
    ("/quotas/{project_id}/details", "GET"),
    ("/routers/{id}/add_external_gateways", "PUT"),
    ("/routers/{id}/add_extraroutes", "PUT"),
    ("/routers/{id}/add_router_interface", "PUT"),
    ("/routers/{id}/remove_external_gateways", "PUT"),
    ("/routers/{id}/remove_extraroutes", "PUT"),
    ("/routers/{id}/remove_router_interface", "PUT"),
    ("/routers/{id}/update_external_gateways", "PUT"),
    ("/subnetpools/{id}/add_prefixes", "PUT"),
    ("/subnetpools/{id}/onboard_network_subnets", "PUT"),
    ("/subnetpools/{id}/remove_prefixes", "PUT"),
    ("/trunks/{id}/add_subports", "PUT"),
    ("/trunks/{id}/get_subports", "GET"),
    ("/trunks/{id}/remove_subports", "PUT"),
)  # fmt: skip

_FIELD = re.compile(r"\{\w+\}")


def known() -> list[tuple[str, str]]:
    """`(method, path)` of every route."""
    rows = []
    for path, many, one in _COLLECTIONS:
        rows += [(method, path) for method in many.split()]
        rows += [(method, f"{path}/{{id}}") for method in one.split()]
    rows += [(method, path) for path, methods in _MEMBERS for method in methods.split()]
    return rows


def unserved(routes: Iterable[Route]) -> list[tuple[str, str]]:
    """What Neutron has and `routes` (all of networking's) do not serve; parameters may have other names there."""
    served = {(route.method, _FIELD.sub("{}", route.path)) for route in routes}
    return [row for row in known() if (row[0], _FIELD.sub("{}", row[1])) not in served]
