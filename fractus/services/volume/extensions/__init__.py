"""The extensions of block storage, as far as anything of them is served."""
