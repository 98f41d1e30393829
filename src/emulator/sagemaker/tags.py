"""Tags of SageMaker resources, by ARN: kept by moto's tagging service, which each part is given."""

from __future__ import annotations

from moto.utilities.tagging_service import TaggingService

from emulator.core.access import Caller


class TagOperations:
    """AddTags, ListTags and DeleteTags, on every ARN."""

    def __init__(self, tags: TaggingService):
        self._tags = tags

    def add_tags(self, request: dict, caller: Caller) -> dict:
        self._tags.tag_resource(request["ResourceArn"], request["Tags"])
        return self._listed(request["ResourceArn"])

    def list_tags(self, request: dict, caller: Caller) -> dict:
        return self._listed(request["ResourceArn"])

    def delete_tags(self, request: dict, caller: Caller) -> dict:
        self._tags.untag_resource_using_names(request["ResourceArn"], request["TagKeys"])
        return {}

    def _listed(self, arn: str) -> dict:
        tags = self._tags.list_tags_for_resource(arn)["Tags"]
        return {"Tags": sorted(tags, key=lambda tag: tag["Key"])}
