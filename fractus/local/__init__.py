"""`fractus up`: everything on this machine, with a Keystone of its own and a demo."""

from __future__ import annotations
