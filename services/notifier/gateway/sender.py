"""What we send as, as the settings have it."""

from services.notifier.domain.sender_check import Setup
from services.notifier.gateway.dkim import dkim_keys_of
from services.notifier.settings import NotifierSettings


def sender_setup_of(settings: NotifierSettings) -> Setup:
    return Setup(
        from_domain=_domain_of(settings.from_address),
        return_domain=settings.bounce_domain or _domain_of(settings.plain_envelope_sender),
        keys=dkim_keys_of(settings),
        sending_addresses=settings.sending_address_list,
        reports_to=settings.desk_address,
    )


def _domain_of(address: str) -> str:
    return address.rpartition("@")[2]
