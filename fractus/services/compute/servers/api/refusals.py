"""What Nova takes for a new server and fractus cannot carry to a cloud: refused with a 400 that names it (law 10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.model.errors import Invalid
from fractus.services.compute.servers import policy
from fractus.services.compute.servers.api.disks import named
from fractus.web.routing import Call


def refuse_unsupported(call: Call, body: Mapping[str, Any], *, passwords: bool) -> None:
    """Raise `Invalid` for fields that would be lost on the way. `passwords`: whether those can be kept."""
    server = body["server"]
    if server.get("adminPass") and not passwords:
        raise Invalid("adminPass is not carried to the clouds by fractus; set a password through user_data.")
    if server.get("trusted_image_certificates"):
        call.enforce(policy.TRUSTED_CERTS)
        raise Invalid("trusted_image_certificates are not carried to the clouds by fractus.")
    for name in ("host", "hypervisor_hostname"):
        if server.get(name):
            call.enforce(policy.DESTINATION)
            raise Invalid(f"{name} names a place inside a cloud, which fractus cannot hand on; name a zone.")
    if not server.get("imageRef") and not named(call, server):
        raise Invalid("Missing imageRef attribute")
