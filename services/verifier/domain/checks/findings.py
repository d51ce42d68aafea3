"""What a check may say."""

from services.verifier.domain.values import CheckResult, Reason


def passed(check: str, detail: str) -> Reason:
    return Reason(check, CheckResult.PASS, 0.0, detail)


def failed(check: str, detail: str) -> Reason:
    return Reason(check, CheckResult.FAIL, 1.0, detail)


def doubted(check: str, weight: float, detail: str) -> Reason:
    """A warning, which takes away that share of the confidence."""
    return Reason(check, CheckResult.WARN, weight, detail)


def not_applicable(check: str, detail: str) -> Reason:
    return Reason(check, CheckResult.SKIP, 0.0, detail)
