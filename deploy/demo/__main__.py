"""The demo from the command line. `RECORDS=` says how many records, `ONCE=1` not to keep the stack running."""

import sys

INTERRUPTED = 130


def main() -> int:
    try:
        from deploy.demo import performance  # takes a second, in which Ctrl-C is as likely as later

        return performance.main()
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
