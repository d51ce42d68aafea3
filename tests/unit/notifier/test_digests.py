"""A digest as its partner reads it: every word of it, in both languages."""

from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import msgspec
import pytest

from libs.common.contracts import DigestDue, DigestFormat, DigestReason, DigestSubmission, DigestTrouble
from libs.common.ids import derived_id
from libs.common.vocabulary import DigestCadence, Language, Outcome
from services.notifier.domain.digests.digest import Digest
from services.notifier.domain.digests.letter import ORDER, DigestLetter, digest_letter_of
from services.notifier.domain.digests.message import digest_mail_of
from services.notifier.domain.message import Printed
from services.notifier.domain.notification import State
from services.notifier.gateway.press import Press
from tests.unit.notifier.builders import HOUSE, NOW

PRESS = Press()
UNTIL = datetime(2026, 3, 2, 5, tzinfo=UTC)

DUE = DigestDue(
    digest_id=derived_id("digest", "test"),
    partner_id=derived_id("partner", "test"),
    partner="acme",
    name="Acme Research",
    email="feeds@acme.example",
    language=Language.ENGLISH,
    cadence=DigestCadence.DAILY,
    since=UNTIL - timedelta(days=1),
    until=UNTIL,
    made_at=UNTIL + timedelta(minutes=5),
    submissions_total=3,
    outcomes={"rejected": 2, "notified": 1234, "pending": 1},
    formats=(
        DigestFormat(
            format="shadowserver-csv",
            report_type="scan_smb",
            submissions=2,
            outcomes={"notified": 1234, "pending": 1, "rejected": 2},
        ),
        DigestFormat(format="stix", submissions=1),
    ),
    reasons=(DigestReason(outcome="rejected", reason="invalid-ip", records=2),),
    submissions=(
        DigestSubmission(
            submission_id=derived_id("submission", 1),
            received_at=UNTIL - timedelta(hours=3),
            status="failed",
            format="shadowserver-csv",
            report_type="scan_smb",
            file_name="2026-03-01-scan_smb.csv",
            outcomes={"notified": 1234, "rejected": 2},
            url="https://intake.tocsin.example/v1/submissions/1",
        ),
        DigestSubmission(
            submission_id=derived_id("submission", 2),
            received_at=UNTIL - timedelta(hours=2),
            status="processing",
            format="stix",
            url="https://intake.tocsin.example/v1/submissions/2",
        ),
    ),
    earlier={"refuted": 1, "notified": 2},
    earlier_pending=1,
    troubles=(
        DigestTrouble(kind="key-ends", at=UNTIL + timedelta(days=7), detail="tck_abcdefgh"),
        DigestTrouble(kind="records-rejected", count=2),
        DigestTrouble(kind="of-tomorrow", count=2),
    ),
)

ENGLISH = """\
Dear Acme Research,

You sent us 1,237 records in 3 submissions from 1 Mar 2026, 05:00 UTC
until 2 Mar 2026, 05:00 UTC. This is how they stood at 2 Mar 2026, 05:05
UTC. What has no outcome yet is told in a later digest. Whom we warned is
not in here: that stays between them and us.

WHAT YOU CAN MEND
-----------------
- Your key tck_abcdefgh… ends on 9 Mar 2026, 05:00 UTC, and no other has
  come in its place. Ask us for a new one in time.
- 2 records could not be read. The reasons are below.

WHAT BECAME OF YOUR RECORDS
---------------------------
1,234  notified  somebody was warned of it
    1  pending   still on its way
    2  rejected  could not be read
-----
1,237 records in 3 submissions

BY FORMAT
---------
shadowserver-csv, scan_smb: 1,237 records in 2 submissions
   1,234 notified, 1 pending, 2 rejected
stix: 0 records in 1 submission

WHY THEY WENT NO FURTHER
------------------------
    2  rejected  invalid-ip

Each code is explained among the problems and outcomes of our
documentation; the receipts name every record.

YOUR SUBMISSIONS
----------------
2 of 3: those with trouble first, then the newest.

1. 2 Mar 2026, 02:00 UTC: shadowserver-csv, scan_smb,
   2026-03-01-scan_smb[.]csv
   8fb0cfd5-7fd4-5b9a-8d4c-1e6a6a0a3f3e
   could not be read to its end, 1,234 notified, 2 rejected
   https://intake.tocsin.example/v1/submissions/1
2. 2 Mar 2026, 03:00 UTC: stix
   8fb0cfd5-7fd4-5b9a-8d4c-1e6a6a0a3f3f
   is still being read
   https://intake.tocsin.example/v1/submissions/2

The addresses are those of the receipts; they open with your API key.

WHAT YOU SENT BEFORE THAT
-------------------------
Of what you sent before that, these have got their outcome since the last
digest: 2 notified, 1 refuted.
1 of those earlier records has no outcome yet.

NO MORE OF THESE?
-----------------
You get this because somebody with your API key, or your contact here,
asked for it. To stop it, send this with your API key:

   DELETE /v1/partners/me/digest

Or answer this mail and say so.

--\x20
Tocsin · desk@tocsin.example
"""

