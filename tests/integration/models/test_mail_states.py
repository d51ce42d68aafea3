"""The life of mails against a model, whoever dies between which two steps.

Planned, claimed, sent, rehearsed, answered in every way, lost, doubted, braked, held for a person, withdrawn,
corrected, sent again: the relay takes a mail only of an attempt that was written down before, marked if it may be a
second copy; nobody is written to who must not be; each target's outcome is said once, whatever becomes of the copies
that teams get; and who was told what is wrong hears so once.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from enum import StrEnum
from itertools import count
from uuid import UUID

import msgspec
import pytest
from hypothesis import strategies as st

from libs.common.contracts import (
    Copy,
    FeedbackReceived,
    HandOver,
    IndicatorSettled,
    Recipient,
    RecipientsExhausted,
    ThreatWithdrawn,
)
from libs.common.contracts import TargetAttributed as Target
from libs.common.errors import Permanent
from libs.common.ids import new_id
from libs.common.problems import Problem
from libs.common.vocabulary import FeedbackKind, IncidentState, RecipientKind, Severity
from services.notifier.domain.brakes.holds import HoldKind
from services.notifier.domain.notification import Brake, BrakeScope, Command, State
from services.notifier.domain.planning import Suppression, SuppressionReason
from services.notifier.handlers.commands import command_notification, set_brake
from services.notifier.handlers.commands import suppress as silence
from services.notifier.handlers.continuing import give_up
from services.notifier.handlers.corrections import heed_withdrawals
from services.notifier.handlers.looking import end_suppression, newest_suppressions
from services.notifier.handlers.planning import heed_feedback, take_up_incidents
from tests.databases import make_tables
from tests.integration.models.going_on import GoingOn
from tests.integration.models.machine import entered, step, told_of, try_plans
from tests.integration.models.mail import ENDS, WINDOW, Mail
from tests.integration.models.post_office import GROUPING, PostOffice, post_office
from tests.integration.models.postbox import Death, Mood, Taken
from tests.integration.models.sending import FATES_OF_PLANNING, FATES_OF_SENDING, PLANNING, REPLICAS, SENDING
from tests.integration.models.wrong import Withdrawal
from tests.unit.notifier.builders import incident, recipient, target

EMAILS = (
    *("info@jansen.example", "desk@jansen.example", "info@bakker.example", "info@shop.bakker.example"),
    *("info@sen.invalid", "info@de-vries.invalid", "info@smit.invalid"),
)
TEAMS = ("in@csirt.example", "in@sen.invalid")
"""Hear of what is theirs, and get copies of what others are warned of."""

DOMAINS = ("jansen.example", "bakker.example", "csirt.example", "example")
SLUGS = ("open-smb", "open-rdp")
ALSO_WARNED = HandOver(reason="also-warned", organisation="Bakery")


class Kind(StrEnum):
    """Which target comes: a new one, one that came before, or new news of a threat that was told before: to the same
    recipient, or now to a team.
    """

    NEW = "new"
    AGAIN = "again"
    SAME_THREAT = "same threat"
    FOR_A_TEAM = "same threat, for a team"


Arrival = tuple[Kind, int, str, str, Severity, float, str]
"""Its kind, which of the earlier ones, its recipient, its incident, its severity, how sure its recipient is, and which
team gets a copy, if any.
"""


choices = st.integers(0, 1000)
mostly_not = st.sampled_from([False, False, False, True])
"""What keeps mails back stays rare, or none would move."""

emails = st.sampled_from(EMAILS)
slugs = st.sampled_from(SLUGS)
arrivals = st.lists(
    st.tuples(
        st.sampled_from([*2 * [Kind.NEW, Kind.NEW, Kind.AGAIN, Kind.SAME_THREAT], Kind.FOR_A_TEAM]),
        choices,
        st.sampled_from([*EMAILS, *EMAILS, *TEAMS]),
        slugs,
        st.sampled_from([Severity.CRITICAL, Severity.CRITICAL, Severity.HIGH]),
        st.sampled_from([0.9, 0.9, 0.9, 0.1]),
        st.sampled_from(["", "", "", *TEAMS]),
    ),
    min_size=1,
    max_size=5,
)
brakes = st.sampled_from(
    [
        (BrakeScope.ALL, ""),
        (BrakeScope.PARTNER, "demo"),
        (BrakeScope.INCIDENT, SLUGS[0]),
        *((BrakeScope.DOMAIN, domain) for domain in DOMAINS),
    ]
)


ONE_FOR_EACH: list[Arrival] = [(Kind.NEW, 0, email, SLUGS[0], Severity.HIGH, 0.9, "") for email in EMAILS]
WITH_A_COPY: list[Arrival] = [(Kind.NEW, 0, EMAILS[0], SLUGS[0], Severity.HIGH, 0.9, TEAMS[0])]


class MailStates(GoingOn):
    """What partners send, recipients answer and people order, while two replicas plan and send."""

    def __init__(self, office: PostOffice, runner: asyncio.Runner) -> None:
        super().__init__(office, runner)
        self._targets: list[Target] = []
        """All that came and were kept, as often as they came."""
        self._refusals: dict[UUID, IndicatorSettled] = {}
        self._withdrawn: list[ThreatWithdrawn] = []
        self._revisions = count(1)
        self.run(self._begin())

    async def _begin(self) -> None:
        await self.office.clear()
        for slug in SLUGS:
            await self.change_incident(slug, IncidentState.APPROVED)

    @step(weight=7, arrivals=arrivals, is_kept=st.sampled_from([True, True, True, False]))
    async def plan(self, arrivals: Sequence[Arrival], is_kept: bool) -> None:
        """Targets come, in one batch; whoever plans them may die before the batch is kept."""
        batch = [self._target(*arrival) for arrival in arrivals]
        with suppress(Permanent):
            async with self.office.database.transaction() as tx:
                answers = await self.office.plan(tx, batch)
                if not is_kept:
                    raise Permanent("roll it back")
            self._targets += batch
            self.check_answers(batch, answers)
        await self.check()

    @step(weight=4, minutes=st.sampled_from([1, 6, 6, 300, 300, 15 * 24 * 60]))
    async def wait(self, minutes: int) -> None:
        self.office.clock.put_forward(timedelta(minutes=minutes))

    @step(weight=5, email=st.sampled_from([*EMAILS, *TEAMS]), mood=st.sampled_from(Mood))
    async def treat(self, email: str, mood: Mood) -> None:
        self.office.postbox.moods[email] = mood

    @step(is_away=mostly_not)
    async def go_away(self, is_away: bool) -> None:
        """The relay is away, or back."""
        self.office.postbox.is_away = is_away

    @step(slug=slugs, state=st.sampled_from([*3 * [IncidentState.APPROVED], *IncidentState]))
    async def change_incident(self, slug: str, state: IncidentState) -> None:
        change = msgspec.structs.replace(incident(), slug=slug, revision=next(self._revisions), state=state)
        async with self.office.database.transaction() as tx:
            await take_up_incidents([change], tx=tx, now=self.now)
        self.mails.incidents[slug] = state
        self.mails.withdraw_closed()
        await self.check()

    @step(brake=brakes, is_engaged=mostly_not)
    async def brake(self, brake: tuple[BrakeScope, str], is_engaged: bool) -> None:
        scope, value = brake
        order = Brake(
            scope=scope, value=value, engaged=is_engaged, reason="", changed_at=self.now, changed_by="a person"
        )
        async with self.office.database.transaction() as tx:
            await set_brake(tx, order)
        (self.mails.brakes.add if is_engaged else self.mails.brakes.discard)(brake)

    @step(email=st.sampled_from([*EMAILS, *TEAMS]))
    async def opt_out(self, email: str) -> None:
        """Which a team can't."""
        await self._heed(FeedbackKind.OPT_OUT, recipient_key=_recipient(email).key)
        if email not in TEAMS:
            self.mails.silence(email, "opt-out")
        await self.check()

    @step(choice=choices)
    async def call_fixed(self, choice: int) -> None:
        if self._targets:
            threat_id = self._targets[choice % len(self._targets)].threat_id
            await self._heed(FeedbackKind.FIXED, threat_ids=(threat_id,))
            self.mails.fix(threat_id)

    @step(weight=3, choice=choices, corrects=st.sampled_from([True, True, False]))
    async def withdraw(self, choice: int, corrects: bool) -> None:
        """A threat turns out to be none."""
        if self._targets:
            wrong = self._targets[choice % len(self._targets)]
            event = ThreatWithdrawn(
                withdrawal_id=new_id(),
                threat_id=wrong.threat_id,
                asset=wrong.indicator.asset.key,
                incident=wrong.incident,
                reason="false-positive",
                corrects=corrects,
                by="a person",
                at=self.now,
            )
            self._withdrawn.append(event)
            await self._heed_withdrawal(event)

    @step(choice=choices)
    async def withdraw_again(self, choice: int) -> None:
        """The same news comes once more."""
        if self._withdrawn:
            await self._heed_withdrawal(self._withdrawn[choice % len(self._withdrawn)])

    async def _heed_withdrawal(self, event: ThreatWithdrawn) -> None:
        async with self.office.database.transaction() as tx:
            now = self.office.database.now()
            await heed_withdrawals([event], tx=tx, now=now, window=WINDOW, reference_key=GROUPING.reference_key)
        self.mails.withdraw(Withdrawal(event.threat_id, event.at, event.corrects), now=now)
        await self.check()

    @step(value=st.sampled_from([*DOMAINS, *EMAILS, *TEAMS]), is_silent=mostly_not)
    async def suppress(self, value: str, is_silent: bool) -> None:
        """An operator says that nobody is written to there, or that somebody may again, whoever said otherwise."""
        suppression = Suppression(value=value, reason=SuppressionReason.OPERATOR)
        async with self.office.database.transaction() as tx:
            if is_silent:
                await silence(tx, suppression, note="", by="a person", now=self.now)
            else:
                known = await newest_suppressions(tx, before=None, limit=100)
                for each in (each for each in known if each.suppression.value == value):
                    await end_suppression(tx, each.id, by="a person", now=self.now)
        if is_silent:
            self.mails.silence(value, "operator")
        else:
            self.mails.silent.pop(value, None)
        await self.check()

    @step(weight=4, choice=choices, command=st.sampled_from([*Command, Command.RESEND]))
    async def command(self, choice: int, command: Command) -> None:
        if self.mails.all:
            mail = self.mails.all[choice % len(self.mails.all)]
            after: object = None
            with suppress(Problem):
                async with self.office.database.transaction() as tx:
                    after = await command_notification(tx, mail.id, command, note="", by="a person", now=self.now)
            assert (after is not None) == self.mails.command(mail, command, now=self.now)
            await self.check()

    @step(choice=choices)
    async def give_up(self, choice: int) -> None:
        """Attribution answers that nobody else can be told: twice, as news may come."""
        bounced = [mail for mail in self.mails.all if mail.state is State.BOUNCED and not mail.has_gone_on]
        if bounced:
            mail = bounced[choice % len(bounced)]
            for _ in range(2):
                await self._give_up(mail)
            await self.check()

    async def _give_up(self, mail: Mail) -> None:
        exhausted = [
            RecipientsExhausted(target_id=each.target_id, asset=each.indicator.asset.key, at=self.now)
            for each in mail.targets
        ]
        async with self.office.database.transaction() as tx:
            await give_up(exhausted, tx=tx, now=self.now)
        self.mails.give_up(mail)

    def next_after(self, email: str) -> Recipient:
        return _recipient(EMAILS[(EMAILS.index(email) + 1) % len(EMAILS)])

    @property
    def marked_mails(self) -> list[Taken]:
        return [taken for taken in self.office.postbox.taken if taken.is_marked]

    async def settle(self) -> None:
        """Everything that can keep a mail back is lifted, until each has come to its end."""
        postbox = self.office.postbox
        postbox.is_away = False
        postbox.moods.clear()
        for brake in list(self.mails.brakes):
            await self.brake(brake, is_engaged=False)
        await self.release_all()
        for slug in SLUGS:
            await self.change_incident(slug, IncidentState.APPROVED)
        for place in range(REPLICAS):
            await self.let_go(place)
        while any(mail.state not in ENDS for mail in self.mails.all):
            for place, mail in enumerate(self.mails.all):
                if mail.state is State.AWAITING_APPROVAL:
                    await self.command(place, Command.APPROVE)
            await self.wait(300)
            await self.close_due(0, None)
            await self.send(0, None, None)
        for mail in self.mails.all:
            if not mail.has_gone_on:
                await self._give_up(mail)
        await self.check()
        self._check_end()

    def _check_end(self) -> None:
        """Each target's outcome was said exactly once, and nobody got more mails than may be."""
        told = Counter(indicator_id for indicator_id, _ in self.mails.said.elements())
        for each in self._targets:
            refused_at_once = each.indicator_id in self._refusals.keys() - self.mails.taken_out
            assert told[each.indicator_id] + refused_at_once == 1
        copies = Counter(self.office.postbox.taken)
        for mail in self.mails.all:
            assert copies[Taken(mail.id, is_marked=False)] <= 1 + mail.resends
            assert copies[Taken(mail.id, is_marked=True)] <= 1 + mail.resends
            asked = {self.mails.said[each.target_id, "unreachable"] for each in mail.carried}
            assert max(asked, default=0) <= 1 + mail.resends

    def _target(
        self, kind: Kind, choice: int, email: str, slug: str, severity: Severity, confidence: float, copy_to: str
    ) -> Target:
        new = msgspec.structs.replace(
            target(to=_recipient(email), incident=slug, severity=severity, confidence=confidence),
            received_at=self.now,
            copies=(Copy(recipient=_recipient(copy_to), handed_over=ALSO_WARNED),) if copy_to else (),
        )
        if kind is Kind.NEW or not self._targets:
            return new
        earlier = self._targets[choice % len(self._targets)]
        if kind is Kind.AGAIN:
            return earlier
        if kind is Kind.FOR_A_TEAM:
            team = _recipient(copy_to or TEAMS[0])
            return msgspec.structs.replace(
                new, threat_id=earlier.threat_id, recipient=team, incident=earlier.incident, copies=()
            )
        return msgspec.structs.replace(
            new, threat_id=earlier.threat_id, recipient=earlier.recipient, incident=earlier.incident
        )

    def check_answers(self, batch: Sequence[Target], answers: Sequence[IndicatorSettled]) -> None:
        """What is suppressed at once is told at once, and when it comes again the same is told again."""
        indicators = {each.target_id: each.indicator_id for each in batch}
        refused = self.mails.plan(batch, now=self.now)
        assert [(each.indicator_id, each.reason) for each in answers] == [
            (indicators[target_id], reason) for target_id, reason in refused
        ]
        for each in answers:
            assert self._refusals.setdefault(each.indicator_id, each) == each

    async def _heed(
        self, kind: FeedbackKind, *, recipient_key: str | None = None, threat_ids: tuple[UUID, ...] = ()
    ) -> None:
        feedback = FeedbackReceived(
            feedback_id=new_id(),
            kind=kind,
            incident=SLUGS[0],
            at=self.now,
            recipient_key=recipient_key,
            threat_ids=threat_ids,
        )
        async with self.office.database.transaction() as tx:
            await heed_feedback([feedback], tx=tx, now=self.now)


