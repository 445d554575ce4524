"""Nova's proxies of other services, at the microversions that have them: security groups, addresses, networks, images,
volumes and snapshots. Each asks our own API of that service, in the caller's name, and says the answer in Nova's words.
"""

from __future__ import annotations

#: Ports that a rule of a security group without ports has, and types and codes of one of ICMP.
ALL_PORTS, ALL_TYPES = (1, 65535), (-1, -1)
