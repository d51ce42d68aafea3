"""Runs intake."""

from libs.common.service import run
from services.intake.app import build
from services.intake.settings import IntakeSettings

if __name__ == "__main__":
    run("intake", IntakeSettings, build)
