"""What Nova 34 no longer has, and since when (`nova/api/openstack/compute/routes.py` and its `removed` marks)."""

from __future__ import annotations

from fractus.web.microversion import Version

#: 410 at every version: path and methods, actions of a POST behind a `#`.
GONE: tuple[tuple[str, str], ...] = (
    ("/os-agents", "GET POST"),
    ("/os-agents/{id}", "PUT DELETE"),
    ("/os-cells", "GET POST"),
    ("/os-cells/capacities", "GET"),
    ("/os-cells/detail", "GET"),
    ("/os-cells/info", "GET"),
    ("/os-cells/sync_instances", "POST"),
    ("/os-cells/{id}", "GET PUT DELETE"),
    ("/os-cells/{id}/capacities", "GET"),
    ("/os-certificates", "POST"),
    ("/os-certificates/{id}", "GET"),
    ("/os-cloudpipe", "GET POST"),
    ("/os-cloudpipe/{id}", "PUT"),
    ("/os-fixed-ips/{id}", "GET"),
    ("/os-fixed-ips/{id}/action", "#reserve #unreserve"),
    ("/os-floating-ip-dns", "GET"),
    ("/os-floating-ip-dns/{id}", "PUT DELETE"),
    ("/os-floating-ip-dns/{domain}/entries/{id}", "GET PUT DELETE"),
    ("/os-floating-ips-bulk", "GET POST"),
    ("/os-floating-ips-bulk/{id}", "GET PUT"),
    ("/os-fping", "GET"),
    ("/os-fping/{id}", "GET"),
    ("/os-networks", "POST"),
    ("/os-networks/add", "POST"),
    ("/os-networks/{id}", "DELETE"),
    ("/os-networks/{id}/action", "#disassociate #disassociate_host #disassociate_project #associate_host"),
    ("/os-security-group-default-rules", "GET POST"),
    ("/os-security-group-default-rules/{id}", "GET DELETE"),
    ("/os-tenant-networks", "POST"),
    ("/os-tenant-networks/{id}", "DELETE"),
    ("/servers/{server_id}/action", "#resetNetwork"),
    ("/servers/{server_id}/consoles", "GET POST"),
    ("/servers/{server_id}/consoles/{id}", "GET DELETE"),
    ("/servers/{server_id}/os-virtual-interfaces", "GET"),
)

#: 404 after the version: the proxy of a service that is not served here, and an alias of /servers. Before it fractus
#: does not serve them.
OUTGROWN: tuple[tuple[Version, str, str], ...] = (
    (Version(2, 35), "/os-baremetal-nodes", "GET POST"),
    (Version(2, 35), "/os-baremetal-nodes/{id}", "GET DELETE"),
    (Version(2, 35), "/os-baremetal-nodes/{id}/action", "#add_interface #remove_interface"),
    (Version(2, 102), "/os-volumes_boot", "GET POST"),
    (Version(2, 102), "/os-volumes_boot/detail", "GET"),
    (Version(2, 102), "/os-volumes_boot/{id}", "GET PUT DELETE"),
    (Version(2, 102), "/os-volumes_boot/{id}/action", "POST"),
)
