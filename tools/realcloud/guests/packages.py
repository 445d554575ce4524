"""What clouds with guests need besides what every cloud needs."""

# Debian's packages; none of their services is started.
APT = [
    # network
    "openvswitch-switch", "dnsmasq-base", "haproxy", "iptables", "ipset", "conntrack", "iputils-arping", "radvd",
    "ethtool", "iproute2", "iputils-ping", "openssh-client",
    # hypervisor
    "libvirt-daemon", "libvirt-daemon-driver-qemu", "libvirt-clients", "qemu-system-x86", "qemu-utils", "genisoimage",
    # the Python binding of libvirt is compiled
    "libvirt-dev", "pkg-config",
    # the guest image (tools/guest)
    "syslinux", "syslinux-common", "mtools", "dosfstools", "e2fsprogs", "cpio", "kmod",
]
