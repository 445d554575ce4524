"""The OpenStack APIs as fractus serves them: one folder per service, inside it one per resource."""
