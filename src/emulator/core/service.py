"""What every service that we emulate ourselves has in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from botocore import xform_name

from emulator.core.access import Caller
from emulator.core.errors import AwsError

if TYPE_CHECKING:
    from emulator.core.cloud import Cloud


class Service:
    """One AWS service. An operation is a method `(self, request: dict, caller: Caller) -> dict`.

    The method has the operation's name as boto3 spells it (`StartBuild` is `start_build`). `request` has been
    parsed and validated against botocore's model; the answer is checked against the model too, so that a wrong
    member is our own error (status 500) and never reaches a client. A service of several concerns is put together of
    `parts`, whose methods are operations as well.
    """

    service_name: ClassVar[str]  # botocore's name: "codebuild"
    moto_operations: ClassVar[frozenset[str]] = frozenset()  # go on to moto untouched: {"ListTags"}
    rest_to_moto: ClassVar[bool] = False  # True for an overlay: what has no method here goes on to moto
    validation_error_code: ClassVar[str] = "ValidationException"  # what this service calls malformed input

    def __init__(self, cloud: Cloud):
        self.cloud = cloud
        self.parts: tuple[object, ...] = ()

    def start(self) -> None:
        """Called once the emulator answers requests: background work begins here."""

    def stop(self) -> None:
        """Called before the emulator ends: background work ends here."""

    def on_demand(self, action: str, name: str) -> None:
        """What `POST /_emulator/<service>/<action>/<name>` asks for. Raises AwsError (404) for an unknown action."""
        raise AwsError("NotFound", f"{self.service_name} has no action {action!r}", status=404)

    def policy_of(self, resource: str) -> str | None:
        """The policy, as JSON, that hangs on a resource of this service, and None where there is none."""
        return None

    def tags_for_policies(self, request: dict) -> dict[str, str]:
        """Tags of the resource that a request is about, where its ARN does not tell whose it is."""
        return {}

    def source_changed(self, repository: str, branch: str, commit: str, message: str, changed_paths: list[str]) -> None:
        """A push moved `branch` of a repository to `commit`, and these paths differ."""

    def operation(self, name: str) -> Callable[[dict, Caller], dict | None] | None:
        """The method of an operation, or None where moto answers.

        Raises AwsError (501) for an operation that neither we nor moto emulate.
        """
        method_name = xform_name(name)
        if not hasattr(Service, method_name):
            for owner in (self, *self.parts):
                if hasattr(owner, method_name):
                    return getattr(owner, method_name)
        if self.rest_to_moto or name in self.moto_operations:
            return None
        raise not_emulated(self.service_name, name)


def not_emulated(service_name: str, operation: str) -> AwsError:
    """The honest answer for what this emulator can't do."""
    return AwsError(
        "NotImplementedException",
        f"{service_name}:{operation} is not emulated. docs/emulator.md lists what is.",
        status=501,
    )
