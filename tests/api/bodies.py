"""A body for every route that takes one: valid, of the newest version, about the things of a furnished project."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fractus.base.ids import new_id
from fractus.testing.outside import PUBLIC
from fractus.testing.user import PUBLIC_KEY
from tests.api.examples import CONNTRACK_HELPER, QOS_RULES, bodies
from tests.api.house import SECRET, TAG, House, Served

Body = Callable[[House], Any]


def _server(house: House) -> dict[str, Any]:
    return {
        "name": "new",
        "flavorRef": house.flavor,
        "imageRef": house.image,
        "networks": [{"uuid": house.network.id}],
        "key_name": house.key,
        "security_groups": [{"name": f"{SECRET}-group"}],
        "availability_zone": "a",
        "metadata": {"colour": "blue"},
        "tags": ["new"],
        "description": "new",
        "user_data": "bmV3",
        "min_count": 1,
        "max_count": 1,
        "config_drive": True,
        "OS-DCF:diskConfig": "MANUAL",
        "hostname": "new",
        "accessIPv4": "192.0.2.1",
    }


def _flavor(_: House) -> dict[str, Any]:
    return {
        "name": "new",
        "vcpus": 1,
        "ram": 64,
        "disk": 1,
        "id": "new-flavor",
        "swap": 0,
        "rxtx_factor": 1.0,
        "OS-FLV-EXT-DATA:ephemeral": 0,
        "os-flavor-access:is_public": True,
        "description": "new",
    }


def _rule(house: House) -> dict[str, Any]:
    return {
        "security_group_id": house.group,
        "direction": "ingress",
        "ethertype": "IPv4",
        "protocol": "tcp",
        "port_range_min": 8080,
        "port_range_max": 8081,
        "remote_ip_prefix": "10.0.0.0/8",
        "description": "new",
    }


def _image(_: House) -> dict[str, Any]:
    return {
        "name": "new",
        "disk_format": "raw",
        "container_format": "bare",
        "visibility": "private",
        "min_disk": 1,
        "min_ram": 1,
        "protected": False,
        "tags": ["new"],
        "os_hidden": False,
        "colour": "blue",
    }


_COMPUTE: Mapping[str, Body] = {
    "POST /servers/{server_id}/migrations/{id}/action#force_complete": lambda _: {"force_complete": None},
    "POST /os-security-groups": lambda _: {"security_group": {"name": "new", "description": "new"}},
    "PUT /os-security-groups/{id}": lambda _: {"security_group": {"name": "new", "description": "new"}},
    "POST /os-security-group-rules": lambda house: {
        "security_group_rule": {
            "parent_group_id": house.group,
            "ip_protocol": "tcp",
            "from_port": 8090,
            "to_port": 8091,
            "cidr": "10.0.0.0/8",
        }
    },
    "POST /os-floating-ips": lambda _: {"pool": PUBLIC},
    "POST /images/{image_id}/metadata": lambda _: {"metadata": {"colour": "blue"}},
    "PUT /images/{image_id}/metadata": lambda _: {"metadata": {"colour": "blue"}},
    "PUT /images/{image_id}/metadata/{key}": lambda _: {"meta": {f"{SECRET}-meta": "blue"}},
    "POST /os-volumes": lambda _: {
        "volume": {"size": 1, "display_name": "new", "metadata": {"colour": "blue"}}
    },
    "POST /os-snapshots": lambda house: {"snapshot": {"volume_id": house.volume, "display_name": "new"}},
    "POST /os-server-external-events": lambda house: {
        "events": [{"name": "network-changed", "server_uuid": house.server}]
    },
    "POST /os-assisted-volume-snapshots": lambda house: {
        "snapshot": {
            "volume_id": house.volume,
            "create_info": {"snapshot_id": new_id(), "type": "qcow2", "new_file": "new"},
        }
    },
    "POST /os-aggregates": lambda _: {"aggregate": {"name": "new", "availability_zone": "a"}},
    "PUT /os-aggregates/{id}": lambda _: {"aggregate": {"name": "newer"}},
    "POST /os-aggregates/{id}/action#add_host": lambda _: {"add_host": {"host": "host"}},
    "POST /os-aggregates/{id}/action#remove_host": lambda _: {"remove_host": {"host": "host"}},
    "POST /os-aggregates/{id}/action#set_metadata": lambda _: {"set_metadata": {"metadata": {"new": "1"}}},
    "POST /os-aggregates/{id}/images": lambda house: {"cache": [{"id": house.image}]},
    "PUT /os-hosts/{host}": lambda _: {"status": "enable"},
    "PUT /os-services/{id}": lambda _: {"status": "disabled", "disabled_reason": "new"},
    "POST /servers": lambda house: {"server": _server(house)},
    "PUT /os-quota-sets/{project_id}": lambda _: {"quota_set": {"instances": 50, "cores": 60}},
    "PUT /os-quota-class-sets/{name}": lambda _: {"quota_class_set": {"instances": 50, "cores": 60}},
    "PUT /servers/{server_id}": lambda _: {"server": {"name": "new", "description": "new"}},
    "POST /servers/{server_id}/action#os-start": lambda _: {"os-start": None},
    "POST /servers/{server_id}/action#os-stop": lambda _: {"os-stop": None},
    "POST /servers/{server_id}/action#reboot": lambda _: {"reboot": {"type": "HARD"}},
    **{
        f"POST /servers/{{server_id}}/action#{key}": lambda _, key=key: {key: None}  # type: ignore[misc]
        for key in (
            "pause unpause suspend resume rescue unrescue shelve shelveOffload unshelve restore trigger_crash_dump"
            " injectNetworkInfo"
        ).split()
    },
    "POST /servers/{server_id}/action#resize": lambda house: {"resize": {"flavorRef": house.flavor}},
    "POST /servers/{server_id}/action#confirmResize": lambda _: {"confirmResize": None},
    "POST /servers/{server_id}/action#revertResize": lambda _: {"revertResize": None},
    "POST /servers/{server_id}/action#rebuild": lambda house: {"rebuild": {"imageRef": house.image}},
    "POST /servers/{server_id}/os-volume_attachments": lambda house: {
        "volumeAttachment": {"volumeId": house.volume}
    },
    "PUT /servers/{server_id}/os-volume_attachments/{volume_id}": lambda house: {
        "volumeAttachment": {"volumeId": house.volume, "delete_on_termination": True}
    },
    "POST /servers/{server_id}/os-interface": lambda house: {
        "interfaceAttachment": {"net_id": house.network.id}
    },
    "POST /servers/{server_id}/action#changePassword": lambda _: {"changePassword": {"adminPass": "new"}},
    "POST /servers/{server_id}/action#createImage": lambda _: {
        "createImage": {"name": "new", "metadata": {"colour": "blue"}}
    },
    "POST /servers/{server_id}/action#createBackup": lambda _: {
        "createBackup": {"name": "new", "backup_type": "daily", "rotation": 2, "metadata": {"colour": "blue"}}
    },
    "POST /servers/{server_id}/action#addSecurityGroup": lambda _: {
        "addSecurityGroup": {"name": f"{SECRET}-group"}
    },
    "POST /servers/{server_id}/action#removeSecurityGroup": lambda _: {
        "removeSecurityGroup": {"name": f"{SECRET}-group"}
    },
    "POST /servers/{server_id}/action#addFloatingIp": lambda _: {"addFloatingIp": {"address": "203.0.113.7"}},
    "POST /servers/{server_id}/action#removeFloatingIp": lambda _: {
        "removeFloatingIp": {"address": "203.0.113.7"}
    },
    "POST /servers/{server_id}/action#migrate": lambda _: {"migrate": None},
    "POST /servers/{server_id}/action#os-migrateLive": lambda _: {
        "os-migrateLive": {"host": None, "block_migration": "auto"}
    },
    "POST /servers/{server_id}/action#evacuate": lambda _: {"evacuate": {}},
    "POST /servers/{server_id}/action#addFixedIp": lambda house: {
        "addFixedIp": {"networkId": house.network.id}
    },
    "POST /servers/{server_id}/action#removeFixedIp": lambda _: {"removeFixedIp": {"address": "10.7.0.200"}},
    "POST /servers/{server_id}/action#os-getVNCConsole": lambda _: {"os-getVNCConsole": {"type": "novnc"}},
    "POST /servers/{server_id}/action#os-getSPICEConsole": lambda _: {
        "os-getSPICEConsole": {"type": "spice-html5"}
    },
    "POST /servers/{server_id}/action#os-getSerialConsole": lambda _: {
        "os-getSerialConsole": {"type": "serial"}
    },
    "POST /servers/{server_id}/action#lock": lambda _: {"lock": {"locked_reason": "new"}},
    "POST /servers/{server_id}/action#unlock": lambda _: {"unlock": None},
    "POST /servers/{server_id}/action#os-resetState": lambda _: {"os-resetState": {"state": "error"}},
    "POST /servers/{server_id}/action#forceDelete": lambda _: {"forceDelete": None},
    "POST /servers/{server_id}/action#os-getConsoleOutput": lambda _: {"os-getConsoleOutput": {"length": 5}},
    "POST /servers/{server_id}/remote-consoles": lambda _: {
        "remote_console": {"protocol": "serial", "type": "serial"}
    },
    "POST /servers/{server_id}/metadata": lambda _: {"metadata": {"colour": "blue"}},
    "PUT /servers/{server_id}/metadata": lambda _: {"metadata": {"colour": "blue"}},
    "PUT /servers/{server_id}/metadata/{key}": lambda _: {"meta": {f"{SECRET}-meta": "new"}},
    "PUT /servers/{server_id}/tags": lambda _: {"tags": ["new"]},
    "PUT /servers/{server_id}/tags/{tag}": lambda _: None,
    "POST /flavors": lambda house: {"flavor": _flavor(house)},
    "PUT /flavors/{flavor_id}": lambda _: {"flavor": {"description": "new"}},
    "POST /flavors/{flavor_id}/os-extra_specs": lambda _: {"extra_specs": {"colour": "blue"}},
    "PUT /flavors/{flavor_id}/os-extra_specs/{key}": lambda _: {f"{SECRET}-spec": "new"},
    "POST /flavors/{flavor_id}/action#addTenantAccess": lambda _: {"addTenantAccess": {"tenant": "f" * 32}},
    "POST /flavors/{flavor_id}/action#removeTenantAccess": lambda house: {
        "removeTenantAccess": {"tenant": house.owner.project_id}
    },
    "POST /os-keypairs": lambda _: {"keypair": {"name": "new", "type": "ssh", "public_key": PUBLIC_KEY}},
    "POST /os-server-groups": lambda _: {"server_group": {"name": "new", "policy": "affinity"}},
}


_ACTION = "POST /volumes/{volume_id}/action#"
#: The back end of simulated clouds.
_BACKEND = {"host": "host-1@simulated"}
_VOLUME: Mapping[str, Body] = {
    **bodies("volume"),
    "PUT /os-quota-sets/{project_id}": lambda _: {"quota_set": {"volumes": 50}},
    "PUT /os-quota-class-sets/{name}": lambda _: {"quota_class_set": {"volumes": "50"}},
    "POST /types/{type_id}/extra_specs": lambda _: {"extra_specs": {"colour": "blue"}},
    "PUT /types/{type_id}/extra_specs/{key}": lambda _: {f"{SECRET}-spec": "new"},
    "POST /types/{type_id}/action#addProjectAccess": lambda _: {"addProjectAccess": {"project": "f" * 32}},
    "POST /types/{type_id}/action#removeProjectAccess": lambda house: {
        "removeProjectAccess": {"project": house.owner.project_id}
    },
    "POST /types/{type_id}/encryption": lambda _: {
        "encryption": {"provider": "luks", "control_location": "front-end"}
    },
    "PUT /types/{type_id}/encryption/{id}": lambda _: {"encryption": {"key_size": 256}},
    "PUT /default-types/{id}": lambda house: {"default_type": {"volume_type": house.volume_type}},
    "POST /group_types/{group_type_id}/group_specs": lambda _: {"group_specs": {"colour": "blue"}},
    "PUT /group_types/{group_type_id}/group_specs/{key}": lambda _: {f"{SECRET}-spec": "new"},
    **{
        f"POST {path}#create-from-src": lambda house: {
            "create-from-src": {"source_group_id": house.stored["groups"]}
        }
        for path in ("/groups/{id}/action", "/groups/action")
    },
    "POST /groups/{id}/action#delete": lambda _: {"delete": {"delete-volumes": True}},
    **{
        f"POST {path}/{{id}}/action#reset_status": lambda _: {"reset_status": {"status": "error"}}
        for path in ("/groups", "/group_snapshots")
    },
    "PUT /qos-specs/{id}/delete_keys": lambda _: {"keys": ["colour"]},
    **{
        f"PUT /os-services/{verb}": lambda _: {**_BACKEND, "binary": "cinder-volume"}
        for verb in ("enable", "disable", "disable-log-reason")
    },
    **{f"PUT /os-services/{verb}": lambda _: {**_BACKEND} for verb in ("freeze", "thaw", "failover_host")},
    "PUT /os-services/get-log": lambda _: {"prefix": "cinder"},
    "PUT /os-services/set-log": lambda _: {"prefix": "cinder", "level": "info"},
    "PUT /os-hosts/{id}": lambda _: {"status": "enable"},
    **{f"PUT /clusters/{verb}": lambda _: {"name": "new"} for verb in ("enable", "disable")},
    "POST /workers/cleanup": lambda _: {"resource_type": "volume"},
    f"{_ACTION}os-volume_upload_image": lambda _: {"os-volume_upload_image": {"image_name": "new"}},
    f"{_ACTION}revert": lambda house: {"revert": {"snapshot_id": house.snapshot}},
    f"{_ACTION}os-reimage": lambda house: {"os-reimage": {"image_id": house.image}},
    f"{_ACTION}os-attach": lambda house: {
        "os-attach": {"instance_uuid": house.server, "mountpoint": "/dev/vdz"}
    },
    f"{_ACTION}os-detach": lambda _: {"os-detach": {}},
    f"{_ACTION}os-force_detach": lambda _: {"os-force_detach": {}},
    **{
        f"{_ACTION}os-{name}": lambda _, name=name: {f"os-{name}": None}
        for name in ("reserve", "unreserve", "begin_detaching", "roll_detaching")
    },
    **{
        f"{_ACTION}os-{name}": lambda _, name=name: {f"os-{name}": {"connector": {"host": "h1"}}}
        for name in ("initialize_connection", "terminate_connection")
    },
    "POST /attachments/{id}/action#os-complete": lambda _: {"os-complete": None},
    f"{_ACTION}os-retype": lambda _: {"os-retype": {"new_type": "__DEFAULT__"}},
    f"{_ACTION}os-extend": lambda _: {"os-extend": {"new_size": 2}},
    f"{_ACTION}os-set_bootable": lambda _: {"os-set_bootable": {"bootable": True}},
    f"{_ACTION}os-update_readonly_flag": lambda _: {"os-update_readonly_flag": {"readonly": True}},
    f"{_ACTION}os-reset_status": lambda _: {"os-reset_status": {"status": "error"}},
    f"{_ACTION}os-force_delete": lambda _: {"os-force_delete": {}},
    f"{_ACTION}os-set_image_metadata": lambda _: {"os-set_image_metadata": {"metadata": {"colour": "blue"}}},
    f"{_ACTION}os-unset_image_metadata": lambda _: {"os-unset_image_metadata": {"key": "colour"}},
    f"{_ACTION}os-show_image_metadata": lambda _: {"os-show_image_metadata": None},
    "POST /snapshots/{snapshot_id}/action#os-reset_status": lambda _: {
        "os-reset_status": {"status": "error"}
    },
    "POST /snapshots/{snapshot_id}/action#os-update_snapshot_status": lambda _: {
        "os-update_snapshot_status": {"status": "available"}
    },
    "POST /snapshots/{snapshot_id}/action#os-force_delete": lambda _: {"os-force_delete": {}},
    "POST /backups/{id}/action#os-reset_status": lambda _: {"os-reset_status": {"status": "error"}},
    "POST /backups/{id}/action#os-force_delete": lambda _: {"os-force_delete": {}},
    **{
        f"POST /{path}/{{id}}/accept": lambda _: {"accept": {"auth_key": "0123456789abcdef"}}
        for path in ("volume-transfers", "os-volume-transfer")
    },
    "POST /backups/{id}/restore": lambda _: {"restore": {}},
    "POST /backups/import_record": lambda _: {
        "backup-record": {
            "backup_service": "simulated",
            "backup_url": "eyJpZCI6ICIzNTBhNzJjOC02ZmRkLTRhZmQtOWEyZC02MTA2NDRlODk0NDIiLCAic2l6ZSI6IDF9",
        }
    },
    **{
        f"{method} /{things}/metadata{one}": (
            lambda _, key="meta" if one else "metadata", name=f"{SECRET}-meta" if one else "colour": {
                key: {name: "blue"}
            }
        )
        for things in ("volumes/{volume_id}", "snapshots/{snapshot_id}")
        for method, one in (("POST", ""), ("PUT", ""), ("PUT", "/{key}"))
    },
}


def _qos_rules() -> dict[str, Body]:
    found: dict[str, Body] = {}
    for name, values in QOS_RULES.items():
        for method, path, key in (
            ("POST", f"/qos/policies/{{id}}/{name}s", name),
            ("PUT", f"/qos/policies/{{id}}/{name}s/{{part}}", name),
            ("PUT", f"/qos/alias_{name}s/{{id}}", f"alias_{name}"),
        ):
            found[f"{method} {path}"] = lambda _, key=key, values=values: {key: dict(values)}
    return found


_NETWORK: Mapping[str, Body] = {
    **_qos_rules(),
    "POST /floatingips/{id}/port_forwardings": lambda house: {
        "port_forwarding": {
            "internal_port_id": house.port,
            "internal_ip_address": "10.7.0.99",
            "protocol": "udp",
            "internal_port": 80,
            "external_port": 8081,
        }
    },
    "POST /routers/{id}/conntrack_helpers": lambda _: {
        "conntrack_helper": {**CONNTRACK_HELPER, "port": 2121}
    },
    "PUT /routers/{id}/conntrack_helpers/{part}": lambda _: {"conntrack_helper": {"port": 2122}},
    "PUT /floatingips/{id}/port_forwardings/{part}": lambda _: {"port_forwarding": {"external_port": 8082}},
    **bodies("network"),
    "PUT /quotas/{project_id}": lambda _: {"quota": {"network": 50, "port": 60}},
    "PUT /address-groups/{id}/add_addresses": lambda _: {"addresses": ["10.201.0.0/16"]},
    "PUT /address-groups/{id}/remove_addresses": lambda _: {"addresses": []},
    "PUT /subnetpools/{id}/add_prefixes": lambda _: {"prefixes": ["10.201.0.0/16"]},
    "PUT /subnetpools/{id}/remove_prefixes": lambda _: {"prefixes": ["10.201.0.0/16"]},
    "PUT /subnetpools/{id}/onboard_network_subnets": lambda house: {"network_id": house.network.id},
    "POST /ports/{id}/bindings": lambda _: {"binding": {"host": "a"}},
    "PUT /ports/{id}/bindings/{host}": lambda _: {"binding": {"host": "a"}},
    "PUT /ports/{id}/bindings/{host}/activate": lambda _: None,
    "POST /segments": lambda house: {
        "segment": {"network_id": house.network.id, "network_type": "vlan", "segmentation_id": 77}
    },
    "PUT /segments/{id}": lambda _: {"segment": {"name": "rack"}},
    "POST /network_segment_ranges": lambda _: {
        "network_segment_range": {"network_type": "vlan", "minimum": 5, "maximum": 9}
    },
    "PUT /network_segment_ranges/{id}": lambda _: {"network_segment_range": {"maximum": 8}},
    "PUT /agents/{id}": lambda _: {"agent": {"description": "new"}},
    "POST /agents/{agent_id}/dhcp-networks": lambda house: {"network_id": house.network.id},
    "POST /agents/{agent_id}/l3-routers": lambda _: {"router_id": new_id()},
    "PUT /routers/{id}/add_router_interface": lambda house: {"subnet_id": house.network.subnet_id},
    "PUT /routers/{id}/remove_router_interface": lambda house: {"subnet_id": house.network.subnet_id},
    "POST /flavors/{id}/service_profiles": lambda _: {"service_profile": {"id": new_id()}},
    "PUT /trunks/{id}/add_subports": lambda _: {"sub_ports": []},
    "PUT /trunks/{id}/remove_subports": lambda _: {"sub_ports": []},
    "PUT /routers/{id}/add_extraroutes": lambda _: {"router": {"routes": []}},
    "PUT /routers/{id}/remove_extraroutes": lambda _: {"router": {"routes": []}},
    "POST /metering/metering-label-rules": lambda house: {
        "metering_label_rule": {
            "metering_label_id": house.declared["metering/metering-labels"],
            "direction": "egress",
            "remote_ip_prefix": "10.203.0.0/16",
        }
    },
    "PUT /metering/metering-label-rules/{id}": lambda _: {"metering_label_rule": {}},
    "PUT /security-group-rules/{id}": lambda _: {"security_group_rule": {"description": "new"}},
    "POST /security-group-rules": lambda house: {"security_group_rule": _rule(house)},
}

_DEFINED = {"title": "New", "type": "string"}

_IMAGE: Mapping[str, Body] = {
    "POST /images": _image,
    "PATCH /images/{image_id}": lambda _: [
        {"op": "replace", "path": "/name", "value": "new"},
        {"op": "add", "path": "/colour", "value": "blue"},
    ],
    "PUT /images/{image_id}/tags/{tag}": lambda _: None,
    "POST /images/{image_id}/actions/deactivate": lambda _: None,
    "POST /images/{image_id}/actions/reactivate": lambda _: None,
    "PUT /images/{image_id}/file": lambda _: None,
    "PUT /images/{image_id}/stage": lambda _: None,
    "POST /images/{image_id}/import": lambda _: {"method": {"name": "glance-direct"}},
    "POST /images/{image_id}/locations": lambda _: {"url": "http://example.org/a"},
    "POST /tasks": lambda _: {"type": "import", "input": {"import_from": "http://example.org/a"}},
    "PUT /queued_images/{image_id}": lambda _: None,
    "POST /images/{image_id}/members": lambda _: {"member": "e" * 32},
    "PUT /images/{image_id}/members/{member_id}": lambda _: {"status": "accepted"},
    "PUT /cache/{image_id}": lambda _: None,
    "POST /metadefs/namespaces": lambda _: {"namespace": "new", "tags": [{"name": "new"}]},
    "PUT /metadefs/namespaces/{namespace}": lambda _: {"namespace": SECRET, "display_name": "new"},
    "POST /metadefs/namespaces/{namespace}/objects": lambda _: {"name": "new"},
    "PUT /metadefs/namespaces/{namespace}/objects/{name}": lambda _: {"name": SECRET, "description": "new"},
    "POST /metadefs/namespaces/{namespace}/properties": lambda _: {"name": "new", **_DEFINED},
    "PUT /metadefs/namespaces/{namespace}/properties/{name}": lambda _: {"name": SECRET, **_DEFINED},
    "POST /metadefs/namespaces/{namespace}/resource_types": lambda _: {"name": "OS::New"},
    "POST /metadefs/namespaces/{namespace}/tags": lambda _: {"tags": [{"name": "new"}]},
}

_BODIES = {"compute": _COMPUTE, "network": _NETWORK, "image": _IMAGE, "volume": _VOLUME}

#: Content types of bodies, where they are not plain JSON.
TYPES = {
    "image PATCH /images/{image_id}": "application/openstack-images-v2.1-json-patch",
    "image PUT /images/{image_id}/file": "application/octet-stream",
    "image PUT /images/{image_id}/stage": "application/octet-stream",
}


def body_of(one: Served, house: House) -> Any:
    """A body that the route takes; None where it takes none. KeyError for a route that nobody has thought of here."""
    route = one.route
    if route.method in ("GET", "DELETE"):
        return None
    if one.gone:
        return {route.action: None} if route.action else {}
    if route.path.startswith("/metadefs/") and route.path.endswith("/tags/{tag}"):
        return {"name": TAG} if route.method == "PUT" else None
    if route.path.endswith("/tags/{tag}"):
        return None
    if one.service.type == "network" and route.path.endswith("/tags"):
        return {"tags": [TAG, "new"]}
    action = f"#{route.action}" if route.action else ""
    name = f"{route.method} {route.path.removesuffix('.json')}{action}"
    return _BODIES[one.service.type][name](house)


def type_of(one: Served) -> str:
    """The content type of that body."""
    return TYPES.get(str(one), "application/json")
