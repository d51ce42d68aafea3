"""Score all mails with SpamAssassin and write down what came out: `python -m tests.integration.spam`. Takes minutes."""

import sys
from collections import Counter

from tests.integration.spam.filter import verdicts_on, version
from tests.integration.spam.record import all_mails, write_record


def main() -> None:
    mails = all_mails()
    verdicts = dict(zip(mails, verdicts_on(list(mails.values())), strict=True))
    write_record(mails, verdicts, filter_version=version())
    fired = Counter(rule for verdict in verdicts.values() for rule in verdict.rules)
    said = [
        f"{len(mails)} mails, highest score {max(verdict.score for verdict in verdicts.values())}",
        *(f"{times:5} {rule}" for rule, times in fired.most_common()),
    ]
    sys.stdout.write("\n".join(said) + "\n")


if __name__ == "__main__":
    main()
