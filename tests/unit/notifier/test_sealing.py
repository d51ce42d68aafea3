"""Mails that are signed and encrypted, as independent implementations read them; and keys that are not used."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from fast_mail_parser import PyMail, parse_email, parse_email_tree, walk
from pysequoia import Tsk, decrypt

from libs.common.contracts import Encryption
from libs.common.errors import Fatal
from libs.common.vocabulary import Language
from services.notifier.domain.sealing.check import certificate_findings
from services.notifier.domain.sealing.entity import opened
from services.notifier.domain.sealing.keys import Scheme, Unusable, UsableKey, usable_certificate, usable_openpgp
from services.notifier.domain.sealing.policy import Encrypt, EncryptionPolicy, Plain, Plan, Withhold, plan_of
from services.notifier.domain.sealing.seal import SigningCertificate
from services.notifier.domain.sealing.sealed import carried_mark, outside_of, sealed, signed
from services.notifier.domain.sender_check import Subject, Verdict
from services.notifier.gateway.certificate import read_signing_certificate
from services.notifier.gateway.press import Press
from tests.certificates import Authority, Certified, mail_certificate, rsa_key
from tests.unit.attribution.test_keys import NEVER_ENDS
from tests.unit.notifier.builders import consignment
from tests.unit.notifier.independent import gnupg, opened_by_openssl, verified
from tests.unit.notifier.test_dkim import keys, verifies
from tests.unit.notifier.test_message import raw

PRESS = Press()
NOW = datetime.now(UTC)
"""The libraries that read keys go by the machine's own clock."""

