"""CodeCommit: repositories that git reads and writes at /v1/repos/<name>."""

from __future__ import annotations

from emulator.service import Service

CODECOMMIT_OWNER = "codecommit"  # where CodeCommit's repositories lie among those of the other providers


class CodeCommit(Service):
    service_name = "codecommit"