def _recipient(email: str) -> Recipient:
    kind = RecipientKind.NATIONAL_CERT if email in TEAMS else RecipientKind.ORGANISATION
    return recipient(email=email, kind=kind)


@pytest.fixture
def begin(
    database_url: str, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], MailStates]]:
    monkeypatch.setattr("services.notifier.handlers.sender.LOOK_FOR_LOST_SECONDS", 0.0)
    make_tables("notifier", database_url)
    with entered(runner, post_office(database_url)) as office:
        yield lambda: MailStates(office, runner)


def test_each_blow_at_each_point_is_survived(begin: Callable[[], MailStates]) -> None:
    for fate in [*FATES_OF_SENDING, *FATES_OF_PLANNING]:
        with told_of(fate), begin() as example:
            example.run(example.plan(arrivals=ONE_FOR_EACH, is_kept=True))
            example.run(example.wait(minutes=6))
            example.run(example.close_due(which=0, fate=fate if fate.point in PLANNING else None))
            example.run(example.close_due(which=0, fate=None))
            example.run(example.send(which=0, fate=fate if fate.point in SENDING else None, death=None))
            example.run(example.wait(minutes=6))
            example.run(example.send(which=1, fate=None, death=None))
        assert fate in example.struck, "it has struck"


@pytest.mark.parametrize("death", Death)
def test_a_sender_that_dies_while_the_relay_has_its_mail_is_survived(
    begin: Callable[[], MailStates], death: Death
) -> None:
    with begin() as example:
        example.run(example.plan(arrivals=ONE_FOR_EACH, is_kept=True))
        example.run(example.wait(minutes=6))
        example.run(example.close_due(which=0, fate=None))
        example.run(example.send(which=0, fate=None, death=death))
        example.run(example.wait(minutes=6))
        example.run(example.send(which=1, fate=None, death=None))
        assert example.marked_mails, "one was in doubt"


