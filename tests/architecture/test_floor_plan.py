"""Every service has the same rooms, and doors between them go one way. Why: docs/decisions/0001-shape.md."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SERVICES = sorted(path.name for path in (PROJECT / "services").iterdir() if (path / "__init__.py").exists())

ALWAYS = {"__init__", "__main__", "settings", "app", "api", "handlers", "domain"}
ROOMS = ALWAYS | {"consumer", "store", "gateway", "jobs"}
CONTENT = {"migrations", "advisories", "ladder", "rules", "templates", "static"}

MAY_IMPORT = {
    "__init__": set[str](),
    "__main__": {"app", "settings"},
    "settings": {"domain"},
    "app": {"api", "consumer", "handlers", "store", "gateway", "settings", "domain", "jobs"},
    "api": {"handlers", "domain"},
    "consumer": {"handlers"},
    "handlers": {"domain", "store", "gateway"},
    "jobs": {"handlers", "settings", "domain", "store", "gateway"},
    "store": {"domain"},
    "gateway": {"domain", "settings"},
    "domain": set[str](),
}

WORLD = {
    "aiokafka", "aiosmtplib", "alembic", "asyncio", "asyncpg", "fastapi", "http", "httpx", "os", "pydantic", "random",
    "secrets", "shutil", "smtplib", "socket", "sqlalchemy", "sqlite3", "starlette", "subprocess", "tempfile",
    "threading", "time", "urllib.request", "uvicorn",
}  # fmt: skip
PURE_COMMON = {
    "addresses",
    "books",
    "contracts",
    "delegated",
    "verp",
    "errors",
    "flattening",
    "ids",
    "intervals",
    "languages",
    "places",
    "references",
    "special",
    "status_codes",
    "text",
    "toml_files",
    "toml_lines",
    "vocabulary",
}
CLOCKS = {"now", "utcnow", "today"}

LONGEST_FILE_LINES = 320
LONGEST_FUNCTION_LINES = 60


def python_files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*.py")) if "__pycache__" not in path.parts)


def imports_of(path: Path) -> Iterator[str]:
    """Dotted names that a file imports; `from a import b` counts as `a.b`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; the import path is the disk path here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room_of(path: Path, service: str) -> str:
    first = path.relative_to(PROJECT / "services" / service).parts[0]
    return first.removesuffix(".py")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_the_rooms_of_the_floor_plan_and_no_others(service: str) -> None:
    found = {
        path.name.removesuffix(".py")
        for path in (PROJECT / "services" / service).iterdir()
        if path.name != "__pycache__"
    }
    assert found >= ALWAYS, f"{service} lacks {sorted(ALWAYS - found)}: who knows one service must know all"
    stray = found - ROOMS - CONTENT
    assert not stray, f"{service} has {sorted(stray)}, which the floor plan has no room for; see docs/for-developers.md"


@pytest.mark.parametrize("service", SERVICES)
def test_doors_in_a_service_go_one_way(service: str) -> None:
    for path in python_files(PROJECT / "services" / service):
        room = room_of(path, service)
        if room == "migrations":
            continue
        for name in imports_of(path):
            parts = name.split(".")
            if parts[:2] == ["services", service] and len(parts) > 2 and parts[2] != room:
                assert parts[2] in MAY_IMPORT[room], (
                    f"{path.relative_to(PROJECT)} imports {name}: {room} may only know {sorted(MAY_IMPORT[room])}, "
                    "so that edges can change without the rules, and the rules without the edges"
                )


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_never_imports_a_sibling(service: str) -> None:
    for path in python_files(PROJECT / "services" / service):
        for name in imports_of(path):
            parts = name.split(".")
            assert parts[0] != "services" or parts[1] in {service, service}, (
                f"{path.relative_to(PROJECT)} imports {name}: services meet on topics only, or one can't be scaled, "
                "replaced or stopped without the other"
            )


def test_what_is_shared_never_imports_a_service() -> None:
    for path in python_files(PROJECT / "libs"):
        for name in imports_of(path):
            assert not name.startswith("services"), (
                f"{path.relative_to(PROJECT)} imports {name}: libs is below services"
            )


@pytest.mark.parametrize("service", SERVICES)
def test_the_domain_touches_nothing_of_the_world(service: str) -> None:
    domain = PROJECT / "services" / service / "domain"
    files = list(python_files(domain)) or [domain.with_suffix(".py")]
    for path in files:
        for name in imports_of(path):
            parts = name.split(".")
            assert not {parts[0], name, ".".join(parts[:2])} & WORLD, (
                f"{path.relative_to(PROJECT)} imports {name}: a decision is a pure function, testable with literals"
            )
            if parts[:2] == ["libs", "common"]:
                assert parts[2] in PURE_COMMON, f"{path.relative_to(PROJECT)} imports {name}, which is not pure"
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            assert not (isinstance(call.func, ast.Attribute) and call.func.attr in CLOCKS), (
                f"{path.relative_to(PROJECT)}:{call.lineno} reads a clock: in the domain, now is an argument"
            )


@pytest.mark.parametrize("service", SERVICES)
def test_a_store_never_commits(service: str) -> None:
    store = PROJECT / "services" / service / "store"
    for path in list(python_files(store)) or [store.with_suffix(".py")]:
        if path.exists():
            assert ".commit(" not in path.read_text(), f"{path}: one batch is one transaction; only the edge commits"


def broad_excepts() -> Iterator[str]:
    for folder in ("libs", "services"):
        for path in python_files(PROJECT / folder):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ExceptHandler) and (
                    node.type is None
                    or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"})
                ):
                    yield f"{path.relative_to(PROJECT)}"


def test_only_the_consumer_loop_catches_everything() -> None:
    assert list(broad_excepts()) == ["libs/common/consumer.py"], "a failure has a type; see libs/common/errors.py"


def test_no_file_and_no_function_outgrows_a_readers_patience() -> None:
    too_long = []
    for folder in ("libs", "services", "deploy", "bench"):
        for path in python_files(PROJECT / folder):
            source = path.read_text()
            if source.count("\n") > LONGEST_FILE_LINES:
                too_long.append(f"{path.relative_to(PROJECT)}: split it into a folder of the same name")
            too_long += [
                f"{path.relative_to(PROJECT)}:{node.lineno} {node.name}"
                for node in ast.walk(ast.parse(source))
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                and (node.end_lineno or 0) - node.lineno > LONGEST_FUNCTION_LINES
                and node.name not in {"routes", "routers"}
            ]
    assert not too_long
