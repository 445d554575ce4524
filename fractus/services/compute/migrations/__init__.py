"""Migrations of servers within their clouds: `/os-migrations`, over all clouds."""
