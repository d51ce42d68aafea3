"""`/v1/feedback`: what the desk reads."""

from libs.common.links import Links
from tests.integration.feedback.conftest import Running
from tests.integration.feedback.mails import mail


async def given(running: Running, links: Links) -> None:
    """Three answers and two ratings, of two incidents."""
    await running.hear(mail("a"), mail("b", incident="zimbra"))
    for name, kind in (("a", "fixed"), ("a", "question"), ("b", "not-ours")):
        page = f"/r/{links.recipient_token(mail(name).notification_id)}"
        await running.browser.post(page, data={"kind": kind, "text": "=HYPERLINK(1)<b>"})
    for n in range(2):
        await running.browser.post(
            f"/f/{links.rating_token('open-smb', bytes([n]) * 12)}", data={"useful": "5", "clear": "4"}
        )


async def test_only_operators_read_feedback(running: Running) -> None:
    answer = await running.browser.get("/v1/feedback")

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


async def test_ratings_and_answers_come_as_one_list_newest_first_page_by_page(
    running: Running, links: Links, viewer: dict[str, str]
) -> None:
    await given(running, links)
    seen, cursor = [], ""
    for _ in range(3):
        answer = await running.browser.get(f"/v1/feedback?limit=2{cursor}", headers=viewer)
        seen += answer.json()["items"]
        cursor = f"&cursor={answer.json()['next']}"

    assert answer.json()["next"] is None
    assert [item["kind"] for item in seen[:3]] == ["not-ours", "question", "fixed"]
    assert [item["kind"] for item in seen[3:]] == ["rating", "rating"]
    assert len({item["feedback_id"] for item in seen}) == 5
    assert seen[0]["reference"] == mail("b").reference
    assert {item["notification_id"] for item in seen[3:]} == {None}


async def test_feedback_can_be_had_by_kind_and_by_incident(
    running: Running, links: Links, viewer: dict[str, str]
) -> None:
    await given(running, links)

    async def kinds(query: str) -> list[str]:
        answer = await running.browser.get(f"/v1/feedback?{query}", headers=viewer)
        return [item["kind"] for item in answer.json()["items"]]

    assert await kinds("kind=question") == ["question"]
    assert await kinds("kind=rating") == ["rating", "rating"]
    assert await kinds("incident=zimbra") == ["not-ours"]
    assert await kinds("kind=rating&incident=zimbra") == []


async def test_a_broken_cursor_or_kind_is_a_problem(running: Running, viewer: dict[str, str]) -> None:
    for query, status in (
        ("cursor=nonsense", 400),
        ("cursor=WyJhIiwiYiJd", 400),
        ("kind=gossip", 422),
        ("limit=0", 422),
    ):
        answer = await running.browser.get(f"/v1/feedback?{query}", headers=viewer)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
