"""How the schema of an existing database becomes that of this version: one numbered file for each change of it.

`fractus.store.migrate.upgrade` runs them. `python tools/new_migration.py "what changes"` writes the next one from the
difference between the tables in the code and those that the migrations make; a test fails as long as there is one.
"""
