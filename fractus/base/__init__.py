"""The lowest floor: clock, ids, retry, log. No noun of fractus lives here; it could be a library of its own."""
