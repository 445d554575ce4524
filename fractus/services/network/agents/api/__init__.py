"""The routes of agents, and of what each serves."""

from __future__ import annotations

from fractus.services.network.agents.api.handlers import AgentApi

__all__ = ["AgentApi"]
