"""Application Auto Scaling is moto's, recorded only, but for tags.

The gap in moto 5.2.5: ListTagsForResource, TagResource and UntagResource are not implemented, and
RegisterScalableTarget drops its Tags. Terraform reads and writes them, and policies are conditioned on them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from moto.applicationautoscaling.models import applicationautoscaling_backends
from moto.utilities.tagging_service import TaggingService

from emulator.core.access import Caller
from emulator.core.errors import AwsError
from emulator.core.service import Service

if TYPE_CHECKING:
    from emulator.core.cloud import Cloud


class ApplicationAutoScaling(Service):
    """The tags of scalable targets; all else is moto's."""

    service_name = "application-autoscaling"
    rest_to_moto = True

    def __init__(self, cloud: Cloud):
        super().__init__(cloud)
        self._tags = TaggingService()  # by ARN of the scalable target

    def register_scalable_target(self, request: dict, caller: Caller) -> dict:
        tags = request.pop("Tags", {})
        try:
            answer = self.cloud.moto_client(self.service_name).register_scalable_target(**request)
        except ClientError as error:
            raise AwsError.from_client(error) from error
        self._tags.tag_resource(answer["ScalableTargetARN"], TaggingService.convert_dict_to_tags_input(tags))
        return {"ScalableTargetARN": answer["ScalableTargetARN"]}

    def list_tags_for_resource(self, request: dict, caller: Caller) -> dict:
        return {"Tags": self._tags.get_tag_dict_for_resource(self._known(request["ResourceARN"]))}

    def tag_resource(self, request: dict, caller: Caller) -> dict:
        tags = TaggingService.convert_dict_to_tags_input(request["Tags"])
        self._tags.tag_resource(self._known(request["ResourceARN"]), tags)
        return {}

    def untag_resource(self, request: dict, caller: Caller) -> dict:
        self._tags.untag_resource_using_names(self._known(request["ResourceARN"]), request["TagKeys"])
        return {}

    def tags_for_policies(self, request: dict) -> dict[str, str]:
        """Tags of the scalable target, whose id is random; {} where there is none, or none yet."""
        arn = request.get("ResourceARN")
        if arn is None:
            targets = applicationautoscaling_backends[self.cloud.account_id][self.cloud.region].targets
            target = targets.get(request.get("ScalableDimension", ""), {}).get(request.get("ResourceId", ""))
            arn = target.arn if target else ""
        return self._tags.get_tag_dict_for_resource(arn)

    def _known(self, arn: str) -> str:
        if not self._tags.has_tags(arn):
            raise AwsError("ResourceNotFoundException", f"The specified resource doesn't exist: {arn}")
        return arn
