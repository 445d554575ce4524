"""The last microversions with proxies (nova.api.openstack.api_version_request)."""

from __future__ import annotations

from fractus.web.microversion import Version

#: Of all but the metadata of images.
LAST = Version(2, 35)
METADATA_LAST = Version(2, 38)
