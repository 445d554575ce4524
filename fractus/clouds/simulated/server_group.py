"""Server groups of a simulated cloud, and the hosts that they leave to their servers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fractus.clouds.simulated.actuator import Simulated
from fractus.clouds.simulated.record_store import Records
from fractus.clouds.simulated.records import ServerGroupRecord, ServerRecord
from fractus.model.compute import ServerGroupObserved, ServerGroupWanted
from fractus.model.errors import Refused


class ServerGroups(Simulated[ServerGroupRecord, ServerGroupWanted, ServerGroupObserved]):
    """The actuator of server groups."""

    record = ServerGroupRecord
    dates_changes = dates_making = False

    def observed(self, thing: ServerGroupRecord) -> ServerGroupObserved:
        """As Nova shows it."""
        return ServerGroupObserved(**self.common_fields(thing), policy=thing.policy, rules=dict(thing.rules))

    def make(self, project_id: str, wanted: ServerGroupWanted) -> ServerGroupRecord:
        """Within the project's quota."""
        limit = self.injector.backend.quota(project_id, "server_groups")
        used, _, _ = self.records.used_by_project(self.kind, project_id)
        if limit is not None and used + 1 > limit >= 0:
            raise Refused("Quota exceeded, too many server groups.", status=403, elsewhere=True)
        return ServerGroupRecord(
            id=self.new_id(),
            project_id=project_id,
            name=wanted.id,
            policy=wanted.policy,
            rules=dict(wanted.rules),
        )


def hosts_for(records: Records, hints: Mapping[str, Any]) -> Callable[[str], bool]:
    """Whether a host may get a server with these hints. Soft policies are passed over: the emptiest host is taken."""
    same, apart = (_hosts_of(records, hints.get(name, ())) for name in ("same_host", "different_host"))
    of_group = _by_group(records, hints["group"]) if "group" in hints else None

    def allowed(host: str) -> bool:
        if ("same_host" in hints and host not in same) or host in apart:
            return False
        return of_group is None or of_group(host)

    return allowed


def _hosts_of(records: Records, servers: Iterable[str]) -> set[str]:
    found = (records.get(ServerRecord, id) for id in servers)
    return {one.host for one in found if one is not None and one.host and not one.gone}


def _by_group(records: Records, group_id: str) -> Callable[[str], bool]:
    group = records.get(ServerGroupRecord, group_id)
    if group is None:
        return lambda _host: True
    held = Counter(one.host for one in records.holding(ServerRecord, f"server_group/{group_id}") if one.host)
    if group.policy == "affinity":
        return lambda host: not held or host in held
    most = group.rules.get("max_server_per_host", 1)
    return lambda host: group.policy != "anti-affinity" or held[host] < most
