"""What of systemd's unit files the laboratory follows: how a program is started, as whom, when again.

It reads the units that a deployment has: those of the distribution's packages, with the drop-ins that were rendered,
and fractus' own. What only hardens a unit (ProtectSystem= ...) is not followed.
"""

from __future__ import annotations

import os
import pwd
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

ROOTS = (Path("/etc/systemd/system"), Path("/lib/systemd/system"))


@dataclass
class Unit:
    """One service."""

    name: str
    settings: dict[str, list[str]] = field(default_factory=dict)
    """Of [Service]: key -> values, in order."""

    def last(self, key: str, default: str = "") -> str:
        values = self.settings.get(key)
        return values[-1] if values else default

    @property
    def user(self) -> str:
        """Who runs it: root where that user does not exist on this machine."""
        name = self.last("User", "root")
        try:
            pwd.getpwnam(name)
        except KeyError:
            return "root"
        return name

    @property
    def restarts(self) -> str:
        return self.last("Restart", "no")

    @property
    def restart_after(self) -> float:
        return seconds(self.last("RestartSec", "0.1"))

    @property
    def stop_within(self) -> float:
        return seconds(self.last("TimeoutStopSec", "90"))

    def environment(self) -> dict[str, str]:
        user = pwd.getpwnam(self.user)
        found = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": user.pw_dir,
            "USER": self.user,
            "LOGNAME": self.user,
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
        }
        if "PYTHONPATH" in os.environ:  # the checkout that the laboratory runs from
            found["PYTHONPATH"] = os.environ["PYTHONPATH"]
        for line in self.settings.get("Environment", []):
            found.update(word.split("=", 1) for word in shlex.split(line))
        for name in self.settings.get("EnvironmentFile", []):
            path = Path(name.lstrip("-"))
            if path.exists():
                found.update(_assignments(path.read_text()))
            elif not name.startswith("-"):
                raise FileNotFoundError(path)
        return found

    def command(self, environ: dict[str, str]) -> list[str]:
        """The words of ExecStart. `$NAME` as a word of its own becomes words, `${NAME}` becomes text."""
        words: list[str] = []
        for word in shlex.split(self.last("ExecStart")):
            if re.fullmatch(r"\$\w+", word):
                words += environ.get(word[1:], "").split()
            else:
                words.append(re.sub(r"\$\{(\w+)\}", lambda found: environ.get(found.group(1), ""), word))
        return words

    def argv(self, environ: dict[str, str]) -> list[str]:
        """The same, as its user."""
        words = self.command(environ)
        if self.user == "root":
            return words
        group = self.last("Group") or self.user
        return ["/usr/bin/setpriv", f"--reuid={self.user}", f"--regid={group}", "--init-groups", *words]


def seconds(text: str) -> float:
    found = re.fullmatch(r"([\d.]+)\s*(ms|s|min)?", text.strip())
    if not found:
        raise ValueError(f"{text!r} is not a time")
    return float(found.group(1)) * {"ms": 0.001, "min": 60.0}.get(found.group(2) or "s", 1.0)


def load(name: str, roots: tuple[Path, ...] = ROOTS) -> Unit:
    """A unit with its drop-ins."""
    file = next((root / name for root in roots if (root / name).exists()), None)
    if file is None:
        raise FileNotFoundError(f"There is no unit {name}: is its package installed?")
    unit = Unit(name)
    for path in [file, *sorted(p for root in roots for p in (root / f"{name}.d").glob("*.conf"))]:
        _read(path.read_text(), unit.settings)
    return unit


def _read(text: str, settings: dict[str, list[str]]) -> None:
    section = ""
    for line in re.sub(r"\\\n", " ", text).splitlines():
        line = line.strip()
        if line.startswith("["):
            section = line
        elif section == "[Service]" and "=" in line and not line.startswith(("#", ";")):
            key, _, value = line.partition("=")
            if value.strip():
                settings.setdefault(key.strip(), []).append(value.strip())
            else:
                settings[key.strip()] = []  # an empty value forgets the earlier ones


def _assignments(text: str) -> dict[str, str]:
    found = {}
    for line in text.splitlines():
        if "=" in line and not line.lstrip().startswith("#"):
            key, _, value = line.strip().partition("=")
            found[key] = value.strip("\"'")
    return found
