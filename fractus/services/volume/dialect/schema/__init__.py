"""How Cinder judges bodies: its schemas as JSON schemas, its formats, its sentences. Pure."""
