"""`/v1/sender-check`: whether the world will believe that our mails are ours."""

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from libs.common.security import Role, operator
from services.notifier.domain.sender_check import Finding, Subject, Verdict, worst_of
from services.notifier.handlers.checking_sender import SenderChecker


class RecordView(BaseModel):
    """What to put into the DNS; words in capitals are yours to fill in."""

    name: str
    type: str
    value: str


class FindingView(BaseModel):
    subject: Subject
    verdict: Verdict
    sentence: str
    record: RecordView | None


class SenderCheck(BaseModel):
    """`verdict` is the worst of all."""

    verdict: Verdict
    from_domain: str
    return_domain: str = Field(description="Of the envelope sender: where bounces go, and what SPF is about")
    findings: list[FindingView]


def routes(checker: SenderChecker) -> APIRouter:
    router = APIRouter(prefix="/v1/sender-check", tags=["sender"])

    @router.get("", dependencies=[Depends(operator(at_least=Role.VIEWER))])
    async def check_sender() -> SenderCheck:
        """SPF, DKIM, DMARC, the MX for bounces, and the relay's name, as the DNS has them; asked once a minute. And
        whether the certificate that signs mails fits and lasts.
        """
        findings = await checker.findings()
        return SenderCheck(
            verdict=worst_of(findings),
            from_domain=checker.setup.from_domain,
            return_domain=checker.setup.return_domain,
            findings=[_view(finding) for finding in findings],
        )

    return router


def _view(finding: Finding) -> FindingView:
    record = finding.record
    return FindingView(
        subject=finding.subject,
        verdict=finding.verdict,
        sentence=finding.sentence,
        record=RecordView(name=record.name, type=record.type, value=record.value) if record else None,
    )
