"""No mail of ours looks like spam to SpamAssassin: what has changed since it was last scored is scored now."""

import pytest

from tests.integration.spam.filter import HIGHEST_SCORE, is_possible, verdicts_on, version
from tests.integration.spam.record import all_mails, read_record

pytestmark = pytest.mark.skipif(not is_possible(), reason="SpamAssassin is not installed")

RULES = frozenset({"HTML_MESSAGE", "T_TVD_FUZZY_SECTOR"})
"""Those that fire, and cost nothing: that there is HTML, and (on trial) a word much like `sector`."""

SPAM = b"""From: "Lottery" <win@prize.example>\r\nTo: undisclosed-recipients:;\r\nSubject: YOU WON $$$ ACT NOW!!!\r
Content-Type: text/html\r\n\r\n<html><body><font size=7 color=red>DEAR FRIEND, claim your MILLION DOLLARS inheritance,
no risk, 100% free! Buy cheap Viagra. <a href="http://198.18.0.9/x">Click here</a></font></body></html>\r\n"""


def test_no_mail_looks_like_spam() -> None:
    mails, record = all_mails(), read_record()
    changed = [name for name, mail in mails.items() if not record.knows(name, mail, filter_version=version())]
    now = dict(zip(changed, verdicts_on([mails[name] for name in changed]), strict=True))

    known = {name: record.mails[name].verdict for name in mails if name not in now}
    bad = {
        name: verdict
        for name, verdict in (known | now).items()
        if verdict.score > HIGHEST_SCORE or not RULES.issuperset(verdict.rules)
    }

    assert bad == {}, "mend the words; where many have changed, run `python -m tests.integration.spam`"


def test_what_is_spam_does() -> None:
    [verdict] = verdicts_on([SPAM])
    assert verdict.score > 5
