"""Metadata definitions: what may be said in properties of images, flavors, volumes, for tools that offer a choice.

They live here alone: no cloud is sent them. A namespace is one row; what it defines stands in it.
"""
