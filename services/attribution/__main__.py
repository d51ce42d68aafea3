"""Runs attribution."""

from libs.common.service import run
from services.attribution.app import build
from services.attribution.settings import AttributionSettings

if __name__ == "__main__":
    run("attribution", AttributionSettings, build)
