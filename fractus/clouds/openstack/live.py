"""Live calls: what is asked of a service within a request of a user."""

from __future__ import annotations

import msgspec

from fractus.clouds.openstack.child import Child
from fractus.clouds.openstack.services import Ask, reaches, segment
from fractus.clouds.openstack.transport import Answer
from fractus.model.cloud import HOME, Scope
from fractus.model.errors import Refused
from fractus.model.live import LiveCall, Relayed


async def relay(child: Child, scope: Scope, remote_id: str, call: LiveCall) -> Relayed:
    """The answer. `Refused` where the service does not offer the microversion that it is understood in."""
    scope = HOME if call.admin else scope
    if call.version:
        offered = await child.services.range(call.service)
        if not reaches(offered.high, call.version) or not reaches(call.version, offered.low):
            raise Refused(
                f"{call.service} of {child.name} serves {offered.low} to {offered.high}, and not {call.version}"
            )
    project = segment(await child.project(scope)) if "{project}" in call.path else ""
    ask = Ask(
        service=call.service,
        method=call.method,
        path=call.path.format(id=segment(remote_id), project=project),
        query=call.query,
        body=call.body,
        version=call.version,
        repeat=True,
        lane="live",
    )
    answer = await child.send(scope, ask)
    meant = answer
    if call.empty:
        return Relayed(call.null, "", answer.headers.get("x-openstack-request-id", ""))
    if call.key:
        document = child.services.understood(ask, answer, dict[str, msgspec.Raw])
        meant = Answer(answer.status, answer.headers, bytes(document.get(call.key, b"null")))
    body = child.services.understood(ask, meant, call.type)
    project_id = await child.project(scope) if isinstance(body, dict | list) else ""
    request_id = answer.headers.get("x-openstack-request-id", "")
    return Relayed(call.null if body is None else body, project_id, request_id)
