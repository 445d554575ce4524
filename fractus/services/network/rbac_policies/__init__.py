"""RBAC policies: what of one project is shared with another one, by name."""
