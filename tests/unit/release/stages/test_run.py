from release.stages.run import Deployment, Run


class Session:
    """Gives the name of the service instead of a client."""

    def client(self, service):
        return service


def test_a_run_has_the_clients_that_its_stages_need(platform):
    run = Run(platform, None, "c0ffee", Session())
    assert (run.s3, run.sagemaker) == ("s3", "sagemaker")


def test_a_deployment_knows_its_endpoint_and_where_that_is_described(platform):
    deployment = Deployment(platform, "prod", "arn", Session())
    assert deployment.endpoint_name == "moderation-prod"
    assert deployment.state_key == "endpoint/prod/"
    assert deployment.champion_arn is None
