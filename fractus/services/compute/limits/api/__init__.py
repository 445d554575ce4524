"""Limits, quota sets and quota classes: their routes."""

from __future__ import annotations

from fractus.auth.projects import ProjectLookup
from fractus.quota.quota import Quota
from fractus.services.compute.limits.api.classes import ClassesApi
from fractus.services.compute.limits.api.reading import ReadingApi
from fractus.services.compute.limits.api.setting import SettingApi
from fractus.store.transaction import Store
from fractus.web.routing import Route


class LimitsApi:
    """All of them."""

    def __init__(self, store: Store, quota: Quota, projects: ProjectLookup) -> None:
        """`quota` knows limits and counts use."""
        self._parts = (
            ReadingApi(store, quota, projects),
            SettingApi(store, quota, projects),
            ClassesApi(store, quota),
        )

    def routes(self) -> list[Route]:
        """What they serve."""
        return [route for part in self._parts for route in part.routes()]
