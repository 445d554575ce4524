"""The base rules that each upstream service's policies are made of, under upstream's names.

Services differ: what Nova calls `project_member_or_admin` is written out in Neutron and Glance. The constants are the
check strings that upstream's own rules use; resources give them to their `RuleDefault`s.
"""

from __future__ import annotations

from fractus.auth.policy import RuleDefault

_MEMBER = "role:member and project_id:%(project_id)s"
_READER = "role:reader and project_id:%(project_id)s"

# --- Nova (nova.policies.base) --------------------------------------------------------------------

NOVA_ADMIN = "rule:context_is_admin"
NOVA_MANAGER_OR_ADMIN = "rule:project_manager_or_admin"
NOVA_MEMBER_OR_ADMIN = "rule:project_member_or_admin"
NOVA_READER_OR_ADMIN = "rule:project_reader_or_admin"
NOVA_SERVICE_OR_ADMIN = "rule:service_or_admin"
ANY = "@"
NOBODY = "!"

NOVA: tuple[RuleDefault, ...] = (
    RuleDefault("context_is_admin", "role:admin", "Who counts as an administrator."),
    RuleDefault(
        "admin_or_owner",
        "is_admin:True or project_id:%(project_id)s",
        "Deprecated upstream; kept for policy files that name it.",
    ),
    RuleDefault("admin_api", "is_admin:True", "Deprecated upstream; kept for policy files that name it."),
    RuleDefault(
        "project_manager_api",
        "role:manager and project_id:%(project_id)s",
        "Managers of the resource's project.",
    ),
    RuleDefault("project_member_api", _MEMBER, "Members of the resource's project."),
    RuleDefault("project_reader_api", _READER, "Readers of the resource's project."),
    RuleDefault("service_api", "role:service", "Other services."),
    RuleDefault(
        "project_manager_or_admin",
        "rule:project_manager_api or rule:context_is_admin",
        "Managers of the project, and administrators.",
    ),
    RuleDefault(
        "project_member_or_admin",
        "rule:project_member_api or rule:context_is_admin",
        "Members of the project, and administrators.",
    ),
    RuleDefault(
        "project_reader_or_admin",
        "rule:project_reader_api or rule:context_is_admin",
        "Readers of the project, and administrators.",
    ),
    RuleDefault(
        "service_or_admin", "rule:service_api or rule:context_is_admin", "Other services, and administrators."
    ),
)

# --- Placement (placement.policies.base) ----------------------------------------------------------

PLACEMENT_ADMIN = "rule:admin_or_service_api"
PLACEMENT_ADMIN_OR_READER = "rule:admin_or_project_reader_or_service_api"

PLACEMENT: tuple[RuleDefault, ...] = (
    RuleDefault("admin_api", "role:admin", "Administrators."),
    RuleDefault("service_api", "role:service", "Other services."),
    RuleDefault("admin_or_service_api", "role:admin or role:service", "Administrators, and other services."),
    RuleDefault("project_reader_api", _READER, "Readers of the project."),
    RuleDefault(
        "admin_or_project_reader_or_service_api",
        "role:admin or rule:project_reader_api or role:service",
        "Administrators, readers of the project, and other services.",
    ),
)

# --- Neutron (neutron.conf.policies.base, neutron_lib.policy.rules) -------------------------------

NEUTRON_ADMIN = "rule:admin_only"
NEUTRON_ADMIN_OR_SERVICE = "(rule:admin_only) or (rule:service_api)"
NEUTRON_ADMIN_OR_MEMBER = f"(rule:admin_only) or ({_MEMBER})"
NEUTRON_ADMIN_OR_READER = f"(rule:admin_only) or ({_READER})"
NEUTRON_ADMIN_OR_MANAGER = "(rule:admin_only) or (role:manager and project_id:%(project_id)s)"
NEUTRON_ADMIN_OR_NET_OWNER_MEMBER = "(rule:admin_only) or (role:member and rule:network_owner)"
NEUTRON_ADMIN_OR_NET_OWNER_READER = "(rule:admin_only) or (role:reader and rule:network_owner)"
NEUTRON_ADMIN_OR_SG_OWNER_MEMBER = "(rule:admin_only) or (role:member and rule:sg_owner)"
NEUTRON_ADMIN_OR_SG_OWNER_READER = "(rule:admin_only) or (role:reader and rule:sg_owner)"
NEUTRON_ADMIN_OR_PARENT_OWNER_MEMBER = "(rule:admin_only) or (role:member and rule:ext_parent_owner)"
NEUTRON_ADMIN_OR_PARENT_OWNER_MANAGER = "(rule:admin_only) or (role:manager and rule:ext_parent_owner)"
NEUTRON_ADMIN_OR_PARENT_OWNER_READER = "(rule:admin_only) or (role:reader and rule:ext_parent_owner)"