DAY = timedelta(days=1)
BAKER = "info@jansen.example"
US = "notifications@tocsin.example"
DIFFERENT = ("Subject", "Content-Type")
ENCODED = ("Content-Transfer-Encoding", "Content-Disposition")
MARK = "0123456789abcdef"
CONTENT = raw(consignment())
SECRET = "uw gedeelde mappen"
"""Of the subject."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "authority")


@pytest.fixture(scope="module")
def signing(authority: Authority) -> SigningCertificate:
    ours = mail_certificate(US, by=authority.own, uses=("digital_signature",))
    return SigningCertificate(ours.certificate, rsa_key())


@lru_cache
def baker(bits: int = 2048) -> Certified:
    return mail_certificate(BAKER, key=rsa_key(bits, 1))


@lru_cache
def baker_pgp(user_id: str = f"Bakery <{BAKER}>") -> Tsk:
    return Tsk.generate(user_id=user_id)


def armoured(key: Tsk) -> str:
    return str(key.extract_certificate())


def plan(*, smime: str = "", pgp: str = "", required: bool = False, policy: str = "when-possible") -> Plan:
    encryption = Encryption(smime_certificate=smime, pgp_key=pgp, is_required=required)
    return plan_of(encryption, email=BAKER, policy=EncryptionPolicy(policy), at=NOW)


def encrypted_mail(chosen: Plan, *, with_: SigningCertificate | None) -> bytes:
    assert isinstance(chosen, Encrypt)
    made = sealed(CONTENT, chosen, with_=with_, mark=MARK)
    assert isinstance(made, tuple)
    return outside_of(CONTENT, made[2], subject="Versleuteld [TOC-1]")


def test_openssl_believes_a_signed_mail_and_everybody_reads_it(
    authority: Authority, signing: SigningCertificate, tmp_path: Path
) -> None:
    mail = signed(CONTENT, with_=signing, mark=MARK)

    assert verified(mail, authority=authority.file, folder=tmp_path) == opened(CONTENT).inside
    assert texts(mail) == texts(CONTENT)
    assert parse_email(mail).subject == parse_email(CONTENT).subject
    assert [part.content_type for part in walk(parse_email_tree(mail))] == [
        *("multipart/signed", "multipart/alternative", "text/plain", "text/html"),
        "application/pkcs7-signature",
    ]


def test_an_ec_key_signs_too(authority: Authority, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    ours = mail_certificate(US, key=key, by=authority.own, uses=("digital_signature",))
    mail = signed(CONTENT, with_=SigningCertificate(ours.certificate, key), mark=MARK)

    assert verified(mail, authority=authority.file, folder=tmp_path) == opened(CONTENT).inside


@pytest.mark.parametrize("change", [(b"Bakkerij", b"Slagerij"), (b"text/plain", b"text/calendar")])
def test_openssl_does_not_believe_a_changed_mail(
    authority: Authority, signing: SigningCertificate, tmp_path: Path, change: tuple[bytes, bytes]
) -> None:
    head, _, body = signed(CONTENT, with_=signing, mark=MARK).partition(b"\r\n\r\n")
    assert change[0] in body

    changed = head + b"\r\n\r\n" + body.replace(*change)

    assert verified(changed, authority=authority.file, folder=tmp_path) is None


def test_who_has_the_certificate_s_key_reads_an_encrypted_mail_and_its_signature(
    authority: Authority, signing: SigningCertificate, tmp_path: Path
) -> None:
    mail = encrypted_mail(plan(smime=baker().pem.decode()), with_=signing)

    inside = opened_by_openssl(mail, key_file=baker().written(tmp_path / "baker.pem"), folder=tmp_path)

    assert inside is not None
    payload = verified(inside, authority=authority.file, folder=tmp_path)
    assert payload is not None
    says_what_it_is_about(payload)
    other = mail_certificate(BAKER).written(tmp_path / "other.pem")
    assert opened_by_openssl(mail, key_file=other, folder=tmp_path) is None


def test_gnupg_reads_a_mail_to_its_key_and_openssl_believes_the_signature_within(
    authority: Authority, signing: SigningCertificate, tmp_path: Path
) -> None:
    with gnupg(f"Bakery <{BAKER}>") as theirs:
        mail = encrypted_mail(plan(pgp=theirs.public_key), with_=signing)
        others = encrypted_mail(plan(pgp=armoured(baker_pgp())), with_=signing)

        _, version, message = walk(parse_email_tree(mail))
        inside = theirs.opens(message.content or b"")

        assert (version.content_type, (version.content or b"").strip()) == (
            "application/pgp-encrypted",
            b"Version: 1",
        )
        assert inside is not None
        payload = verified(inside, authority=authority.file, folder=tmp_path)
        assert payload is not None
        says_what_it_is_about(payload)
        assert theirs.opens(list(walk(parse_email_tree(others)))[-1].content or b"") is None


def test_a_mail_to_a_newer_openpgp_key_is_read_with_it() -> None:
    """Of RFC 9580, which GnuPG does not read."""
    mail = encrypted_mail(plan(pgp=armoured(baker_pgp())), with_=None)

    [*_, message] = walk(parse_email_tree(mail))

    says_what_it_is_about(decrypt(message.content or b"", baker_pgp().decryptor()).bytes or b"")


@pytest.mark.parametrize("kind", ["smime", "pgp"])
@pytest.mark.parametrize("language", Language)
def test_the_outside_of_an_encrypted_mail_says_nothing_of_it(kind: str, language: Language) -> None:
    chosen = plan(smime=baker().pem.decode()) if kind == "smime" else plan(pgp=armoured(baker_pgp()))
    mail = encrypted_mail(chosen, with_=None)

    outside = outside_of(
        CONTENT, opened(mail).inside, subject=PRESS.sealed_subjects[language].format(reference="TOC-1")
    )

    parsed = parse_email(outside)
    assert parsed.subject.endswith("[TOC-1]")
    assert SECRET in parse_email(CONTENT).subject
    assert b"mappen" not in outside
    assert b"192.0.2.1" not in outside
    assert {name: parsed.headers[name] for name in parsed.headers if name not in ("Subject", "Content-Type")} == {
        **{name: values for name, values in parse_email(CONTENT).headers.items() if name not in DIFFERENT},
        **{name: parsed.headers[name] for name in ENCODED if name in parsed.headers},
    }


def test_dkim_is_over_all(signing: SigningCertificate) -> None:
    mail = encrypted_mail(plan(smime=baker().pem.decode()), with_=signing)

    assert verifies(keys().sign(mail, now=NOW), keys())


NOT_USED: Mapping[str, tuple[Callable[[], Certified], str]] = {
    "expired": (lambda: mail_certificate(BAKER, since=NOW - 9 * DAY, until=NOW - DAY), "has expired on"),
    "not-yet": (lambda: mail_certificate(BAKER, since=NOW + DAY, until=NOW + 9 * DAY), "is valid from"),
    "weak": (lambda: baker(1024), "is too weak: RSA of 1024 bits"),
    "ec": (lambda: mail_certificate(BAKER, key=ec.generate_private_key(ec.SECP256R1())), "RSA alone can"),
    "other-address": (lambda: mail_certificate("info@peters.example"), "is of another address"),
    "signs-only": (lambda: mail_certificate(BAKER, uses=("digital_signature",)), "is not made for encrypting mail"),
    "of-a-server": (
        lambda: mail_certificate(BAKER, purpose=ExtendedKeyUsageOID.SERVER_AUTH),
        "is not made for encrypting mail",
    ),
}


@pytest.mark.parametrize("case", NOT_USED)
def test_a_certificate_that_does_not_do_is_not_used_and_it_is_said_why(case: str) -> None:
    made, why = NOT_USED[case]

    judged = usable_certificate(made().pem.decode(), email=BAKER, at=NOW)

    assert isinstance(judged, Unusable)
    assert why in judged.why


def expiring() -> str:
    return armoured(Tsk.generate(user_id=BAKER, validity_seconds=3600))


def revoked() -> str:
    key = Tsk.generate(user_id=BAKER)
    public = key.extract_certificate()
    revocation = public.revoke(key.certifier())
    return str(type(public).from_bytes(bytes(public) + bytes(revocation)))


@pytest.mark.parametrize(
    ("key", "at", "why"),
    [
        ("expiring", NOW + DAY, "has expired on"),
        ("revoked", NOW, "has been revoked by its owner"),
        ("other", NOW, "is of another address"),
        ("garbage", NOW, "can't be read"),
    ],
)
def test_an_openpgp_key_that_does_not_do_is_not_used_and_it_is_said_why(key: str, at: datetime, why: str) -> None:
    kinds: Mapping[str, Callable[[], str]] = {
        "expiring": expiring,
        "revoked": revoked,
        "other": lambda: armoured(baker_pgp("Peters <info@peters.example>")),
        "garbage": lambda: "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n",
    }

    judged = usable_openpgp(kinds[key](), email=BAKER, at=at)

    assert isinstance(judged, Unusable)
    assert judged.why.startswith(why)
    assert "\n" not in judged.why


def test_a_key_is_used_whatever_the_case_of_its_address_and_without_one() -> None:
    assert isinstance(usable_openpgp(armoured(baker_pgp()), email="INFO@Jansen.example", at=NOW), UsableKey)
    assert isinstance(usable_openpgp(armoured(baker_pgp("The bakery")), email=BAKER, at=NOW), UsableKey)
    assert isinstance(usable_certificate(baker().pem.decode(), email="Info@jansen.example", at=NOW), UsableKey)


GOOD, BAD = "good", "bad"
BITS = {GOOD: 2048, BAD: 1024}


@pytest.mark.parametrize(
    ("policy", "key", "required", "expected"),
    [
        ("when-possible", GOOD, False, Encrypt),
        ("when-possible", GOOD, True, Encrypt),
        ("when-possible", BAD, False, Plain),
        ("when-possible", BAD, True, Withhold),
        ("when-possible", "", True, Withhold),
        ("required", GOOD, False, Encrypt),
        ("required", GOOD, True, Encrypt),
        ("required", BAD, False, Withhold),
        ("required", BAD, True, Withhold),
        ("required", "", True, Withhold),
        ("never", GOOD, False, Plain),
        ("never", GOOD, True, Withhold),
        ("never", BAD, False, Plain),
        ("never", BAD, True, Withhold),
        ("never", "", True, Withhold),
    ],
)
def test_what_is_done_with_a_mail(policy: str, key: str, required: bool, expected: type[Plan]) -> None:
    chosen = plan(smime=baker(BITS[key]).pem.decode() if key else "", required=required, policy=policy)

    assert isinstance(chosen, expected)
    if key == BAD and policy != "never":
        assert not isinstance(chosen, Encrypt)
        assert "its S/MIME certificate is too weak" in chosen.why


@pytest.mark.parametrize("policy", EncryptionPolicy)
def test_who_has_given_no_key_gets_mail_as_it_is(policy: EncryptionPolicy) -> None:
    assert plan_of(None, email=BAKER, policy=policy, at=NOW) == Plain()


def test_of_two_keys_smime_is_first_and_the_other_stands_in() -> None:
    both = plan(smime=baker().pem.decode(), pgp=armoured(baker_pgp()))
    one = plan(smime=baker(1024).pem.decode(), pgp=armoured(baker_pgp()))

    assert isinstance(both, Encrypt)
    assert isinstance(one, Encrypt)
    assert [key.scheme for key in both.keys] == [Scheme.SMIME, Scheme.OPENPGP]
    assert [key.scheme for key in one.keys] == [Scheme.OPENPGP]


@pytest.mark.parametrize(("required", "expected"), [(False, Plain), (True, Withhold)])
def test_a_key_that_turns_out_to_encrypt_nothing_is_as_none(required: bool, expected: type[Plan]) -> None:
    """It has no part that one could encrypt to."""
    signs_only = Encryption(pgp_key=NEVER_ENDS, is_required=required)
    chosen = plan_of(signs_only, email="never@bakery.example", policy=EncryptionPolicy.WHEN_POSSIBLE, at=NOW)
    assert isinstance(chosen, Encrypt)

    made = sealed(CONTENT, chosen, with_=None, mark=MARK)

    assert isinstance(made, expected)
    assert "its OpenPGP key can't be encrypted to" in made.why


@pytest.mark.parametrize(
    ("made", "verdict", "words"),
    [
        (lambda: mail_certificate(US, until=NOW + 99 * DAY), Verdict.RIGHT, "valid until"),
        (lambda: mail_certificate(US, until=NOW + 20 * DAY), Verdict.WEAK, "get another one"),
        (lambda: mail_certificate(US, since=NOW - 2 * DAY, until=NOW - DAY), Verdict.WRONG, "not signed any more"),
        (lambda: mail_certificate(US, since=NOW + DAY, until=NOW + 2 * DAY), Verdict.WRONG, "until then"),
        (lambda: mail_certificate("other@tocsin.example"), Verdict.WRONG, "of other@tocsin.example, not of"),
        (lambda: mail_certificate(US, uses=("key_encipherment",)), Verdict.WRONG, "not made for signing"),
        (
            lambda: mail_certificate(US, purpose=ExtendedKeyUsageOID.SERVER_AUTH),
            Verdict.WRONG,
            "not made for signing",
        ),
    ],
    ids=["right", "ends-soon", "ended", "not-begun", "other-address", "encrypts-only", "of-a-server"],
)
def test_the_check_of_the_sender_looks_at_the_certificate(
    made: Callable[[], Certified], verdict: Verdict, words: str
) -> None:
    ours = made()

    [found] = certificate_findings(SigningCertificate(ours.certificate, rsa_key()), from_address=US, at=NOW)

    assert (found.subject, found.verdict) == (Subject.SIGNATURES, verdict)
    assert words in found.sentence
    assert certificate_findings(None, from_address=US, at=NOW) == []


def test_a_certificate_comes_with_those_above_it_and_its_own_key(authority: Authority, tmp_path: Path) -> None:
    ours = mail_certificate(US, by=authority.own)
    file, key_file = tmp_path / "ours.pem", tmp_path / "key.pem"
    file.write_bytes(ours.pem + authority.own.pem)
    key_file.write_bytes(ours.key_pem)

    read = read_signing_certificate(file, key_file)

    assert (read.certificate, list(read.chain)) == (ours.certificate, [authority.own.certificate])
    mail = signed(CONTENT, with_=read, mark=MARK)
    assert verified(mail, authority=authority.file, folder=tmp_path) is not None


@pytest.mark.parametrize("what", ["missing", "no-certificate", "another-key", "weak"])
def test_a_certificate_that_can_t_sign_stops_the_start(tmp_path: Path, what: str) -> None:
    file, key_file = mail_certificate(US).written(tmp_path / "ours.pem"), tmp_path / "key.pem"
    key_file.write_bytes(rsa_key_pem(2048, 7))
    match what:
        case "missing":
            file.unlink()
        case "no-certificate":
            file.write_text("nothing")
        case "weak":
            mail_certificate(US, key=rsa_key(1024, 1)).written(file)
            key_file = file

    with pytest.raises(Fatal):
        read_signing_certificate(file, key_file)


def test_what_a_mail_tells_of_is_marked_by_its_targets_alone() -> None:
    one, other = consignment().targets[0].target_id, consignment().targets[0].target_id

    assert carried_mark([one, other]) == carried_mark([other, one])
    assert carried_mark([one, other]) != carried_mark([one])


def says_what_it_is_about(payload: bytes) -> None:
    """All of the mail is inside, its subject too."""
    parsed = parse_email(payload)
    assert parsed.subject == parse_email(CONTENT).subject
    assert texts(payload) == texts(CONTENT)


def texts(mail: bytes) -> list[str]:
    parsed: PyMail = parse_email(mail)
    return [*parsed.text_plain, *parsed.text_html]


def rsa_key_pem(bits: int, number: int) -> bytes:
    return Certified(baker().certificate, rsa_key(bits, number)).key_pem
