"""STIX 2.1: objects that name an asset are records; what else a bundle holds explains them."""