NEUTRON: tuple[RuleDefault, ...] = (
    RuleDefault("context_is_admin", "role:admin", "Who counts as an administrator."),
    RuleDefault("context_with_global_access", "!", "Who sees the resources of all projects."),
    RuleDefault("service_api", "role:service", "Other services."),
    RuleDefault("owner", "project_id:%(project_id)s", "The resource's project."),
    RuleDefault("admin_or_owner", "rule:context_is_admin or rule:owner", "Administrators, and the project."),
    RuleDefault("context_is_advsvc", "role:advsvc", "Advanced services."),
    RuleDefault(
        "admin_or_network_owner",
        "rule:context_is_admin or project_id:%(network:project_id)s",
        "Administrators, and the project of the network.",
    ),
    RuleDefault(
        "admin_owner_or_network_owner",
        "rule:owner or rule:admin_or_network_owner",
        "Administrators, the project, and the project of the network.",
    ),
    RuleDefault("network_owner", "project_id:%(network:project_id)s", "The project of the network."),
    RuleDefault("admin_only", "rule:context_is_admin", "Administrators."),
    RuleDefault("regular_user", "", "Everybody with a token."),
    RuleDefault("shared", "field:networks:shared=True", "The network is shared with all projects."),
    RuleDefault("default", "rule:admin_or_owner", "Where a rule is named that does not exist."),
    RuleDefault(
        "admin_or_ext_parent_owner",
        "rule:context_is_admin or project_id:%(ext_parent:project_id)s",
        "Administrators, and the project of what it belongs to.",
    ),
    RuleDefault(
        "ext_parent_owner", "project_id:%(ext_parent:project_id)s", "The project of what it belongs to."
    ),
    RuleDefault("sg_owner", "project_id:%(security_group:project_id)s", "The project of the security group."),
)

# --- Glance (glance.policies.base) ----------------------------------------------------------------

_VISIBLE = (
    "(project_id:%(project_id)s or project_id:%(member_id)s or 'community':%(visibility)s"
    " or 'public':%(visibility)s or 'shared':%(visibility)s)"
)

GLANCE_ADMIN = "rule:context_is_admin"
GLANCE_DEFAULT = "rule:default"
GLANCE_ADMIN_OR_MEMBER = f"rule:context_is_admin or ({_MEMBER})"
GLANCE_ADMIN_OR_READER = f"rule:context_is_admin or ({_READER})"
GLANCE_ADMIN_OR_READER_GET_IMAGE = f"rule:context_is_admin or (role:reader and {_VISIBLE})"
GLANCE_ADMIN_OR_MEMBER_DOWNLOAD_IMAGE = f"rule:context_is_admin or (role:member and {_VISIBLE})"
GLANCE_ADMIN_OR_MEMBER_CREATE_IMAGE = f"rule:context_is_admin or ({_MEMBER} and project_id:%(owner)s)"
GLANCE_ADMIN_OR_READER_GET_NAMESPACE = (
    "rule:context_is_admin or (role:reader and (project_id:%(project_id)s or 'public':%(visibility)s))"
)
GLANCE_ADMIN_OR_SERVICE = "rule:context_is_admin or rule:service_api"
GLANCE_SERVICE_OR_MEMBER = f"rule:service_api or ({_MEMBER} and project_id:%(owner)s)"
GLANCE_ADMIN_OR_SHARED_MEMBER = "rule:context_is_admin or (role:member and project_id:%(member_id)s)"
GLANCE_ADMIN_OR_READER_OR_SHARED_MEMBER = (
    "rule:context_is_admin or role:reader and (project_id:%(project_id)s or project_id:%(member_id)s)"
)

GLANCE: tuple[RuleDefault, ...] = (
    RuleDefault("default", "", "For rules that were once empty."),
    RuleDefault("context_is_admin", "role:admin", "Who counts as an administrator."),
    RuleDefault("service_api", "role:service or role:admin", "Other services."),
)

# --- Cinder (cinder.policies.base) ----------------------------------------------------------------

CINDER_ADMIN = "rule:admin_api"
CINDER_ADMIN_OR_MEMBER = "rule:xena_system_admin_or_project_member"
CINDER_ADMIN_OR_READER = "rule:xena_system_admin_or_project_reader"

CINDER: tuple[RuleDefault, ...] = (
    RuleDefault("context_is_admin", "role:admin", "Who counts as an administrator."),
    RuleDefault("admin_api", "is_admin:True or (role:admin and is_admin_project:True)", "Administrators."),
    RuleDefault(
        "admin_or_owner",
        "is_admin:True or (role:admin and is_admin_project:True) or project_id:%(project_id)s",
        "Deprecated upstream; kept for policy files that name it.",
    ),
    RuleDefault(
        "xena_system_admin_or_project_reader",
        f"(role:admin) or ({_READER})",
        "Readers of the project, and administrators.",
    ),
    RuleDefault(
        "xena_system_admin_or_project_member",
        f"(role:admin) or ({_MEMBER})",
        "Members of the project, and administrators.",
    ),
)
