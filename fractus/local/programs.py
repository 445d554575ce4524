"""What the programs that `fractus up` runs inherit from it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import fractus

#: Variables of OpenStack clients: meant for the user's own cloud, and read by Keystone's tools too.
_OF_CLIENTS = "OS_"


def inherited() -> dict[str, str]:
    """Our environment without the variables of OpenStack clients, and with fractus where a program finds it."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(_OF_CLIENTS)}
    root = str(Path(fractus.__file__).parents[1])
    installed = {
        str(Path(place).resolve()) for place in sys.path if place.endswith(("site-packages", "dist-packages"))
    }
    if root not in installed:  # run from a checkout: programs have another working directory
        environ["PYTHONPATH"] = os.pathsep.join(filter(None, [root, environ.get("PYTHONPATH", "")]))
    environ["PYTHONUNBUFFERED"] = "1"  # a log shows what happened before the end
    return environ
