"""Connections to git hosts, under both names of the service."""

import pytest
from botocore.exceptions import ClientError

from emulator.core.errors import AwsError
from emulator.git.connections import CodeConnections


@pytest.mark.parametrize("service", ["codeconnections", "codestar-connections"])
def test_a_connection_is_available_until_it_is_deleted(aws, service):
    client = aws(service)
    arn = client.create_connection(ConnectionName="c", ProviderType="GitLab", Tags=[{"Key": "k", "Value": "v"}])[
        "ConnectionArn"
    ]
    assert arn.startswith(f"arn:aws:{service}:us-east-1:123456789012:connection/")
    assert client.get_connection(ConnectionArn=arn)["Connection"]["ConnectionStatus"] == "AVAILABLE"
    assert client.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "k", "Value": "v"}]
    client.delete_connection(ConnectionArn=arn)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.get_connection(ConnectionArn=arn)


def test_connections_are_found_by_provider_and_have_no_hosts(cloud):
    connections = CodeConnections(cloud)
    for provider in ("GitHub", "GitLab"):
        connections.create_connection({"ConnectionName": provider, "ProviderType": provider}, None)
    found = connections.list_connections({"ProviderTypeFilter": "GitLab"}, None)["Connections"]
    assert [one["ConnectionName"] for one in found] == ["GitLab"]
    with pytest.raises(AwsError, match="hosts are not emulated"):
        connections.create_connection({"ConnectionName": "c", "HostArn": "arn:h"}, None)
