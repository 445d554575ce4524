"""The routes of agents that only read: those of all clouds, as their network services show them."""

from __future__ import annotations

from fractus.model.errors import NotFound
from fractus.services.network.agents.kind import MIRROR
from fractus.services.network.dialect.api.mirrors import MirrorApi
from fractus.web.routing import Route


class AgentApi(MirrorApi):
    """Handlers of agents. Neutron lists none, rather than refusing, to who may not see any."""

    mirror = MIRROR
    rule = "get_agent"

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route(
                method="GET", path="/agents", handler=self.index,
                rule="regular_user", summary="List the agents of all clouds.",
            ),
            Route(
                method="GET", path="/agents/{id}", handler=self.show,
                rule="regular_user", summary="Show an agent of a cloud.",
            ),
        ]  # fmt: skip

    def missing(self, id: str) -> NotFound:
        """Neutron's error about one that is not there."""
        return NotFound(f"Agent {id} could not be found.", type="AgentNotFound")
