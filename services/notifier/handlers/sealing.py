"""Sealing mails on their way to the relay: signed by us, encrypted to a recipient's key, or held back."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from uuid import uuid4

import msgspec

from libs.common.contracts import Recipient
from libs.common.db import Database
from libs.common.metrics import MAILS_SEALED
from libs.common.vocabulary import Language
from services.notifier.domain.grouping import with_keys
from services.notifier.domain.message import Mail
from services.notifier.domain.notification import Consignment
from services.notifier.domain.replies import Reply, Withheld
from services.notifier.domain.sealing.keys import Scheme
from services.notifier.domain.sealing.policy import Encrypt, EncryptionPolicy, Plain, Withhold, plan_of
from services.notifier.domain.sealing.seal import SigningCertificate
from services.notifier.domain.sealing.sealed import Sealed, carried_mark, outside_of, sealed, signed
from services.notifier.gateway.relay import Relay
from services.notifier.store.sealed import keep_sealed, sealed_mail

AS_IT_IS = "none"
HELD_BACK = "withheld"


class Sealer:
    """Knows our certificate, if there is one, and when to encrypt. A certificate out of its time signs nothing."""

    def __init__(
        self,
        database: Database,
        *,
        certificate: SigningCertificate | None,
        policy: EncryptionPolicy,
        subjects: Mapping[Language, str],
    ) -> None:
        """`subjects`: what all that carry an encrypted mail can read of it, with `{reference}` in each."""
        self._database = database
        self._subjects = subjects
        self._certificate = certificate
        self._policy = policy

    def before(self, relay: Relay, consignment: Consignment | None = None) -> Relay:
        """The relay, for this one mail. A mail that is no notification is signed, and not encrypted."""
        return SealingRelay(relay, self, consignment)

    async def seal(self, mail: Mail, consignment: Consignment | None) -> Mail | Withheld:
        """Raises `Transient` where it could not be kept how the mail is sealed: then it must not leave."""
        now = self._database.now()
        certificate = self._in_force(now)
        recipient = _reader_of(consignment) if consignment is not None else None
        if consignment is None or recipient is None or recipient.encryption is None:
            return await _signed(mail, certificate, mark=_mark_of(consignment))
        made = await self._sealed(mail, consignment, recipient, certificate, now=now)
        MAILS_SEALED.labels(HELD_BACK if isinstance(made, Withhold) else made.scheme or AS_IT_IS).inc()
        if isinstance(made, Withhold):
            return Withheld(made.why)
        if made.scheme is None:
            return await _signed(mail, certificate, mark=_mark_of(consignment))
        subject = self._subjects[recipient.language].format(reference=consignment.notification.reference)
        return msgspec.structs.replace(mail, content=outside_of(mail.content, made.inside, subject=subject))

    def _in_force(self, now: datetime) -> SigningCertificate | None:
        certificate = self._certificate
        return certificate if certificate is not None and certificate.is_in_force(now) else None

    async def _sealed(
        self,
        mail: Mail,
        consignment: Consignment,
        recipient: Recipient,
        certificate: SigningCertificate | None,
        *,
        now: datetime,
    ) -> Sealed | Withhold:
        """As it was sealed for the try before, if it tells of the same; else anew, and kept before it leaves."""
        notification = consignment.notification
        carries = carried_mark(target.target_id for part in consignment.parts for target in part.targets)
        if notification.tries > 1:
            async with self._database.transaction() as tx:
                kept = await sealed_mail(tx, notification.id)
            if kept is not None and kept.scheme is not None and kept.carries == carries:
                return kept
        plan = plan_of(recipient.encryption, email=recipient.email, policy=self._policy, at=now)
        made = await asyncio.to_thread(_made, mail, plan, certificate, _mark_of(consignment))
        match made:
            case Withhold():
                return made
            case Plain(why):
                new = Sealed(notification_id=notification.id, scheme=None, why=why, carries=carries, at=now)
            case scheme, fingerprint, inside:
                new = Sealed(
                    notification_id=notification.id,
                    scheme=scheme,
                    fingerprint=fingerprint,
                    carries=carries,
                    inside=inside,
                    at=now,
                )
        async with self._database.transaction() as tx:
            await keep_sealed(tx, new)
        return new


class SealingRelay:
    """A relay in front of the relay."""

    def __init__(self, relay: Relay, sealer: Sealer, consignment: Consignment | None) -> None:
        self._relay = relay
        self._sealer = sealer
        self._consignment = consignment

    async def deliver(self, mail: Mail) -> Reply:
        made = await self._sealer.seal(mail, self._consignment)
        return made if isinstance(made, Withheld) else await self._relay.deliver(made)

    async def close(self) -> None:
        await self._relay.close()


def _reader_of(consignment: Consignment) -> Recipient:
    """The recipient, with the keys that any of the notifications in this mail knows of."""
    return with_keys(consignment.notification.recipient, [part.notification.recipient for part in consignment.parts])


def _made(
    mail: Mail, plan: Plain | Encrypt | Withhold, certificate: SigningCertificate | None, mark: str
) -> tuple[Scheme, str, bytes] | Plain | Withhold:
    return sealed(mail.content, plan, with_=certificate, mark=mark) if isinstance(plan, Encrypt) else plan


async def _signed(mail: Mail, certificate: SigningCertificate | None, *, mark: str) -> Mail:
    """Beside the loop, as OpenSSL does it."""
    if certificate is None:
        return mail
    content = await asyncio.to_thread(signed, mail.content, with_=certificate, mark=mark)
    return msgspec.structs.replace(mail, content=content)


def _mark_of(consignment: Consignment | None) -> str:
    """For boundaries: in no mail by chance."""
    return consignment.notification.id.hex if consignment is not None else uuid4().hex
