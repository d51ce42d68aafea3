"""Calls to the outside. No record waits for one: only a person who asks what would be."""

from services.verifier.gateway.attribution import (
    Attribution,
    HttpAttribution,
    Path,
    Receiver,
    StaticAttribution,
    attribution_at,
)

__all__ = ["Attribution", "HttpAttribution", "Path", "Receiver", "StaticAttribution", "attribution_at"]
