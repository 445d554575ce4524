"""Policy rules of servers: Nova's names and defaults.

One default differs: everybody may see that the state of their server's host is unknown, for to a tenant of fractus it
says that the cloud has not answered for a while, and that what is shown of the server is old.
"""

from __future__ import annotations

from fractus.auth.base_rules import (
    NOVA_ADMIN,
    NOVA_MANAGER_OR_ADMIN,
    NOVA_MEMBER_OR_ADMIN,
    NOVA_READER_OR_ADMIN,
    NOVA_SERVICE_OR_ADMIN,
)
from fractus.auth.policy import RuleDefault
from fractus.model.server_verbs import SERVER_VERBS

_SERVERS = "os_compute_api:servers:"
_METADATA = "os_compute_api:server-metadata:"
_TAGS = "os_compute_api:os-server-tags:"
_ACTIONS = "os_compute_api:os-instance-actions:"

LIST = _SERVERS + "index"
DETAIL = _SERVERS + "detail"
LIST_ALL = _SERVERS + "index:get_all_tenants"
DETAIL_ALL = _SERVERS + "detail:get_all_tenants"
ALL_FILTERS = _SERVERS + "allow_all_filters"
SHOW = _SERVERS + "show"
EXTRA_SPECS = _SERVERS + "show:flavor-extra-specs"
HOST_STATUS = _SERVERS + "show:host_status"
HOST_UNKNOWN = _SERVERS + "show:host_status:unknown-only"
EXTENDED = "os_compute_api:os-extended-server-attributes"
CREATE = _SERVERS + "create"
FORCED_HOST = _SERVERS + "create:forced_host"
DESTINATION = "compute:servers:create:requested_destination"
ATTACH_NETWORK = _SERVERS + "create:attach_network"
ATTACH_VOLUME = _SERVERS + "create:attach_volume"
TRUSTED_CERTS = _SERVERS + "create:trusted_certs"
ZERO_DISK = _SERVERS + "create:zero_disk_flavor"
UPDATE = _SERVERS + "update"
DELETE = _SERVERS + "delete"
UNSHELVE_TO_HOST = "os_compute_api:os-shelve:unshelve_to_host"
IMAGE_OF_VOLUME = _SERVERS + "create_image:allow_volume_backed"
GROUPS_ADD = "os_compute_api:os-security-groups:add"
GROUPS_REMOVE = "os_compute_api:os-security-groups:remove"
FLOATING_ADD = "os_compute_api:os-floating-ips:add"
FLOATING_REMOVE = "os_compute_api:os-floating-ips:remove"
FIXED_ADD = "os_compute_api:os-multinic:add"
FIXED_REMOVE = "os_compute_api:os-multinic:remove"
_MIGRATIONS = "os_compute_api:servers:migrations:"
MIGRATIONS_LIST = _MIGRATIONS + "index"
MIGRATIONS_HOST = _MIGRATIONS + "index:host"
MIGRATIONS_SHOW = _MIGRATIONS + "show"
MIGRATIONS_DELETE = _MIGRATIONS + "delete"
MIGRATIONS_FORCE = _MIGRATIONS + "force_complete"
TOPOLOGY = "compute:server:topology:index"
TOPOLOGY_HOST = "compute:server:topology:host:index"
MIGRATE_TO_HOST = "os_compute_api:os-migrate-server:migrate:host"
MIGRATE_LIVE_TO_HOST = "os_compute_api:os-migrate-server:migrate_live:host"
DIAGNOSTICS = "os_compute_api:os-server-diagnostics"
PASSWORD_SHOW = "os_compute_api:os-server-password:show"
PASSWORD_CLEAR = "os_compute_api:os-server-password:clear"
CONSOLE_OUTPUT = "os_compute_api:os-console-output"
REMOTE_CONSOLES = "os_compute_api:os-remote-consoles"
UNLOCK_OVERRIDE = "os_compute_api:os-lock-server:unlock:unlock_override"
METADATA_LIST = _METADATA + "index"
METADATA_SHOW = _METADATA + "show"
METADATA_CREATE = _METADATA + "create"
METADATA_REPLACE = _METADATA + "update_all"
METADATA_UPDATE = _METADATA + "update"
METADATA_DELETE = _METADATA + "delete"
TAGS_LIST = _TAGS + "index"
TAGS_SHOW = _TAGS + "show"
TAGS_ADD = _TAGS + "update"
TAGS_REPLACE = _TAGS + "update_all"
TAGS_DELETE = _TAGS + "delete"
TAGS_CLEAR = _TAGS + "delete_all"
IPS_LIST = "os_compute_api:ips:index"
IPS_SHOW = "os_compute_api:ips:show"
ACTIONS_LIST = _ACTIONS + "list"
ACTIONS_SHOW = _ACTIONS + "show"
ACTIONS_EVENTS = _ACTIONS + "events"
ACTIONS_DETAILS = _ACTIONS + "events:details"
GROUPS_LIST = "os_compute_api:os-security-groups:list"
INTERFACES_LIST = "os_compute_api:os-attach-interfaces:list"
INTERFACES_SHOW = "os_compute_api:os-attach-interfaces:show"
INTERFACES_CREATE = "os_compute_api:os-attach-interfaces:create"
INTERFACES_DELETE = "os_compute_api:os-attach-interfaces:delete"
ATTACHMENTS_LIST = "os_compute_api:os-volumes-attachments:index"
ATTACHMENTS_SHOW = "os_compute_api:os-volumes-attachments:show"
ATTACHMENTS_CREATE = "os_compute_api:os-volumes-attachments:create"
ATTACHMENTS_UPDATE = "os_compute_api:os-volumes-attachments:update"
ATTACHMENTS_SWAP = "os_compute_api:os-volumes-attachments:swap"
ATTACHMENTS_DELETE = "os_compute_api:os-volumes-attachments:delete"

