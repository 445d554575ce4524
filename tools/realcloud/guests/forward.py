"""Carries TCP connections between the loopback of the machine and that of a site.

    forward.py PIDFILE --in PORT... --out PORT...

A connection to 127.0.0.1:PORT inside the site goes to the same port of the machine (--in), and the other way round
(--out). A socket stays in the network namespace in which it was made, so one process serves both sides. It runs outside
the site; the file names the process that holds the site.
"""

import argparse
import asyncio
import contextlib
import ctypes
import os
import socket

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)
CHUNK = 1 << 16


def enter(namespace):
    """Go into a network namespace, given by a file descriptor."""
    if LIBC.setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def inside(namespace, home):
    """In another network namespace for as long as it takes to make a socket."""
    enter(namespace)
    try:
        yield
    finally:
        enter(home)


def new_socket():
    """A TCP socket of the network namespace we are in."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setblocking(False)
    return sock


def listener(port):
    """A socket that listens on a port of loopback."""
    sock = new_socket()
    sock.bind(("127.0.0.1", port))
    sock.listen(256)
    return sock


async def copy(reader, writer):
    """Hand on what comes, and then the end of it."""
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def carry(near_reader, near_writer, port, make):
    """Carry one connection to its other end and back."""
    sock = make()
    try:
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        reader, writer = await asyncio.open_connection(sock=sock)
    except OSError:
        sock.close()
        near_writer.close()
        return
    await asyncio.gather(copy(near_reader, writer), copy(reader, near_writer))
    near_writer.close()
    writer.close()


async def serve(ports_in, ports_out, site, home):
    """Listen on both sides for ever."""

    def make_inside():
        with inside(site, home):
            return new_socket()

    servers = []
    for port in ports_in:
        with inside(site, home):
            sock = listener(port)
        servers.append(await asyncio.start_server(lambda r, w, p=port: carry(r, w, p, new_socket), sock=sock))
    for port in ports_out:
        sock = listener(port)
        servers.append(await asyncio.start_server(lambda r, w, p=port: carry(r, w, p, make_inside), sock=sock))
    await asyncio.gather(*(server.serve_forever() for server in servers))


def main():
    """Forward."""
    parser = argparse.ArgumentParser()
    parser.add_argument("pidfile")
    parser.add_argument("--in", dest="ports_in", type=int, nargs="*", default=[])
    parser.add_argument("--out", dest="ports_out", type=int, nargs="*", default=[])
    args = parser.parse_args()
    with open(args.pidfile, encoding="utf-8") as handle:
        pid = int(handle.read().split()[0])
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    site = os.open("/proc/%d/ns/net" % pid, os.O_RDONLY)
    asyncio.run(serve(args.ports_in, args.ports_out, site, home))


if __name__ == "__main__":
    main()
