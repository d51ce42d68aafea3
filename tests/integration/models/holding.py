"""Holds in the model of mails: put up, looked after, released, and what waits for them taken back."""

from collections import Counter
from contextlib import suppress
from math import ceil

from hypothesis import strategies as st

from libs.common.errors import Permanent
from libs.common.ids import new_id
from services.notifier.domain.brakes.first_wave import FirstWavePolicy
from services.notifier.domain.brakes.holds import Hold, HoldKind, HoldState
from services.notifier.domain.brakes.release import ReleasePolicy
from services.notifier.domain.brakes.volume import VolumePolicy
from services.notifier.domain.notification import BrakeScope, State
from services.notifier.handlers.holding import cancel_held, release_hold
from services.notifier.handlers.keeping import BrakePolicy, carry_out, keep
from services.notifier.store import holds
from tests.integration.models.machine import step
from tests.integration.models.mail import WAITING, Mail
from tests.integration.models.sending import Work

SAMPLE, SHARE = 2, 0.5
POLICY = BrakePolicy(
    first_wave=FirstWavePolicy(mails=SAMPLE, share=SHARE),
    volume=VolumePolicy(is_on=False, floors={}),
    release=ReleasePolicy(),
)
ANY_AMOUNT = 10**6

kept_back = st.sampled_from(
    [
        (HoldKind.FIRST_WAVE, BrakeScope.INCIDENT, "open-smb"),
        (HoldKind.FIRST_WAVE, BrakeScope.INCIDENT, "open-smb"),
        (HoldKind.UNUSUAL_VOLUME, BrakeScope.INCIDENT, "open-rdp"),
        (HoldKind.UNUSUAL_VOLUME, BrakeScope.PARTNER, "demo"),
    ]
)


class Holding(Work):
    """The part of the machine of `test_mail_states.py` that keeps mails back until a person has looked."""

    @step(held=kept_back)
    async def hold(self, held: tuple[HoldKind, BrakeScope, str]) -> None:
        kind, scope, value = held
        hold = Hold(
            id=new_id(), kind=kind, scope=scope, value=value, state=HoldState.STANDING, reason="", since=self.now
        )
        async with self.office.database.transaction() as tx:
            await holds.put_up(tx, [hold])
        self.mails.holds.add(held)

    @step(weight=3, is_kept=st.sampled_from([True, True, True, False]))
    async def keep(self, is_kept: bool) -> None:
        """A round of a keeper, who may die before it is kept."""
        with suppress(Permanent):
            async with self.office.database.transaction() as tx:
                await keep(tx, policy=POLICY, now=self.now)
                if not is_kept:
                    raise Permanent("roll it back")
            self._draw()
        await self.check()

    @step(held=kept_back)
    async def release(self, held: tuple[HoldKind, BrakeScope, str]) -> None:
        if (hold := await self._standing(held)) is not None:
            async with self.office.database.transaction() as tx:
                await release_hold(
                    tx, hold.id, seen=ANY_AMOUNT, by="a person", note="", policy=POLICY.release, now=self.now
                )
            self.mails.holds.discard(held)
            await self.keep(is_kept=True)

    @step(held=kept_back)
    async def cancel_what_waits(self, held: tuple[HoldKind, BrakeScope, str]) -> None:
        """All of it, in more than one round, of which one is lost."""
        if (hold := await self._standing(held)) is None:
            return
        async with self.office.database.transaction() as tx:
            await cancel_held(tx, hold.id, seen=ANY_AMOUNT, by="a person", note="", now=self.now)
        with suppress(Permanent):
            async with self.office.database.transaction() as tx:
                await carry_out(tx, now=self.now)
                raise Permanent("roll it back")
        has_more = True
        while has_more:
            async with self.office.database.transaction() as tx:
                has_more = await carry_out(tx, now=self.now)
        self.mails.cancel_kept_back(held)
        await self.check()

    async def release_all(self) -> None:
        for held in list(self.mails.holds):
            await self.release(held)
        await self.keep(is_kept=True)

    async def _standing(self, held: tuple[HoldKind, BrakeScope, str]) -> Hold | None:
        async with self.office.database.transaction() as tx:
            standing = {(each.kind, each.scope, each.value): each for each in await holds.standing_holds(tx)}
        assert standing.keys() == self.mails.holds
        return standing.get(held)

    def _draw(self) -> None:
        """The lowest ids of what waits go with a first wave, as far as it has room: in turns those to organisations and
        those to teams, of which there are fewer so far first.
        """
        for kind, _, slug in self.mails.holds:
            if kind is HoldKind.FIRST_WAVE:
                about = [mail for mail in self.mails.all if mail.corrects is None and mail.incident == slug]
                chosen = [mail for mail in about if mail.is_sample and not mail.was_never_to_go]
                total = len([mail for mail in about if mail.state not in {State.CANCELLED, State.REHEARSED}])
                waiting = sorted(
                    (mail for mail in about if mail.state in WAITING and not mail.is_sample), key=lambda mail: mail.id
                )
                kinds = len({mail.is_teams for mail in (*chosen, *waiting)})
                room = min(SAMPLE, total, max(kinds, ceil(SHARE * total))) - len(chosen)
                taken = Counter(mail.is_teams for mail in chosen)
                for _ in range(min(room, len(waiting))):
                    mail = min(waiting, key=lambda each: (taken[each.is_teams], each.is_teams))
                    waiting.remove(mail)
                    mail.is_sample = True
                    taken[mail.is_teams] += 1

    async def check(self) -> None:
        await super().check()
        for row in (await self.office.notifications()).values():
            mail = self._mail(row["id"])
            assert row["is_sample"] == mail.is_sample
            is_behind = mail.state in WAITING and self.mails.is_kept_back(mail)
            assert is_behind or not row["is_held"], "nobody looks for it any more"

    def _mail(self, notification_id: object) -> Mail:
        return next(mail for mail in self.mails.all if mail.id == notification_id)
