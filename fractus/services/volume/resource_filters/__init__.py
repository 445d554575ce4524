"""What lists of block storage may be filtered by."""
