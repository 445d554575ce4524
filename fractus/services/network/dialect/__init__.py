"""How Neutron speaks, whatever it speaks about: what all its resources have in common, in a resource's own parts.

Knows no resource. Resources are the same parts again, made of these.
"""
