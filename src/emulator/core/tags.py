"""Tags of SageMaker resources, by ARN."""

from emulator.core.access import Caller


class TagOperations:
    """AddTags, ListTags and DeleteTags. The operations that make or delete a resource call the two helpers."""

    def __init__(self, cloud):
        super().__init__(cloud)
        self._tags: dict[str, dict[str, str]] = {}

    def remember_tags(self, arn: str, tags: list[dict]) -> None:
        """Adds tags ({"Key", "Value"}) to a resource; an existing key gets the new value."""
        self._tags.setdefault(arn, {}).update({tag["Key"]: tag["Value"] for tag in tags})

    def forget_tags(self, arn: str) -> None:
        """Drops the tags of a deleted resource."""
        self._tags.pop(arn, None)

    def add_tags(self, request: dict, caller: Caller) -> dict:
        self.remember_tags(request["ResourceArn"], request["Tags"])
        return {"Tags": self._listed(request["ResourceArn"])}

    def list_tags(self, request: dict, caller: Caller) -> dict:
        return {"Tags": self._listed(request["ResourceArn"])}

    def delete_tags(self, request: dict, caller: Caller) -> dict:
        tags = self._tags.get(request["ResourceArn"], {})
        for key in request["TagKeys"]:
            tags.pop(key, None)
        return {}

    def _listed(self, arn: str) -> list[dict]:
        return [{"Key": key, "Value": value} for key, value in sorted(self._tags.get(arn, {}).items())]
