"""The routes of metadata definitions."""

from __future__ import annotations

from fractus.services.image.metadefs.api.access import Access
from fractus.services.image.metadefs.api.namespaces import NamespacesApi
from fractus.services.image.metadefs.api.objects import ObjectsApi
from fractus.services.image.metadefs.api.properties import PropertiesApi
from fractus.services.image.metadefs.api.resource_types import ResourceTypesApi
from fractus.services.image.metadefs.api.schemas import schema_routes
from fractus.services.image.metadefs.api.tags import TagsApi
from fractus.store.resources import Resources
from fractus.store.transaction import Store
from fractus.web.routing import Route


class MetadefsApi:
    """All routes below /metadefs and /schemas/metadefs."""

    def __init__(self, store: Store, resources: Resources) -> None:
        """Read and write `resources` in `store`: definitions are in no cloud, so nobody has to work on them."""
        access = Access(store, resources)
        self._parts = (
            NamespacesApi(access),
            ObjectsApi(access),
            PropertiesApi(access),
            TagsApi(access),
            ResourceTypesApi(access),
        )

    def routes(self) -> list[Route]:
        """Everything about metadata definitions."""
        return [*(route for part in self._parts for route in part.routes()), *schema_routes()]
