"""`/v1/what-if`: rules are tried out on the records of the last days."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from libs.common.openapi import refusals
from libs.common.security import Operator, Role, operator
from services.verifier.api.false_positives import FalsePositiveBody
from services.verifier.api.rules import MAX_RULES_BYTES
from services.verifier.domain.what_if import Change
from services.verifier.handlers import Answer, Question, WhatIf

Analyst = Annotated[Operator, Depends(operator(at_least=Role.ANALYST))]
Count = dict[str, int]


class WhatIfBody(BaseModel):
    """The draft: a file of rules in place of the one in force, and what is to be called wrong besides.

    With neither, the rules in force are compared with themselves.
    """

    model_config = ConfigDict(extra="forbid")

    days: int = Field(7, ge=1, le=90)
    rules: str | None = Field(None, max_length=MAX_RULES_BYTES, description="TOML, as `PUT /v1/rules` takes it")
    false_positives: list[FalsePositiveBody] = Field([], max_length=1000)


class ChangeView(BaseModel):
    """Records that would end another way; `because` counts the checks that would decide it."""

    now: str
    draft: str
    records: int
    because: Count
    samples: list[UUID]


class MailsView(BaseModel):
    """Mails by kind of recipient, that the draft would send and the rules in force not, and the other way round.

    What is handed over to a team is `national-cert`, as is a copy for a team. `nobody` counts threats that find no
    recipient.
    """

    more: Count
    fewer: Count


class WhatIfView(BaseModel):
    """What would be different. Outcomes are those of the verifier; `verified` is what goes on to a recipient, `listed`
    what goes on to the team that warns its owner.

    Both sets of rules have judged the same records once more, each as of when it came, so that nothing but the rules
    makes a difference. What people have decided stays as it is. Beyond 500,000 records the oldest are left out.
    """

    since: datetime
    until: datetime
    rules_now: str
    rules_draft: str
    records: int
    records_left_out: int
    decided_by_people: int
    outcomes_now: Count
    outcomes_draft: Count
    changed: int
    changes: list[ChangeView]
    changed_by_incident: Count
    changed_by_partner: Count
    mails: MailsView
    mails_unknown_because: str | None


def routes(what_if: WhatIf) -> APIRouter:
    router = APIRouter(tags=["rules"])

    @router.post("/v1/what-if", responses=refusals(429))
    async def try_rules(body: WhatIfBody, request: Request, _: Analyst) -> WhatIfView:
        """Judge the records of the last days again by draft rules. Nothing is changed, nothing is sent.

        It takes some seconds for 100,000 records; one question at a time.
        """
        question = Question(
            days=body.days,
            rules=body.rules,
            false_positives=tuple(entry.false_positive() for entry in body.false_positives),
        )
        return _view(await what_if.ask(question, authorization=request.headers["authorization"]))

    return router


def _view(answer: Answer) -> WhatIfView:
    compared = answer.comparison
    return WhatIfView(
        since=answer.since,
        until=answer.until,
        rules_now=answer.rules_now,
        rules_draft=answer.rules_draft,
        records=compared.records,
        records_left_out=answer.records_left_out,
        decided_by_people=answer.decided_by_people,
        outcomes_now=dict(compared.now),
        outcomes_draft=dict(compared.draft),
        changed=sum(change.records for change in compared.changes),
        changes=[_change_view(change) for change in compared.changes],
        changed_by_incident=dict(compared.incidents),
        changed_by_partner=dict(compared.partners),
        mails=MailsView(more=answer.mails.more, fewer=answer.mails.fewer),
        mails_unknown_because=answer.mails_unknown_because,
    )


def _change_view(change: Change) -> ChangeView:
    return ChangeView(
        now=change.now,
        draft=change.draft,
        records=change.records,
        because=dict(change.because),
        samples=list(change.samples),
    )
