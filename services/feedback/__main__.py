"""`python -m services.feedback`."""

from libs.common.service import run
from services.feedback.app import build
from services.feedback.settings import FeedbackSettings

if __name__ == "__main__":
    run("feedback", FeedbackSettings, build)
