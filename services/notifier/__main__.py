"""Runs the notifier."""

from libs.common.service import run
from services.notifier.app import build
from services.notifier.settings import NotifierSettings

if __name__ == "__main__":
    run("notifier", NotifierSettings, build)
