"""Brings in what registries and others publish about numbers: all of a file, or nothing."""

from services.attribution.handlers.sources.delegated import import_delegated
from services.attribution.handlers.sources.network_file import import_networks
from services.attribution.handlers.sources.ripe import import_ripe
from services.attribution.handlers.sources.tally import Tally

__all__ = ["Tally", "import_delegated", "import_networks", "import_ripe"]
