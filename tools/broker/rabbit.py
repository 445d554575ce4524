"""One RabbitMQ node for the length of a test, from the programs that Debian's rabbitmq-server installs.

It has its own name, ports, home, data and port mapper, so it meets no other node of this machine.

    python -m tools.broker.rabbit DIRECTORY     run one in the foreground and print its URL
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from tools.ports import free_port

#: Not the wrappers in /usr/sbin: those change the user, and are for the system's own node.
_BIN = Path("/usr/lib/rabbitmq/bin")
#: A cold start takes five seconds on an idle machine. Seconds.
_PATIENCE = 90.0


def why_not() -> str:
    """Empty where a broker can be run; else the reason."""
    missing = [str(_BIN / name) for name in ("rabbitmq-server",) if not (_BIN / name).exists()]
    missing += [name for name in ("erl", "epmd") if shutil.which(name) is None]
    return f"needs Debian's rabbitmq-server: there is no {', '.join(missing)}" if missing else ""


class Broker:
    """A node that can be killed, stopped for a while and started again with what it had on disk."""

    def __init__(self, directory: Path) -> None:
        """Everything it writes is under `directory`."""
        self.directory = directory
        self.port, self._dist, self._mapper = free_port(), free_port(), free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}/"
        self._process: subprocess.Popen[bytes] | None = None
        self._names: subprocess.Popen[bytes] | None = None

    def _environment(self) -> dict[str, str]:
        home = self.directory / "home"
        home.mkdir(parents=True, exist_ok=True)
        config = self.directory / "rabbitmq.conf"
        # What wakes the quorum queues' log every now and then on a big machine is a lot on a small one.
        config.write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\nloopback_users.guest = true\nlog.console.level = warning\n"
            "raft.wal_max_size_bytes = 16777216\n"
        )
        plugins = self.directory / "enabled_plugins"
        plugins.write_text("[].\n")
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._mapper),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"fractus{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._dist),
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_MNESIA_BASE": str(self.directory / "data"),
            "RABBITMQ_LOG_BASE": str(self.directory / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": str(config),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.directory / "none.config"),
            "RABBITMQ_CONF_ENV_FILE": str(self.directory / "none.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
            "RABBITMQ_PID_FILE": str(self.directory / "pid"),
            # Two schedulers, and none of them spinning while there is nothing to do.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
        }

    def start(self) -> None:
        """Start it and wait until it answers. RuntimeError with the end of its log where it does not."""
        self.directory.mkdir(parents=True, exist_ok=True)
        if self._names is None:
            # Left to itself, the node would start one that outlives it.
            self._names = subprocess.Popen(
                ["epmd", "-address", "127.0.0.1", "-port", str(self._mapper)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        log = self.directory / "out.log"
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [str(_BIN / "rabbitmq-server")],
                env=self._environment(),
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end and self._process.poll() is None:
            if self._answers():
                return
            time.sleep(0.1)
        self.kill()
        raise RuntimeError("RabbitMQ did not start:\n" + log.read_text(errors="replace")[-3000:])

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1.0) as probe:
                probe.sendall(b"AMQP\x00\x00\x09\x01")
                return bool(probe.recv(8))
        except OSError:
            return False

    def _signal(self, number: int) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def pause(self) -> None:
        """Have it hang: it accepts, and never answers."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """End a pause."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it without a word. `start` brings it back with what it had on disk."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """End it and its port mapper."""
        self.kill()
        if self._names is not None:
            self._names.kill()
            self._names.wait()
            self._names = None


def main(arguments: list[str]) -> int:
    """Run one until Ctrl-C."""
    if len(arguments) != 1 or why_not():
        print(why_not() or __doc__)
        return 2
    broker = Broker(Path(arguments[0]).absolute())
    broker.start()
    print(broker.url, flush=True)
    try:
        signal.pause()
    except KeyboardInterrupt:
        pass
    finally:
        broker.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
