"""The first process of a site: makes its mounts, then reaps what is orphaned in it. Run by place.py, not by hand.

    hold.py DIRECTORY HOST     the site's directory, which is made if need be, and the name of its machine

The site has its own /run, so that Neutron's agents make their namespaces here and two of libvirt and of Open vSwitch
run on one machine, its own directories of libvirt, and its own /sys with the devices of its own network. Programs in shims/
stand before those of the same name in /usr/bin and /usr/sbin.
"""

import os
import signal
import socket
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
OWN = {  # directories of the machine: those of the site
    "/etc/libvirt": "libvirt/etc",
    "/var/lib/libvirt": "libvirt/lib",
    "/var/cache/libvirt": "libvirt/cache",
    "/var/log/libvirt": "libvirt/log",
}
RUN = ("netns", "libvirt", "openvswitch", "lock", "machine")
# libvirtd looks up the user that Debian builds it for, whoever it then runs guests as.
APPENDED = {
    "passwd": "libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin\n",
    "group": "libvirt-qemu:x:64055:\n",
}
LIBVIRT = {
    "libvirtd.conf": 'auth_unix_rw = "none"\nauth_unix_ro = "none"\n',
    # Console logs are written by QEMU itself, as there is no virtlogd; there are no control groups here.
    "qemu.conf": 'user = "root"\ngroup = "root"\nsecurity_driver = "none"\nstdio_handler = "file"\n'
    'namespaces = []\ncgroup_controllers = []\ndynamic_ownership = 0\nremember_owner = 0\n',
}


def mount(*words):
    """Run mount(8)."""
    subprocess.run(["mount", *words], check=True)


def make_mounts(state, host):
    """What this site sees otherwise than the machine."""
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    for name in RUN:
        os.makedirs(os.path.join("/run", name))
    # The real programs stay reachable for the shims that run them; QEMU finds its files from where it is itself.
    mount("--bind", "/usr", "/run/machine")
    for name in ("sbin", "bin"):
        lower = "lowerdir=%s:/usr/%s" % (os.path.join(HERE, "shims", name), name)
        mount("-t", "overlay", "overlay", "-o", lower, "/usr/" + name)
    for path, own in OWN.items():
        os.makedirs(os.path.join(state, own), exist_ok=True)
        os.makedirs(path, exist_ok=True)
        mount("--bind", os.path.join(state, own), path)
    mount("-t", "sysfs", "sysfs", "/sys")
    for name, line in {**APPENDED, "hosts": "127.0.0.1 %s\n" % host}.items():
        with open(os.path.join("/etc", name), encoding="utf-8") as source:
            text = source.read()
        own = os.path.join(state, name)
        with open(own, "w", encoding="utf-8") as out:
            out.write(text if "libvirt-qemu:" in text else text + line)
        mount("--bind", own, os.path.join("/etc", name))
    for name, text in LIBVIRT.items():
        with open(os.path.join("/etc/libvirt", name), "w", encoding="utf-8") as out:
            out.write(text)


def reap():
    """Wait for children for ever: orphans of the site become ours."""
    signal.signal(signal.SIGCHLD, lambda *_: None)  # so that sigwait is woken
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
        signal.sigtimedwait([signal.SIGCHLD], 5)


def main():
    """Hold the site."""
    state, host = sys.argv[1:]
    os.makedirs(state, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    socket.sethostname(host)
    make_mounts(state, host)
    with open(os.path.join(state, "held"), "w", encoding="utf-8") as out:
        out.write("1")
    reap()


if __name__ == "__main__":
    main()
