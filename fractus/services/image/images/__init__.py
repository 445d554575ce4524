"""Images: records, bits, members and tags."""
