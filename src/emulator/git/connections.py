"""Connections to git hosts (GitHub, GitLab, Bitbucket), under both of the names that AWS gives this service.

A person confirms a new connection in AWS's console; here nobody has to, so it is AVAILABLE at once.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from moto.utilities.tagging_service import TaggingService

from emulator.core.access import Caller
from emulator.core.errors import AwsError
from emulator.core.service import Service

if TYPE_CHECKING:
    from emulator.core.cloud import Cloud


class CodeConnections(Service):
    """Connections without hosts: the repository of a connection is a local one, below /git."""

    service_name = "codeconnections"

    def __init__(self, cloud: Cloud):
        super().__init__(cloud)
        self._connections: dict[str, dict] = {}  # by ARN
        self._tags = TaggingService()

    def create_connection(self, request: dict, caller: Caller) -> dict:
        if "HostArn" in request:
            raise AwsError(
                "ResourceNotFoundException", f"There is no host {request['HostArn']}: hosts are not emulated."
            )
        arn = self.cloud.arn(self.service_name, f"connection/{uuid.uuid4()}")
        self._connections[arn] = {
            "ConnectionName": request["ConnectionName"],
            "ConnectionArn": arn,
            "ProviderType": request.get("ProviderType", "GitHub"),
            "OwnerAccountId": self.cloud.account_id,
            "ConnectionStatus": "AVAILABLE",
        }
        self._tags.tag_resource(arn, request.get("Tags", []))
        return {"ConnectionArn": arn, "Tags": request.get("Tags", [])}

    def get_connection(self, request: dict, caller: Caller) -> dict:
        return {"Connection": self._find(request["ConnectionArn"])}

    def list_connections(self, request: dict, caller: Caller) -> dict:
        wanted = request.get("ProviderTypeFilter")
        found = [one for one in self._connections.values() if wanted in (None, one["ProviderType"])]
        return {"Connections": found}

    def delete_connection(self, request: dict, caller: Caller) -> dict:
        self._find(request["ConnectionArn"])
        del self._connections[request["ConnectionArn"]]
        self._tags.delete_all_tags_for_resource(request["ConnectionArn"])
        return {}

    def list_tags_for_resource(self, request: dict, caller: Caller) -> dict:
        self._find(request["ResourceArn"])
        return self._tags.list_tags_for_resource(request["ResourceArn"])

    def tag_resource(self, request: dict, caller: Caller) -> dict:
        self._find(request["ResourceArn"])
        self._tags.tag_resource(request["ResourceArn"], request["Tags"])
        return {}

    def untag_resource(self, request: dict, caller: Caller) -> dict:
        self._find(request["ResourceArn"])
        self._tags.untag_resource_using_names(request["ResourceArn"], request["TagKeys"])
        return {}

    def _find(self, arn: str) -> dict:
        if arn not in self._connections:
            raise AwsError("ResourceNotFoundException", f"Connection {arn} not found.")
        return self._connections[arn]


class CodeStarConnections(CodeConnections):
    """The service's name until 2024, which older Terraform resources still call."""

    service_name = "codestar-connections"
