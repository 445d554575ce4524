"""Everything that block storage can list or show by its id, while there is nothing of it."""
