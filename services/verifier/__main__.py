"""Runs the verifier."""

from libs.common.service import run
from services.verifier.app import build
from services.verifier.settings import VerifierSettings

if __name__ == "__main__":
    run("verifier", VerifierSettings, build)
