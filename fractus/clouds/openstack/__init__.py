"""The driver for unmodified child OpenStacks, of any vendor and release, over their standard REST APIs only."""

from __future__ import annotations

from fractus.clouds.openstack.cloud import OpenStackCloud

__all__ = ["OpenStackCloud"]
