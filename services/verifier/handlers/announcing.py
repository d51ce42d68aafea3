"""What the others hear of an incident."""

from libs.common.contracts import IncidentChanged
from libs.common.vocabulary import IncidentState
from services.verifier.domain import Incident
from services.verifier.handlers.shipped import SHIPPED


def changed_event(incident: Incident, *, mails: IncidentState | None = None) -> IncidentChanged:
    """The incident as it is now. `mails`, if given, is said in place of its state: whether mail of it may leave."""
    return IncidentChanged(
        slug=incident.slug,
        revision=incident.revision,
        category=incident.category,
        severity=incident.severity,
        state=mails or incident.state,
        cve_ids=incident.cve_ids,
        advisory=incident.advisory,
        merged_into=incident.merged_into,
        approved_by=incident.approver if incident.approver and incident.approver != SHIPPED else "",
    )