_READERS = (
    (LIST, "List servers."),
    (DETAIL, "List servers with details."),
    (SHOW, "Show a server."),
    (EXTRA_SPECS, "See the extra specs of a server's flavor in the server."),
    (HOST_UNKNOWN, "See that the state of a server's host is unknown."),
    (METADATA_LIST, "List the metadata of a server."),
    (METADATA_SHOW, "Show one item of a server's metadata."),
    (TAGS_LIST, "List the tags of a server."),
    (TAGS_SHOW, "Check whether a server has a tag."),
    (IPS_LIST, "List the addresses of a server."),
    (IPS_SHOW, "Show the addresses of a server in one network."),
    (ACTIONS_LIST, "List what was done to a server."),
    (ACTIONS_SHOW, "Show one thing that was done to a server."),
    (GROUPS_LIST, "List the security groups of a server."),
    (INTERFACES_LIST, "List the ports of a server."),
    (INTERFACES_SHOW, "Show a port of a server."),
    (ATTACHMENTS_LIST, "List the volumes of a server."),
    (ATTACHMENTS_SHOW, "Show a volume of a server."),
    (PASSWORD_SHOW, "Read the encrypted password that a server has posted."),
)
_MEMBERS = (
    (CREATE, "Create a server."),
    (ATTACH_NETWORK, "Create a server with networks."),
    (ATTACH_VOLUME, "Create a server with block devices of one's own."),
    (TRUSTED_CERTS, "Create a server with certificates to check its image with."),
    (UPDATE, "Update a server."),
    (DELETE, "Delete a server."),
    (CONSOLE_OUTPUT, "Read the console log of a server."),
    (REMOTE_CONSOLES, "Get the URL of a server's console."),
    (INTERFACES_CREATE, "Attach a port to a server."),
    (INTERFACES_DELETE, "Detach a port from a server."),
    (IMAGE_OF_VOLUME, "Make an image of a server whose root disk is a volume."),
    (ATTACHMENTS_CREATE, "Attach a volume to a server."),
    (ATTACHMENTS_UPDATE, "Say whether a volume ends with its server."),
    (ATTACHMENTS_DELETE, "Detach a volume from a server."),
    (GROUPS_ADD, "Put a server into a security group."),
    (GROUPS_REMOVE, "Take a server out of a security group."),
    (FLOATING_ADD, "Have a floating IP lead to a server."),
    (FLOATING_REMOVE, "Have a floating IP lead to a server no longer."),
    (FIXED_ADD, "Give a server one address more."),
    (FIXED_REMOVE, "Take an address from a server."),
    (PASSWORD_CLEAR, "Forget the encrypted password that a server has posted."),
    (METADATA_CREATE, "Add metadata to a server."),
    (METADATA_REPLACE, "Replace the metadata of a server."),
    (METADATA_UPDATE, "Change one item of a server's metadata."),
    (METADATA_DELETE, "Delete one item of a server's metadata."),
    (TAGS_ADD, "Add a tag to a server."),
    (TAGS_REPLACE, "Replace the tags of a server."),
    (TAGS_DELETE, "Remove a tag from a server."),
    (TAGS_CLEAR, "Remove all tags from a server."),
)
_ADMINS = (
    (LIST_ALL, "List the servers of all projects."),
    (DETAIL_ALL, "List the servers of all projects with details."),
    (ALL_FILTERS, "Filter servers by everything."),
    (HOST_STATUS, "See the state of a server's host."),
    (EXTENDED, "See host, hypervisor, name there, user data and the like of servers."),
    (FORCED_HOST, "Force a new server onto a host."),
    (DESTINATION, "Ask for a host or hypervisor for a new server."),
    (ZERO_DISK, "Create a server from an image with a flavor without disk."),
    (UNSHELVE_TO_HOST, "Bring a shelved server back on a host."),
    (MIGRATIONS_SHOW, "Show a live migration of a server."),
    (MIGRATIONS_HOST, "See from which host to which a server is migrated."),
    (TOPOLOGY_HOST, "See what of a host the NUMA topology of a server takes."),
    (MIGRATE_TO_HOST, "Move a server to a host that is named."),
    (MIGRATE_LIVE_TO_HOST, "Move a running server to a host that is named."),
    (DIAGNOSTICS, "Read the diagnostics of a server."),
    (UNLOCK_OVERRIDE, "Unlock a server that somebody else locked."),
    (ACTIONS_EVENTS, "See all details of the events of an action."),
    (ACTIONS_DETAILS, "See why an event of an action failed."),
)

