"""The routes of agents that only read: `openstack network agent list` finds none."""

from __future__ import annotations

from fractus.model.errors import NotFound
from fractus.web.routing import Call, Reply, Route


class AgentApi:
    """Handlers of agents. Neutron lists none, rather than refusing, to who may not see any."""

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route(
                method="GET", path="/agents", handler=self.index,
                rule="regular_user", summary="List agents: none.",
            ),
            Route(
                method="GET", path="/agents/{id}", handler=self.show,
                rule="regular_user", summary="Show an agent: there is none.",
            ),
        ]  # fmt: skip

    async def index(self, call: Call) -> Reply:
        """GET agents."""
        return Reply(200, {"agents": []})

    async def show(self, call: Call) -> Reply:
        """GET an agent."""
        raise NotFound(f"Agent {call.params['id']} could not be found.", type="AgentNotFound")
