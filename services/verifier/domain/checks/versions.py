"""The check of a product's version against those that its incident is about."""

from datetime import datetime
from functools import lru_cache

from services.verifier.domain.affected import is_affected
from services.verifier.domain.checks.findings import failed, not_applicable, passed
from services.verifier.domain.rules import Rules
from services.verifier.domain.values import Case, Reason

NO_VERSION = not_applicable("version", "the record names no version of a product")
NOT_KNOWN = not_applicable("version", "nothing is known of which versions are affected")


def of_an_affected_version(case: Case, _: Rules, __: datetime) -> Reason:
    """The version that it names is one that the incident is about, where the vendor has published which those are."""
    product, incident = case.event.indicator.product, case.incident
    if product is None or not product.version or not product.name:
        return NO_VERSION
    if incident is None or not incident.affected or _is_of_another(case):
        return NOT_KNOWN
    affected = is_affected(incident.affected, product)
    return NOT_KNOWN if affected is None else _found(product.name, product.version, affected)


def _is_of_another(case: Case) -> bool:
    """It names vulnerabilities, and none that the incident knows: then these ranges say nothing of it."""
    named, incident = case.event.indicator.cve_ids, case.incident
    if not named or incident is None:
        return False
    return not any(cve_id in incident.cve_ids or cve_id in incident.matches.cve_ids for cve_id in named)


@lru_cache(maxsize=4_096)
def _found(name: str, version: str, affected: bool) -> Reason:
    if affected:
        return passed("version", f"version {version} of {name} is among the affected ones")
    return failed("version", f"version {version} of {name} is not among the affected ones")
