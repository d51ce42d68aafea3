"""Score all mails with SpamAssassin and write down what came out: `python -m tests.integration.spam`. Takes minutes.

With `--changed` only those that have changed since, or are new; what is known of the others stays.
"""

import sys
from collections import Counter
from collections.abc import Mapping

from tests.integration.spam.filter import Verdict, verdicts_on, version
from tests.integration.spam.record import all_mails, read_record, write_record


def _known(mails: Mapping[str, bytes]) -> Mapping[str, Verdict]:
    record = read_record()
    filter_version = version()
    return {
        name: record.mails[name].verdict
        for name, mail in mails.items()
        if record.knows(name, mail, filter_version=filter_version)
    }


def main() -> None:
    mails = all_mails()
    known = _known(mails) if "--changed" in sys.argv[1:] else {}
    to_score = [name for name in mails if name not in known]
    scored = dict(zip(to_score, verdicts_on([mails[name] for name in to_score]), strict=True))
    verdicts = {name: known.get(name) or scored[name] for name in mails}
    write_record(mails, verdicts, filter_version=version())
    fired = Counter(rule for verdict in verdicts.values() for rule in verdict.rules)
    highest = max(verdict.score for verdict in verdicts.values())
    said = [
        f"{len(mails)} mails, {len(to_score)} scored, highest score {highest}",
        *(f"{times:5} {rule}" for rule, times in fired.most_common()),
    ]
    sys.stdout.write("\n".join(said) + "\n")


if __name__ == "__main__":
    main()
