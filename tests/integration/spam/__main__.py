"""Score all mails with SpamAssassin and write down what came out: `python -m tests.integration.spam`. Takes minutes."""

from collections import Counter

from tests.integration.spam.filter import verdicts_on, version
from tests.integration.spam.record import all_mails, write_record


def main() -> None:
    mails = all_mails()
    verdicts = dict(zip(mails, verdicts_on(list(mails.values())), strict=True))
    write_record(mails, verdicts, filter_version=version())
    print(f"{len(mails)} mails, highest score {max(verdict.score for verdict in verdicts.values())}")
    for rule, times in Counter(rule for verdict in verdicts.values() for rule in verdict.rules).most_common():
        print(f"{times:5} {rule}")


if __name__ == "__main__":
    main()
