"""What handlers of several resources check alike."""

from __future__ import annotations

from fractus.auth.projects import ProjectLookup
from fractus.model.errors import Invalid
from fractus.web.routing import Call


async def verify_project(projects: ProjectLookup, call: Call, project_id: str) -> None:
    """Refuse a project that Keystone does not have. The caller's own is known from their token."""
    if project_id == call.principal.project_id:
        return
    if not await projects.exists(project_id, call.headers.get("x-auth-token", "")):
        raise Invalid(f"Project ID {project_id} is not a valid project.")
