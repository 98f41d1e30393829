"""The connection to AWS that every command uses."""

import os

import boto3
import botocore.session
from botocore.config import Config


def aws_session() -> boto3.Session:
    """Region and credentials from the environment, as everywhere; retries beyond the default, jobs take long."""
    botocore_session = botocore.session.get_session()
    botocore_session.set_default_client_config(Config(retries={"mode": "standard", "max_attempts": 8}))
    # boto3 by itself reads AWS_DEFAULT_REGION only
    session = boto3.Session(botocore_session=botocore_session, region_name=os.environ.get("AWS_REGION"))
    if session.region_name is None:
        raise ValueError("no AWS region is set; export AWS_REGION, for example AWS_REGION=eu-west-1")
    return session
