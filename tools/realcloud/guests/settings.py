"""Configuration of a cloud with guests, where it differs from that of other clouds."""

import os

SECRET = "realcloud"
SHARE = "127.0.0.1:%s"  # as the shim of mount.nfs reads it
VXLAN_ADDRESS = "127.0.0.1"  # one host a site: nothing is sent through a tunnel


def services(cloud, venv):
    """For each service's main file, the sections and options to set over the common ones."""
    ports, state = cloud.ports, cloud.dir + "/state"
    cinder_helper = "%s/bin/privsep-helper --config-file %s/etc/cinder.conf" % (venv, cloud.dir)
    return {
        "nova": {
            # Emulated guests are mostly idle; what the API promises is what the flavors say.
            "DEFAULT": {"initial_cpu_allocation_ratio": 16.0, "compute_driver": "libvirt.LibvirtDriver"},
            "neutron": {"service_metadata_proxy": "true", "metadata_proxy_shared_secret": SECRET},
            "serial_console": {
                "enabled": "true",
                "base_url": "ws://127.0.0.1:%d/" % ports["serial-proxy"],
                "serialproxy_host": "127.0.0.1",
                "serialproxy_port": ports["serial-proxy"],
            },
        },
        "neutron": {
            "DEFAULT": {
                "enable_traditional_dhcp": "true",
                "dhcp_agent_notification": "true",
                "rpc_workers": 1,
            },
            "ml2": {
                "type_drivers": "flat,vxlan,local",
                "tenant_network_types": "vxlan",
                "mechanism_drivers": "openvswitch",
            },
        },
        "cinder": {
            "DEFAULT": {"enabled_backends": "nfs"},
            "nfs": {
                "volume_driver": "cinder.volume.drivers.nfs.NfsDriver",
                "volume_backend_name": "nfs",
                "nfs_shares_config": cloud.dir + "/etc/nfs-shares",
                "nfs_mount_point_base": state + "/cinder/mnt",
                "nfs_snapshot_support": "true",
                # Its snapshots are refused where it does not work as root.
                "nas_secure_file_operations": "false",
                "nas_secure_file_permissions": "false",
            },
            **{section: {"helper_command": cinder_helper} for section in ("cinder_sys_admin", "privsep_osbrick")},
        },
    }


def compute(cloud, host, venv):
    """The host's own file of nova-compute, beside what it has in other clouds."""
    etc, state = cloud.dir + "/etc", "%s/state/%s" % (cloud.dir, host)
    helper = "%s/bin/privsep-helper --config-file %s/nova.conf --config-file %s/%s.conf" % (venv, etc, etc, host)
    return {
        "DEFAULT": {
            "host": host,
            "state_path": state,
            "instances_path": state + "/instances",
            "vif_plugging_is_fatal": "true",
            "vif_plugging_timeout": 300,
            "force_raw_images": "false",
            "resume_guests_state_on_host_boot": "true",
            "mkisofs_cmd": "genisoimage",
            "reserved_host_memory_mb": 512,
        },
        "oslo_concurrency": {"lock_path": state + "/lock"},
        "libvirt": {
            "virt_type": "qemu",
            "cpu_mode": "none",
            "images_type": "qcow2",
            # A guest that does not hear its power button is stopped hard soon after.
            "wait_soft_reboot_seconds": 30,
        },
        "workarounds": {"skip_cpu_compare_on_dest": "true", "skip_cpu_compare_at_startup": "true"},
        "os_vif_ovs": {"ovsdb_connection": "unix:/run/openvswitch/db.sock", "ovsdb_interface": "native"},
        **{
            section: {"helper_command": helper}
            for section in (
                "vif_plug_ovs_privileged", "vif_plug_linux_bridge_privileged", "nova_sys_admin", "privsep_osbrick",
            )
        },
    }


def agents(cloud, host, amqp):
    """The files of Neutron's agents: what they share, and what the L3 agent has besides."""
    state = cloud.dir + "/state/agents"
    shared = {
        "DEFAULT": {
            "transport_url": amqp,
            "host": host,
            # Asked before the server listens, an agent asks again soon.
            "rpc_response_timeout": 20,
            "state_path": state,
            "interface_driver": "openvswitch",
            "enable_isolated_metadata": "true",
            "metadata_proxy_socket": state + "/metadata.sock",
            "nova_metadata_host": "127.0.0.1",
            "nova_metadata_port": cloud.ports["nova-metadata"],
            "metadata_proxy_shared_secret": SECRET,
            "metadata_workers": 0,
            "agent_mode": "legacy",
        },
        "agent": {
            "tunnel_types": "vxlan",
            "root_helper": "",
            "use_helper_for_ns_read": "false",
            "report_interval": 10,
        },
        "ovs": {
            "datapath_type": "netdev",
            "local_ip": VXLAN_ADDRESS,
            "integration_bridge": "br-int",
            "tunnel_bridge": "br-tun",
            "bridge_mappings": "public:br-ex",
            "ovsdb_connection": "unix:/run/openvswitch/db.sock",
        },
        "securitygroup": {"firewall_driver": "openvswitch", "enable_security_group": "true"},
        "oslo_concurrency": {"lock_path": state + "/lock"},
        "oslo_messaging_rabbit": {"heartbeat_in_pthread": "false"},
    }
    return {"agents": shared, "l3-agent": {"agent": {"extensions": "port_forwarding"}}}


def prepare(cloud, host):
    """Directories and files that are no configuration of a service."""
    state = cloud.dir + "/state"
    volumes = state + "/cinder/share"
    for path in (volumes, state + "/cinder/mnt", state + "/agents", "%s/%s/instances" % (state, host)):
        os.makedirs(path, exist_ok=True)
    with open(cloud.dir + "/etc/nfs-shares", "w", encoding="utf-8") as out:
        out.write(SHARE % volumes + "\n")
