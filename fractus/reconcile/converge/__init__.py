"""One resource: choose its cloud, carry what it needs, make each presence true, see it out of its cloud."""

from __future__ import annotations
