"""Who sends."""

import msgspec


class House(msgspec.Struct, frozen=True, kw_only=True):
    """The same in every mail, so that people come to know it."""

    name: str
    from_address: str
    desk_address: str
    envelope_sender: str
    public_url: str

    @property
    def verify_address(self) -> str:
        """What a recipient types to see whether a mail is ours."""
        return f"{self.home_address}/verify"

    @property
    def home_address(self) -> str:
        """What a reader types to see who we are."""
        return self.public_url.partition("://")[2]

    @property
    def mail_domain(self) -> str:
        return self.from_address.rpartition("@")[2]

    def desk_address_about(self, reference: str) -> str:
        """The desk's address with the reference in it (RFC 5233), so that an answer finds its notification."""
        local, _, domain = self.desk_address.rpartition("@")
        return f"{local}+{reference}@{domain}"
