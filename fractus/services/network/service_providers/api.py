"""The list of service providers: the sorts of routers that flavors may be made of."""

from __future__ import annotations

from typing import Any

from fractus.services.network.dialect.api import lists
from fractus.services.network.dialect.schema.providers import PROVIDERS, SERVICE
from fractus.web.routing import Call, Query, Reply, Route


class ServiceProviderApi:
    """Handlers of service providers."""

    def routes(self) -> list[Route]:
        """The list; one alone is never shown."""
        return [
            Route(
                method="GET", path="/service-providers", handler=self.index,
                rule="get_service_provider", summary="List the providers of network services.",
            ),
        ]  # fmt: skip

    async def index(self, call: Call) -> Reply:
        """GET the list. Filters that Neutron does not know change nothing there, and here."""
        only = lists.fields(call.query)
        every = [
            ({"service_type": SERVICE, "name": one.name, "default": False}, one.driver) for one in PROVIDERS
        ]
        shown = [
            {name: value for name, value in provider.items() if not only or name in only}
            for provider, driver in every
            if _is_asked(call.query, {**provider, "driver": driver})
        ]
        return Reply(200, {"service_providers": shown})


def _is_asked(query: Query, provider: dict[str, Any]) -> bool:
    """Neutron compares `default` with the text that is given, which equals nothing."""
    return all(value in query.all(name) for name, value in provider.items() if name in query)
