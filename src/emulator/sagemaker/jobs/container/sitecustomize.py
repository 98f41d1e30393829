"""Makes `algo-1`, `algo-2`, ... resolve to this machine, where all instances of an emulated job live.

Python runs this file at the start of each process of a job, whose PYTHONPATH holds this directory. On AWS the
container network resolves these names.
"""

import re
import socket

INSTANCE_NAME = re.compile(r"algo-[0-9]+")


def _on_loopback(resolve):
    def resolve_instance(host, *arguments, **options):
        here = isinstance(host, str) and INSTANCE_NAME.fullmatch(host)
        return resolve("127.0.0.1" if here else host, *arguments, **options)

    return resolve_instance


socket.getaddrinfo = _on_loopback(socket.getaddrinfo)
socket.gethostbyname = _on_loopback(socket.gethostbyname)
