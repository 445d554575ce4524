"""Ports of loopback for programs that are started with the number of theirs."""

from __future__ import annotations

import itertools
import random
import socket

#: Below what Linux gives to outgoing connections and to whoever asks for any port (net.ipv4.ip_local_port_range):
#: one of those may be taken again by somebody between the look here and the start of the program, which takes seconds.
_FIRST, _BEYOND = 12_000, 32_000

#: Each process goes round from a place of its own and comes back to a port last of all.
_candidates = itertools.count(random.SystemRandom().randrange(_BEYOND - _FIRST))


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on and that this process has not been given lately.

    OSError where every one of them is in use.
    """
    for candidate in itertools.islice(_candidates, _BEYOND - _FIRST):
        port = _FIRST + candidate % (_BEYOND - _FIRST)
        with socket.socket() as probe:
            # As servers do: what is left of connections that have ended is no hindrance.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no port is free")