@pytest.mark.parametrize("death", Death)
@pytest.mark.parametrize("mood", [Mood.GOOD, Mood.REJECTS, Mood.NO_SUCH_USER, Mood.CUTS_STORED])
def test_a_copy_is_sent_once_or_marked_and_the_outcome_is_the_organisations_whatever_becomes_of_either(
    begin: Callable[[], MailStates], death: Death, mood: Mood
) -> None:
    with begin() as example:
        example.run(example.plan(arrivals=WITH_A_COPY, is_kept=False))
        example.run(example.plan(arrivals=WITH_A_COPY, is_kept=True))
        example.run(example.plan(arrivals=[(Kind.AGAIN, *WITH_A_COPY[0][1:])], is_kept=True))
        example.run(example.treat(email=TEAMS[0], mood=mood))
        example.run(example.wait(minutes=6))
        example.run(example.close_due(which=0, fate=None))
        example.run(example.send(which=0, fate=None, death=death))
        example.run(example.settle())
        [to_organisation] = [mail for mail in example.mails.all if not mail.is_teams]
        [to_team] = [mail for mail in example.mails.all if mail.is_teams]
        assert to_organisation.targets[0].target_id == to_team.targets[0].copy_of
        outcomes = [outcome for _, outcome in example.mails.said.elements() if outcome != "notification-sent"]
        assert outcomes == ["notified" if to_organisation.state is State.SENT else "failed"]


