"""`python -m laptop COMMAND`: the product on this machine, against the emulator."""

import sys

from laptop import commands, demo

COMMANDS = {
    "demo": (demo.main, "run the whole pipeline on this machine"),
    "up": (commands.up, "start the emulator and apply the platform"),
    "push": (commands.push_tree, "push this working tree to the platform that runs here"),
    "down": (commands.down, "destroy the platform that runs here and stop the emulator"),
}


def main(argv: list[str] | None = None) -> int:
    """Hand the arguments to one command, which has a parser of its own; 2 on wrong usage."""
    argv = sys.argv[1:] if argv is None else argv
    if argv and argv[0] in COMMANDS:
        command, _ = COMMANDS[argv[0]]
        return command(argv[1:])
    lines = [f"  {name:<6} {purpose}" for name, (_, purpose) in COMMANDS.items()]
    asked = bool(argv) and argv[0] in ("-h", "--help")
    print("\n".join(["usage: python -m laptop COMMAND [--help]", "", *lines]), file=sys.stdout if asked else sys.stderr)
    return 0 if asked else 2


if __name__ == "__main__":
    sys.exit(main())
