"""What the rows of several kinds, and what clouds have shown, say."""
