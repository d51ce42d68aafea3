from pathlib import Path

from deploy.local.layout import Layout
from deploy.local.tail import Tail, follow


def test_a_line_is_told_once_and_only_when_it_is_complete(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("one\ntw")
    tail = Tail(log)

    assert tail.new_lines() == ["one"]
    with log.open("a") as file:
        file.write("o\nthree\n")
    assert tail.new_lines() == ["two", "three"]
    assert tail.new_lines() == []


def test_all_logs_are_followed_with_their_names(tmp_path: Path) -> None:
    layout = Layout(home=tmp_path, cache=tmp_path)
    layout.logs.mkdir()
    (layout.logs / "intake.log").write_text("a\n")
    (layout.logs / "kafka.log").write_text("b\n")

    lines = follow(layout, only=None)

    assert [next(lines), next(lines)] == [("intake", "a"), ("kafka", "b")]