_VERBS = [
    RuleDefault(
        verb.rule,
        NOVA_MANAGER_OR_ADMIN if verb.managers else NOVA_ADMIN if verb.admin else NOVA_MEMBER_OR_ADMIN,
        verb.permits or verb.summary,
    )
    for verb in SERVER_VERBS.values()
]

RULES = [
    *(RuleDefault(name, NOVA_READER_OR_ADMIN, says) for name, says in _READERS),
    *(RuleDefault(name, NOVA_MEMBER_OR_ADMIN, says) for name, says in _MEMBERS),
    *(RuleDefault(name, NOVA_ADMIN, says) for name, says in _ADMINS),
    RuleDefault(
        ATTACHMENTS_SWAP, NOVA_SERVICE_OR_ADMIN, "Put another volume in the place of one that is attached."
    ),
    RuleDefault(TOPOLOGY, NOVA_READER_OR_ADMIN, "Show the NUMA topology of a server."),
    RuleDefault(MIGRATIONS_LIST, NOVA_MANAGER_OR_ADMIN, "List the live migrations of a server."),
    RuleDefault(MIGRATIONS_DELETE, NOVA_MANAGER_OR_ADMIN, "Abort a live migration of a server."),
    RuleDefault(MIGRATIONS_FORCE, NOVA_MANAGER_OR_ADMIN, "Force a live migration of a server to complete."),
    *_VERBS,
]