def test_a_team_that_has_a_copy_is_told_once_more_when_it_is_to_act_itself(begin: Callable[[], MailStates]) -> None:
    with begin() as example:
        example.run(example.plan(arrivals=WITH_A_COPY, is_kept=True))
        example.run(example.wait(minutes=6))
        example.run(example.close_due(which=0, fate=None))
        example.run(example.send(which=0, fate=None, death=None))
        example.run(example.plan(arrivals=[(Kind.FOR_A_TEAM, *WITH_A_COPY[0][1:])], is_kept=True))
        example.run(example.plan(arrivals=[(Kind.SAME_THREAT, *WITH_A_COPY[0][1:])], is_kept=True))
        example.run(example.settle())
        assert [mail.state for mail in example.mails.all if mail.is_teams] == [State.SENT, State.SENT]
        outcomes = Counter(outcome for _, outcome in example.mails.said.elements() if outcome != "notification-sent")
        assert outcomes == {"notified": 1, "out-of-scope": 1}


@pytest.mark.parametrize("is_all", [True, False], ids=["in one batch", "one after the other"])
def test_what_gets_worse_on_its_way_to_the_next_contact_is_told_there_in_one_mail(
    begin: Callable[[], MailStates], is_all: bool
) -> None:
    with begin() as example:
        example.run(example.treat(email=EMAILS[0], mood=Mood.NO_SUCH_USER))
        example.run(example.plan(arrivals=ONE_FOR_EACH[:1], is_kept=True))
        example.run(example.wait(minutes=6))
        example.run(example.close_due(which=0, fate=None))
        example.run(example.send(which=0, fate=None, death=None))
        worse = (Kind.SAME_THREAT, 0, EMAILS[0], SLUGS[0], Severity.CRITICAL, 0.9, "")
        example.run(example.plan(arrivals=[worse], is_kept=True))
        example.run(example.send(which=1, fate=None, death=None))
        assert [mail.state for mail in example.mails.all] == [State.BOUNCED, State.BOUNCED]
        for _ in range(2):
            example.run(example.go_on(choice=0, is_all=is_all, is_kept=True))
        example.run(example.settle())
        [told] = [mail for mail in example.mails.all if mail.address == EMAILS[1]]
        assert (told.state, len(told.targets), told.urgency) == (State.SENT, 2, 0)
        assert len(example.office.postbox.taken) == 1


