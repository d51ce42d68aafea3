"""The command line: which words start which command."""

import argparse
import logging

from rich.console import Console

from deploy.local import commands, status, tail
from deploy.local.complaints import Complaint
from deploy.local.kafka_lock import LOCK_FILE, lock_kafka
from deploy.local.layout import Layout


def main() -> int:
    """Returns the exit code."""
    arguments = _parser().parse_args()
    # Addresses and log lines are shown as they are: no colours guessed, no square brackets read as markup, no wrapping.
    console = Console(highlight=False, markup=False, soft_wrap=True)
    # What the client says while a broker starts or stops is expected here.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        _obey(arguments, layout=Layout.from_environment(), console=console)
    except Complaint as complaint:
        console.print(str(complaint))
        return 1
    return 0


def _obey(arguments: argparse.Namespace, *, layout: Layout, console: Console) -> None:
    match arguments.command:
        case "up":
            commands.up(layout, console=console)
        case "run":
            commands.run(layout, console=console)
        case "down":
            commands.down(layout, console=console)
        case "clean":
            commands.clean(layout, console=console)
        case "status":
            status.show(layout, as_json=arguments.json, console=console)
        case "logs":
            for name, line in tail.follow(layout, only=arguments.name):
                console.print(f"{name:<14} {line}")
        case "lock-kafka":
            console.print(f"{LOCK_FILE}: {lock_kafka()} files.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description="The whole stack on one machine.")
    commands_ = parser.add_subparsers(dest="command", required=True)
    commands_.add_parser("up", help="start the stack in the background")
    commands_.add_parser("run", help="run the stack here until Ctrl-C")
    commands_.add_parser("down", help="stop the stack")
    commands_.add_parser("clean", help="stop the stack and delete what it kept")
    commands_.add_parser("status", help="what runs").add_argument("--json", action="store_true")
    commands_.add_parser("logs", help="follow the logs").add_argument("name", nargs="?", help="of one part only")
    commands_.add_parser("lock-kafka", help="resolve Kafka's files anew")
    return parser