DUTCH_WITHOUT_ANYTHING_NEW = """\
Beste Acme Research,

Van 23 feb 2026, 05:00 UTC tot 2 mrt 2026, 05:00 UTC kwam er niets van u,
maar records die u eerder stuurde, hebben nu hun uitkomst.

WAT U DAARVOOR HAD INGESTUURD
-----------------------------
Van wat u daarvoor had ingestuurd, kregen sinds het vorige overzicht hun
uitkomst: 1.000 notified.

DIT NIET MEER ONTVANGEN?
------------------------
U krijgt dit omdat iemand met uw API-sleutel, of uw contact bij ons, erom
gevraagd heeft. Stoppen kan door dit met uw API-sleutel te sturen:

   DELETE /v1/partners/me/digest

Of beantwoord deze e-mail en laat het weten.

--\x20
Tocsin · desk@tocsin.example
"""


def letter(due: DigestDue) -> DigestLetter:
    words, common = PRESS.digest_words(due.language), PRESS.words(due.language)
    return digest_letter_of(due, words=words, common=common, house=HOUSE)


def printed(due: DigestDue) -> Printed:
    return PRESS.print_digest(letter(due))


def changed(**changes: object) -> DigestDue:
    return msgspec.structs.replace(DUE, **changes)


def mail(due: DigestDue, *, again: bool = False) -> EmailMessage:
    digest = Digest(
        id=due.digest_id,
        due=due,
        state=State.SENDING,
        reason="",
        created_at=NOW,
        next_attempt_at=None,
        sent_at=None,
        subject=None,
        tries=1,
        doubts=0,
    )
    content = digest_mail_of(digest, letter(due), printed(due), house=HOUSE, now=NOW, again=again).content
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def test_the_text_says_everything_by_itself() -> None:
    wanted = ENGLISH.replace("8fb0cfd5-7fd4-5b9a-8d4c-1e6a6a0a3f3e", str(derived_id("submission", 1)))
    wanted = wanted.replace("8fb0cfd5-7fd4-5b9a-8d4c-1e6a6a0a3f3f", str(derived_id("submission", 2)))
    assert printed(DUE).text + "\n" == wanted


def test_a_digest_of_what_moved_only_says_that_nothing_came() -> None:
    due = changed(
        language=Language.DUTCH,
        cadence=DigestCadence.WEEKLY,
        since=UNTIL - timedelta(days=7),
        submissions_total=0,
        outcomes={},
        formats=(),
        reasons=(),
        submissions=(),
        earlier={"notified": 1000},
        earlier_pending=0,
        troubles=(),
    )
    assert printed(due).text + "\n" == DUTCH_WITHOUT_ANYTHING_NEW
    assert letter(due).subject == "Weekoverzicht voor Acme Research, 2 mrt 2026: 0 records"


