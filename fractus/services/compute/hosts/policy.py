"""Nova's rules about services, hypervisors, hosts and their audits, with their defaults.

From nova.policies: services, hypervisors, hosts, instance_usage_audit_log.
"""

from __future__ import annotations

from fractus.auth.base_rules import NOVA_ADMIN
from fractus.auth.policy import RuleDefault

_SERVICES = "os_compute_api:os-services:"
_HYPERVISORS = "os_compute_api:os-hypervisors:"
_HOSTS = "os_compute_api:os-hosts:"
_AUDITS = "os_compute_api:os-instance-usage-audit-log:"

SERVICES_LIST = _SERVICES + "list"
SERVICES_UPDATE = _SERVICES + "update"
SERVICES_DELETE = _SERVICES + "delete"
LIST = _HYPERVISORS + "list"
DETAIL = _HYPERVISORS + "list-detail"
STATISTICS = _HYPERVISORS + "statistics"
SHOW = _HYPERVISORS + "show"
UPTIME = _HYPERVISORS + "uptime"
SEARCH = _HYPERVISORS + "search"
SERVERS = _HYPERVISORS + "servers"
HOSTS_LIST = _HOSTS + "list"
HOST_SHOW = _HOSTS + "show"
HOST_UPDATE = _HOSTS + "update"
HOST_REBOOT = _HOSTS + "reboot"
HOST_SHUTDOWN = _HOSTS + "shutdown"
HOST_START = _HOSTS + "start"
AUDIT_LIST = _AUDITS + "list"
AUDIT_SHOW = _AUDITS + "show"

RULES = [
    RuleDefault(name, NOVA_ADMIN, says)
    for name, says in (
        (SERVICES_LIST, "List the compute services of all clouds."),
        (SERVICES_UPDATE, "Enable, disable or force down a compute service."),
        (SERVICES_DELETE, "Delete a compute service."),
        (LIST, "List the hypervisors of all clouds."),
        (DETAIL, "List the hypervisors of all clouds with details."),
        (STATISTICS, "See what all hypervisors have together."),
        (SHOW, "Show a hypervisor."),
        (UPTIME, "Ask how long a hypervisor has been up."),
        (SEARCH, "Look for hypervisors by their names."),
        (SERVERS, "See the servers of hypervisors."),
        (HOSTS_LIST, "List the hosts of all clouds by their services."),
        (HOST_SHOW, "See what a host has, and who uses how much of it."),
        (HOST_UPDATE, "Enable a host, or have it maintained."),
        (HOST_REBOOT, "Reboot a host."),
        (HOST_SHUTDOWN, "Shut a host down."),
        (HOST_START, "Start a host."),
        (AUDIT_LIST, "See what hosts noted of the last audit of usage."),
        (AUDIT_SHOW, "See what hosts noted of the last audit of usage before a moment."),
    )
]
