"""`make up`, `make push` and `make down`: the platform on this machine without the demo around it."""

import argparse
from pathlib import Path

from laptop.data_file import check_data_file, upload_data
from laptop.emulator_process import check_answers, start_emulator, stop_emulator
from laptop.machine import BRANCH, REPOSITORY, Laptop, LaptopError
from laptop.platform import apply_platform, destroy_endpoints, destroy_platform, platform_outputs
from laptop.screen import Screen
from laptop.source import push


def up(argv: list[str] | None = None) -> int:
    """`make up`: emulator and platform, no push."""
    parser = argparse.ArgumentParser(prog="python -m laptop up", description=up.__doc__)
    parser.add_argument("--data", type=Path, help="labelled file; default: the seeded demonstration set")
    arguments = parser.parse_args(argv)

    laptop, screen = Laptop(), Screen()
    try:
        if arguments.data is not None:
            check_data_file(arguments.data)
        laptop.directory.mkdir(exist_ok=True)
        start_emulator(laptop, screen)
        apply_platform(laptop, screen)
        upload_data(laptop, platform_outputs(laptop)["data_bucket"], arguments.data)
    except LaptopError as error:
        screen.block(str(error))
        return 1

    screen.block(f"        git remote: {laptop.url}/git/{REPOSITORY}, branch {BRANCH}")
    screen.block(how_to_go_on(laptop))
    return 0


def how_to_go_on(laptop: Laptop) -> str:
    """What a person can do with a platform that stays up."""
    return (
        f"\n        It stays up. `. {laptop.directory / 'aws.env'}` points aws and boto3 at it "
        f"(AWS_ENDPOINT_URL={laptop.url}).\n"
        '        make status | logs | push | approve | reject | invoke TEXT="..." | down'
    )


def push_tree(argv: list[str] | None = None) -> int:
    """`make push`: the working tree as it is to the running platform."""
    argparse.ArgumentParser(prog="python -m laptop push", description=push_tree.__doc__).parse_args(argv)
    laptop, screen = Laptop(), Screen()
    try:
        execution = push(laptop, platform_outputs(laptop)["pipeline_name"], screen)
    except LaptopError as error:
        screen.block(str(error))
        return 1
    screen.line(f"pipeline   execution {execution.id} started; make status, make logs")
    return 0


def down(argv: list[str] | None = None) -> int:
    """`make down`: the endpoints, the platform and the emulator, with the proof that nothing is left."""
    parser = argparse.ArgumentParser(prog="python -m laptop down", description=down.__doc__)
    parser.add_argument("--force", action="store_true", help="only stop the emulator, with all that is in it")
    arguments = parser.parse_args(argv)

    laptop, screen = Laptop(), Screen()
    if arguments.force:
        stop_emulator(laptop)
        screen.line("emulator   stopped; nothing was destroyed one by one")
        return 0
    if laptop.process_id is None:
        screen.block("        no emulator runs here: nothing to take down")
        stop_emulator(laptop)
        return 0

    try:
        check_answers(laptop)
        destroy_endpoints(laptop, screen)
        destroy_platform(laptop, screen)
    except LaptopError as error:
        screen.block(f"{error}\n`make down FORCE=1` stops the emulator, with all that is left in it.")
        return 1
    stop_emulator(laptop)
    screen.line("emulator   stopped")
    return 0
