"""The vocabulary: frozen types that API, reconciler and drivers share. Nothing here does anything."""
