"""Differences that stay, and why. Whatever else differs is a defect."""

from __future__ import annotations

import dataclasses
import re

from tools.differential.compare import Difference


@dataclasses.dataclass(frozen=True, slots=True)
class Reason:
    """`found`: what is looked for in `SORT | CASE | REQUEST | real: ... | ours: ...`."""

    found: str
    what: str
    why: str


REASONS: tuple[Reason, ...] = (
    Reason(
        r"real: 500 ", "Neutron answers 500", "A fault of its own; fractus refuses, or does what was asked."
    ),
    Reason(
        r"ours: 400 HTTPBadRequest: Unrecognized attribute\(s\) '(ha'|ipv[46]_address_scope|is_default|qinq|"
        r"qos_network_|vlan_transparent|use_default_subnetpool|resource_request|"
        r"router:external')",
        "attributes of extensions that are not served",
        "They are not in `GET /extensions`, and so unknown, whatever is given for them.",
    ),
    Reason(
        r"document \.(trunk\.|trunks\.\d+\.)?status \| .*trunk",
        "trunks that are nowhere yet",
        "The child's driver has each ACTIVE at once; here it is DOWN until the cloud of its port has it.",
    ),
    Reason(
        r"cannot be carried to the clouds behind this endpoint",
        "what we cannot ask of any cloud",
        "Refused by name rather than dropped: wires of networks, bindings of ports, other projects' subnets.",
    ),
    Reason(
        r"\| (networks|subnets)\.tags in POST|a network with tags|\.port\.tags| ports\.tags in POST",
        "tags in a create",
        "Taken for networks, subnets and ports, as Neutrons with the whole of `tag-creation` do.",
    ),
    Reason(
        r"^refused \| (subnets|security-groups|security-group-rules)\?limit=1&marker=",
        "markers that are no rows",
        "Refused in every list: Neutron begins those of some kinds again, which a client cannot tell from an end.",
    ),
    Reason(
        r"ours: 404 .*\.xml could not be found|ours: 404 .*\.xml does not exist",
        "other suffixes than .json",
        "404 from both; Neutron looks no further than the suffix, and fractus for a thing of that name.",
    ),
    Reason(
        r"document \.port\.(status|revision_number) \| (port of|a port that becomes) network:",
        "ports of Neutron's own owners",
        "The child binds them at once; fractus binds none before a cloud has it.",
    ),
    Reason(
        r"document \.port\.status .*network:router_interface.*real: 'DOWN'",
        "interfaces of routers that no cloud needs",
        "ACTIVE from the first: nothing is missing until a cloud has a port to route for.",
    ),
    Reason(
        r"document \.(network|networks\.\d+)\.(provider:|segments|l2_adjacency)",
        "how a network is wired",
        "A cloud says it, once the network is there.",
    ),
    Reason(
        r"^document .*\| .*GET .*rbac-policies",
        "the RBAC policy of a network made `shared`",
        "Neutron lists one for all projects; here the attribute says it, and such a policy is listed only where it was "
        "made as one.",
    ),
    Reason(
        r"document .*(project_id|tenant_id) \| a rule by an admin",
        "whose a rule is",
        "Its group's project, not the caller's: in a cloud it can be nobody else's.",
    ),
    Reason(
        r"\| subnets\.dns_nameservers in ",
        "nameservers that are no list",
        "Neutron takes a text for a list of its characters, and an object for one of its keys.",
    ),
    Reason(
        r"document \.(network|subnet)\.revision_number",
        "how often a network or a subnet has changed",
        "Neutron counts changes of a subnet's lists for its network, and none where an MTU is asked for that is there.",
    ),
    Reason(
        r"document \.(subnet\.allocation_pools\.\d+\.|port\.extra_dhcp_opts\.)",
        "the order of pools and of DHCP options",
        "Chance in Neutron; as they were given here.",
    ),
    Reason(
        r"^status .*\| POST of no (subnet|port|security_group|security_group_rule) ",
        "POST of one thing",
        "405 for every kind; Neutron reads the body first where the kind has required attributes.",
    ),
    Reason(
        r"\| GET extensions/nosuch",
        "an extension that is not there",
        "404 from both; Neutron answers it outside of its own envelope.",
    ),
    Reason(
        r"^document .*\| .*GET .*/agents",
        "agents",
        "Those of all clouds, with the cloud as their zone; what is shown is as old as the last listing of their "
        "cloud.",
    ),
    Reason(
        r"document \.subnets \| an owner's subnets",
        "the child's external network",
        "Not adopted in this world.",
    ),
    Reason(
        r"in the order of ids \| several ",
        "the order of what one request makes",
        "As it was asked for here; Neutron's ids are chance.",
    ),
    Reason(
        r"\| (another's (rule|tags of)|a subnet of another's|a rule of another's)",
        "what another project has",
        "Not there (404), whatever is asked of it; Neutron says of some that it may not be done (403).",
    ),
    Reason(
        r"ports\.fixed_ips in .*Unrecognized attribute",
        "unknown keys of fixed addresses",
        "Refused by name; Neutron drops them.",
    ),
    Reason(
        r"ours: 400 InvalidInput: Invalid input for operation: '\d+' is too large",
        "numbers that no database holds",
        "400 from both, of the type that other wrong numbers have.",
    ),
    Reason(
        r"document \.networks|document \.tags.*tag %C3%A9",
        "the child's external network, and text beyond ASCII in its paths",
        "Not adopted in this world; Neutron reads such a path as Latin-1.",
    ),
    Reason(
        r"document \.security_groups\.0\.security_group_rules\.\d+\..* \| the default group's document",
        "a default group that a GET has made",
        "That one answer of Neutron's has it as it was made: rules out of order, and attributes not filled in.",
    ),
    Reason(
        r"document \S*fixed_ips\.\d+\.ip_address|document \S*allowed_address_pairs\.\d+\.ip_address .*fixed_ips",
        "which address a port gets",
        "Chance in Neutron, the first free one here.",
    ),
    Reason(
        r"document \.ports?\.(\d+\.)?dns_assignment\.\d+\.(ip_address|hostname|fqdn) .*real: 'h?o?s?t?-?[\d.:a-f-]+",
        "the name of a port that nobody named",
        "It is made of the address.",
    ),
    Reason(
        r"document \.ports?\.(\d+\.)?(numa_affinity_policy|device_profile|propagate_uplink_status)",
        "attributes of a driver that the Neutron asked has not",
        "Shown, for other clouds have it.",
    ),
)


def reason(one: Difference) -> Reason | None:
    """Why a difference stays; None where it should not."""
    text = f"{one.sort} | {one.case} | {one.request} | real: {one.real} | ours: {one.ours}"
    return next((known for known in REASONS if re.search(known.found, text)), None)


def page() -> str:
    """The page of them."""
    rows = "".join(f"| {one.what} | {one.why} |\n" for one in REASONS)
    return (
        "# Where fractus answers otherwise than Neutron\n\n"
        "Each write of each kind of network that is served is sent to a real Neutron 29 and to fractus, with values\n"
        "made from Neutron's own attribute maps, right and wrong, and in states that matter (in use, twice,\n"
        "overlapping, another's); paths, methods, headers and queries too. Status, type and document are compared:\n\n"
        "    python -m tools.differential --clouds-yaml clouds.yaml --cloud ADMIN_ENTRY\n\n"
        "A short form of it is part of `make real`. These differences stay; whatever else differs is a defect.\n"
        "Sentences are listed by the command, and differ where the types do, or in the order of what they name.\n\n"
        f"| what | why |\n|---|---|\n{rows}"
    )
