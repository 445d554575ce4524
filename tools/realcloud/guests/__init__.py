"""What a cloud of `realcloud up NAME --guests` has besides the others: guests that run, and packets that flow.

    place.py      the namespaces of such a cloud, how to enter them, how to remove them
    hold.py       the first process inside: mounts, and reaping of orphans
    forward.py    loopback ports of the machine and of the site, carried over the border between them
    switch.sh     Open vSwitch with its userspace datapath
    shims/        programs that stand before the ones of the same name inside a site
    settings.py   configuration of the services where it differs from that of other clouds
    programs.py   the programs that run in a site and beside it
    packages.py   what they need installed

The modules know the command's `Cloud` by the few attributes they read, and nothing of its processes.
"""
