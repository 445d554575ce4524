"""Attribute maps, values and errors, as Neutron has them. Pure."""