@pytest.mark.parametrize(
    ("language", "subject"),
    [
        (Language.ENGLISH, "Daily digest for Acme Research, 2 Mar 2026: 1,237 records, 2 could not be read"),
        (Language.DUTCH, "Dagoverzicht voor Acme Research, 2 mrt 2026: 1.237 records, 2 niet te lezen"),
    ],
)
def test_the_subject_says_how_much_and_whether_something_is_wrong(language: Language, subject: str) -> None:
    assert letter(changed(language=language)).subject == subject
    assert (
        letter(changed(language=language, outcomes={"notified": 1})).subject == subject.partition(":")[0] + ": 1 record"
    )


@pytest.mark.parametrize("language", Language)
def test_there_are_words_for_every_outcome_and_every_trouble(language: Language) -> None:
    words = PRESS.digest_words(language)
    assert words.outcomes.keys() == {*Outcome, "rejected"} == set(ORDER)
    assert words.troubles.keys() == {
        "key-ends",
        "webhook-disabled",
        "webhook-failing",
        "submissions-failed",
        "records-rejected",
        "records-expired",
    }


@pytest.mark.parametrize("language", Language)
def test_the_html_says_the_same(language: Language) -> None:
    due = changed(language=language)
    html, content = printed(due).html, letter(due)
    for said in (
        *content.troubles,
        *content.earlier,
        *(line.outcomes for line in content.formats),
        *(line.outcomes for line in content.submissions),
        *(line.meaning for line in content.outcomes),
        *(line.reason for line in content.reasons),
        *(f'href="{line.url}"' for line in content.submissions),
        content.words.phrases.stop_command,
    ):
        assert said in html


def test_what_a_later_release_tells_of_is_counted_and_has_no_words() -> None:
    text = printed(changed(outcomes={"notified": 1, "of-tomorrow": 20})).text
    assert " 1  notified     somebody was warned of it\n20  of-tomorrow\n--\n21 records" in text
    assert "of-tomorrow" not in " ".join(letter(DUE).troubles)


def test_what_partners_wrote_is_plain_bounded_and_no_link() -> None:
    evil = "<script>http://evil.example/\r\nBcc: all@example.org " + 500 * "x"
    shown = msgspec.structs.replace(DUE.submissions[0], file_name=evil, report_type=evil)
    due = changed(
        name=evil.replace("http://", ""),
        submissions=(shown,),
        formats=(DigestFormat(format="stix", report_type=evil, submissions=1),),
    )

    message, both = mail(due), printed(due)

    assert "<script>" not in both.html
    assert "http://evil" not in both.text + both.html
    assert both.text.count("hxxp://evil[.]example/") == 3
    assert message["Bcc"] is None
    assert max(map(len, both.text.splitlines())) < 400


def test_the_headers_say_who_writes_what_it_is_and_where_to_stop_it() -> None:
    message = mail(DUE)
    assert message["From"] == "Tocsin <notifications@tocsin.example>"
    assert message["To"] == "Acme Research <feeds@acme.example>"
    assert message["Reply-To"] == "Tocsin <desk@tocsin.example>"
    assert message["Message-ID"] == f"<{DUE.digest_id}@tocsin.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Id"] == "<digests.tocsin.example>"
    assert message["List-Unsubscribe"] == "<mailto:desk@tocsin.example?subject=unsubscribe%20digest%20acme>"
    assert message["List-Unsubscribe-Post"] is None
    assert message["X-Tocsin-Digest"] == str(DUE.digest_id)
    assert message["X-Tocsin-Reference"] is None
    assert message["X-Tocsin-Resend"] is None
    assert mail(DUE, again=True)["X-Tocsin-Resend"] == "in-doubt"
    assert mail(DUE, again=True)["Message-ID"] == message["Message-ID"]
    assert len(set(message.keys())) == len(message.keys())


def test_both_parts_come_back_as_they_were_printed() -> None:
    message = mail(DUE)
    assert message.get_content_type() == "multipart/alternative"
    text, html = (part.get_content().replace("\r\n", "\n") for part in message.iter_parts())
    assert text.rstrip("\n") == printed(DUE).text.rstrip("\n")
    assert html.rstrip("\n") == printed(DUE).html.rstrip("\n")
