"""Against a real HTTP server on the loopback address."""

import hashlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from deploy.local.complaints import Complaint
from deploy.local.downloads import fetch_jars, missing_jars
from deploy.local.kafka_lock import Jar, read_lock

CONTENT = bytes(range(256)) * 400


class Repository(ThreadingHTTPServer):
    """Serves CONTENT under every path, parts of it when asked so; breaks off as often as `breaks` says."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.ranges: list[str | None] = []
        self.breaks = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Answer(BaseHTTPRequestHandler):
    server: Repository

    def do_GET(self) -> None:
        asked = self.headers["Range"]
        self.server.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        if self.server.breaks:
            self.server.breaks -= 1
            self.wfile.write(CONTENT[start : start + 1000])
        else:
            self.wfile.write(CONTENT[start:])

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Keeps the test's output quiet."""


class Silence:
    def started(self, *, jars: int) -> None: ...

    def received(self, byte_count: int) -> None: ...

    def finished_one(self) -> None: ...


@pytest.fixture
def repository() -> Iterator[Repository]:
    with Repository() as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def jar(name: str = "a", content: bytes = CONTENT) -> Jar:
    return Jar(group="org.example", artifact=name, version="1", sha256=hashlib.sha256(content).hexdigest())


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_all_jars_arrive(repository: Repository, tmp_path: Path) -> None:
    jars = [jar("a"), jar("b"), jar("c")]

    await fetch_jars(jars, repository=repository.url, folder=tmp_path, progress=Silence())

    assert missing_jars(jars, folder=tmp_path) == []
    assert (tmp_path / "b-1.jar").read_bytes() == CONTENT


async def test_a_jar_that_is_there_is_not_asked_for(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "a-1.jar").write_bytes(CONTENT)

    await fetch_jars([jar()], repository=repository.url, folder=tmp_path, progress=Silence())

    assert repository.ranges == []


async def test_a_download_goes_on_where_it_broke_off(repository: Repository, tmp_path: Path) -> None:
    repository.breaks = 1

    await fetch_jars([jar()], repository=repository.url, folder=tmp_path, progress=Silence())

    assert repository.ranges == [None, "bytes=1000-"]
    assert (tmp_path / "a-1.jar").read_bytes() == CONTENT


async def test_what_came_before_a_failure_is_kept_for_the_next_start(repository: Repository, tmp_path: Path) -> None:
    repository.breaks = 3
    with pytest.raises(Complaint, match="just try again"):
        await fetch_jars([jar()], repository=repository.url, folder=tmp_path, progress=Silence())

    await fetch_jars([jar()], repository=repository.url, folder=tmp_path, progress=Silence())

    assert repository.ranges[-1] == "bytes=3000-"
    assert (tmp_path / "a-1.jar").read_bytes() == CONTENT


async def test_a_file_with_another_checksum_is_refused_and_thrown_away(repository: Repository, tmp_path: Path) -> None:
    with pytest.raises(Complaint, match="SHA-256 differs"):
        await fetch_jars([jar(content=b"x")], repository=repository.url, folder=tmp_path, progress=Silence())

    assert missing_jars([jar()], folder=tmp_path) == [jar()]
    assert names_in(tmp_path) == [".lock"]


async def test_without_network_the_complaint_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Complaint, match="The first start needs the network"):
        await fetch_jars([jar()], repository="http://127.0.0.1:9", folder=tmp_path, progress=Silence())


def test_the_lock_names_kafka_with_checksums_and_no_addresses() -> None:
    locked = read_lock()

    assert "kafka_2.13" in {each.artifact for each in locked}
    assert all(len(each.sha256) == 64 for each in locked)
    assert not any("/" in each.group + each.artifact + each.version for each in locked)
