"""What stops an operation and is no error of an API or a cloud. Light: the frame of all commands imports it."""

from __future__ import annotations


class NoDriver(Exception):
    """There is no driver of that name; the message is a sentence."""
