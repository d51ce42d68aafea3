"""`python -m services.intake.jobs reconcile`, `… digest SLUG`, on a machine of ours; `… push FILE`, on a partner's."""

import argparse
import sys

from services.intake.jobs import digest, push, reconcile


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m services.intake.jobs")
    jobs = parser.add_subparsers(required=True, metavar="JOB")
    for name, job in (("reconcile", reconcile), ("digest", digest), ("push", push)):
        each = jobs.add_parser(name, help=job.SUMMARY, description=job.SUMMARY)
        job.add_arguments(each)
        each.set_defaults(run=job.run)
    arguments = parser.parse_args()
    code: int = arguments.run(arguments)
    return code


if __name__ == "__main__":
    sys.exit(main())
