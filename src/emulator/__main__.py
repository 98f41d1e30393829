"""`python -m emulator serve`: the embedded AWS in one process."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from pathlib import Path


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m emulator", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="answer AWS requests on 127.0.0.1 until SIGTERM or Ctrl-C")
    serve.add_argument("--root", type=Path, required=True, help="directory for all state, logs and repositories")
    serve.add_argument("--port", type=int, default=4566, help="port on 127.0.0.1; 0 takes a free one (default 4566)")
    serve.add_argument(
        "--time-scale",
        type=float,
        default=1.0,
        help="divides waiting periods that AWS defines in minutes: alarm periods, canary waits (default 1)",
    )
    serve.add_argument(
        "--enforce-iam",
        action="store_true",
        help="deny what the caller's role does not allow; without it denials are only recorded in denials.jsonl",
    )

    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    # The developer's own AWS settings must reach neither our clients nor the builds.
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    return _serve(arguments)


def _serve(arguments: argparse.Namespace) -> int:
    from emulator.server import Emulator  # moto takes a second to import: not for --help

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        emulator = Emulator(
            arguments.root, arguments.port, time_scale=arguments.time_scale, enforce_iam=arguments.enforce_iam
        )
    except OSError as error:
        print(f"The emulator can't start: {error}.", file=sys.stderr)
        return 1
    emulator.start()
    print(f"The emulator answers at {emulator.cloud.url}, state in {emulator.cloud.root}", file=sys.stderr, flush=True)
    stop.wait()
    emulator.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
