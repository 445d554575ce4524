"""Glance's cache of images: there is none, for the store of bits is as near as a cache would be."""
