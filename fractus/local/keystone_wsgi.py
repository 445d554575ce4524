"""Keystone's own WSGI application, for any server: `fractus.local.keystone_wsgi:application`.

Keystone reads its options from `sys.argv` when it is imported, where it would find those of the web server. Its
configuration is named by OS_KEYSTONE_CONFIG_FILES.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

from fractus.local.keystone_setup import held_open

del sys.argv[1:]

_database = held_open(os.environ.get("OS_KEYSTONE_CONFIG_FILES", "").partition(";")[0])

application: Any = importlib.import_module("keystone.wsgi.api").application
