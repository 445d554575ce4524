"""Extensions: what of Neutron is served beside its core."""
