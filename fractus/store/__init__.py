"""Rows: the engine, migrations, resources, presences, work with leases. The only floor that speaks SQL to a driver."""
