"""What Nova says of a body or a query that it does not take. Pure."""
