"""Runs a program that a package declares, whether a file was made for it or not:  launch.py NAME ARGUMENTS

Debian's packages put the programs of daemons in packages of their own, with much that a test bed does not need.
"""
import os
import sys
from importlib import metadata

name = os.path.basename(sys.argv[1])
sys.argv = [name, *sys.argv[2:]]
(found,) = set(metadata.entry_points(group='console_scripts', name=name))
sys.exit(found.load()())
