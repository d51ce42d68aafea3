"""The stack on one machine, from the command line: see `python -m deploy.local --help`."""

import sys

INTERRUPTED = 130


def main() -> int:
    try:
        from deploy.local import cli  # takes half a second, in which Ctrl-C is as likely as later

        return cli.main()
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
