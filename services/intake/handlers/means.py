"""What receiving and processing work with."""

from dataclasses import dataclass, field

from libs.common.db import Database
from libs.common.publisher import Publisher
from services.intake.domain.formats import Limits
from services.intake.handlers.desks import Desks
from services.intake.handlers.pressure import Pressure
from services.intake.handlers.quotas import Quotas
from services.intake.store.payloads import PayloadFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much, and how long. `IntakeSettings` describes each."""

    max_body_bytes: int
    max_unpacked_bytes: int
    body_idle_seconds: float
    immediate_max_bytes: int
    immediate_max_records: int
    slice_records: int
    lease_seconds: float
    publish_wait_seconds: float
    repeat_window_hours: float

    @property
    def limits(self) -> Limits:
        return Limits(max_sent_bytes=self.max_body_bytes, max_unpacked_bytes=self.max_unpacked_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """The database, the broker, the disk, how full the pipeline and we ourselves are, the bounds of the work, and what
    partners with a quota have brought.
    """

    database: Database
    publisher: Publisher
    payloads: PayloadFiles
    pressure: Pressure
    desks: Desks
    bounds: Bounds
    quotas: Quotas = field(default_factory=Quotas)
