"""Who is asking: what Keystone said of a token, in the form that the rest of fractus uses."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """One authenticated caller. Ids are Keystone's; empty where the token has none."""

    user_id: str
    user_name: str = ""
    user_domain_id: str = ""
    user_domain_name: str = ""
    project_id: str = ""
    """Empty for a system-scoped token."""
    project_name: str = ""
    project_domain_id: str = ""
    project_domain_name: str = ""
    roles: frozenset[str] = frozenset()
    """Role names as Keystone spells them, with what they imply."""
    is_admin: bool = False
    """Holds one of the admin roles (`context_is_admin` of the services' own policies)."""
    system_scope: str = ""
    """`all` for a system-scoped token, else empty."""
    expires_at: float = float("inf")
    """Seconds since the epoch."""
    is_service: bool = False
    """The request also carried a valid `X-Service-Token`: one service speaks on behalf of the user."""


#: The caller of a route that needs no token.
ANYONE = Principal(user_id="")