def test_what_is_cancelled_behind_a_hold_is_behind_it_no_more(begin: Callable[[], MailStates]) -> None:
    with begin() as example:
        example.run(example.plan(arrivals=ONE_FOR_EACH, is_kept=True))
        example.run(example.wait(minutes=6))
        example.run(example.close_due(which=0, fate=None))
        example.run(example.hold(held=(HoldKind.UNUSUAL_VOLUME, BrakeScope.PARTNER, "demo")))
        example.run(example.keep(is_kept=True))
        example.run(example.suppress(value=EMAILS[0], is_silent=True))
        example.run(example.withdraw(choice=1, corrects=True))


def test_what_was_rehearsed_is_sent_once_when_it_is_ordered(begin: Callable[[], MailStates]) -> None:
    with begin() as example:
        for email in EMAILS:
            example.run(example.treat(email=email, mood=Mood.REHEARSES))
        example.run(example.plan(arrivals=ONE_FOR_EACH, is_kept=True))
        example.run(example.wait(minutes=6))
        example.run(example.close_due(which=0, fate=None))
        example.run(example.send(which=0, fate=None, death=None))
        rehearsed = [each for each in example.mails.all if each.state is State.REHEARSED]
        assert rehearsed
        assert not example.office.postbox.taken
        example.office.postbox.moods.clear()
        for mail in rehearsed:
            example.run(example.command(example.mails.all.index(mail), Command.RESEND))
        example.run(example.send(which=1, fate=None, death=None))
        assert len(example.office.postbox.taken) == len(rehearsed)


def test_whoever_dies_a_mail_is_sent_once_or_marked_and_told_of_once(begin: Callable[[], MailStates]) -> None:
    try_plans(MailStates, begin, batches=5, steps=30)
