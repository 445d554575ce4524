"""Run as a program: a real `fractus up` whose API and worker are tiny programs, and without a Keystone.

python -m tests.unit.local.small_up STATE_DIR PORT
"""

from __future__ import annotations

import sys
from pathlib import Path

from fractus.cli.frame import output
from fractus.local.progress import Progress
from fractus.local.supervisor import Program
from fractus.local.up import Up
from fractus.settings.loading import load
from tests.unit.local.programs import program

API = """
import http.server, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/healthcheck" else 404)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
"""


class SmallUp(Up):
    def own_programs(self) -> list[Program]:
        state, port = self._settings.state_dir, self._settings.api.port
        api = self._api()
        tiny = program(state, "api", API)
        return [
            Program(
                name="api",
                argv=[*tiny.argv, str(port)],
                environ=api.environ,
                cwd=state,
                log=api.log,
                ready=api.ready,
            ),
            program(state, "worker"),
        ]


def main(state: str, port: str) -> None:
    settings_given = {
        "api": {"port": int(port)},
        "keystone": {"mode": "external", "url": "http://127.0.0.1:1/v3"},
    }
    settings = load(Path(state), overrides=settings_given, environ={})
    SmallUp(settings, Progress(output()), overrides=settings_given, demo=True).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
