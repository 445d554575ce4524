"""Nova's rules about services and hypervisors, with their defaults (nova.policies.services, .hypervisors)."""

from __future__ import annotations

from fractus.auth.base_rules import NOVA_ADMIN
from fractus.auth.policy import RuleDefault

_SERVICES = "os_compute_api:os-services:"
_HYPERVISORS = "os_compute_api:os-hypervisors:"
_HOSTS = "os_compute_api:os-hosts:"

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
    )
]
