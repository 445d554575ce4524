"""The list of what were once extensions: a fixed list since v2.1."""
