"""MISP events: attributes that name an asset are records."""
