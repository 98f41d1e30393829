"""SageMaker Runtime: InvokeEndpoint, handed on to the model server of a variant."""

from __future__ import annotations

import time

from emulator.core.access import Caller
from emulator.core.cloud import Cloud
from emulator.core.errors import AwsError
from emulator.core.service import Service
from emulator.sagemaker.hosting.deployment import Endpoint, Variant
from emulator.sagemaker.hosting.endpoints import Endpoints
from emulator.sagemaker.hosting.fleet import ModelAnswer, UnavailableError
from emulator.sagemaker.hosting.metrics import Invocation

LARGEST_BODY_BYTES = 6_291_456  # BodyBlob in botocore's model
LONGEST_MESSAGE = 2048
ANSWERING = {"InService", "Updating", "SystemUpdating", "RollingBack"}
ABSENT = ("TargetModel", "TargetContainerHostname", "InferenceComponentName", "EnableExplanations", "SessionId")


class SageMakerRuntime(Service):
    """InvokeEndpoint. Streaming and asynchronous invocations are not emulated."""

    service_name = "sagemaker-runtime"
    validation_error_code = "ValidationError"

    def __init__(self, cloud: Cloud, endpoints: Endpoints):
        super().__init__(cloud)
        self._endpoints = endpoints

    def invoke_endpoint(self, request: dict, caller: Caller) -> dict:
        started = time.monotonic()
        if asked := [member for member in ABSENT if member in request]:
            raise AwsError("NotImplementedException", f"InvokeEndpoint with {asked[0]} is not emulated.", status=501)
        endpoint = self._endpoint(request["EndpointName"])
        body = request["Body"]
        if len(body) > LARGEST_BODY_BYTES:
            raise AwsError(
                "ValidationError",
                f"1 validation error detected: Value at 'body' failed to satisfy constraint: Member must have length "
                f"less than or equal to {LARGEST_BODY_BYTES}",
            )

        variant = endpoint.acquire(request.get("TargetVariant"))
        if variant is None:
            raise self._nobody_answers(endpoint, request.get("TargetVariant"))

        sent = time.monotonic()
        status = 503
        try:
            answer = variant.fleet.invoke(body, _headers(request))
            status = answer.status
        except UnavailableError as error:
            raise AwsError("ServiceUnavailable", f"{error}.", status=503) from error
        except TimeoutError as error:
            raise self._model_error(variant, 0, _TIMED_OUT) from error
        finally:
            answered = time.monotonic()
            endpoint.release(variant)
            self._endpoints.record_invocation(
                Invocation(
                    endpoint.name,
                    variant.fleet.variant_name,
                    variant.instance_count or 1,
                    status,
                    model_seconds=answered - sent,
                    overhead_seconds=sent - started,
                )
            )

        if answer.status >= 400:
            raise self._model_error(variant, answer.status, _text(answer))
        return {
            "Body": answer.body,
            "ContentType": answer.content_type,
            "InvokedProductionVariant": variant.fleet.variant_name,
            "CustomAttributes": answer.custom_attributes,
        }

    def _endpoint(self, name: str) -> Endpoint:
        try:
            endpoint = self._endpoints.find(name)
        except AwsError as error:
            raise AwsError(
                "ValidationError", f"Endpoint {name} of account {self.cloud.account_id} not found."
            ) from error
        if endpoint.status not in ANSWERING:
            raise AwsError(
                "ValidationError",
                f"Endpoint {name} of account {self.cloud.account_id} is {endpoint.status}; expected InService.",
            )
        return endpoint

    def _nobody_answers(self, endpoint: Endpoint, target_variant: str | None) -> AwsError:
        if target_variant is not None:
            return AwsError("ValidationError", f"Variant {target_variant} not found for endpoint {endpoint.name}.")
        return AwsError(
            "ServiceUnavailable", f"No variant of endpoint {endpoint.name} has a weight above 0.", status=503
        )

    def _model_error(self, variant: Variant, status: int, message: str) -> AwsError:
        fleet = variant.fleet
        kind = "client" if 400 <= status < 500 else "server"
        where = (
            f"https://{self.cloud.region}.console.aws.amazon.com/cloudwatch/home?region={self.cloud.region}"
            f"#logEventViewer:group={fleet.log_group} in account {self.cloud.account_id}"
        )
        return AwsError(
            "ModelError",
            f'Received {kind} error ({status}) from {fleet.container.hostname} with message "{message}". '
            f"See {where} for more information.",
            status=424,
            members={
                "OriginalStatusCode": status,
                "OriginalMessage": message,
                "LogStreamArn": self.cloud.arn("logs", f"log-group:{fleet.log_group}:log-stream:{fleet.log_stream}"),
            },
        )


_TIMED_OUT = (
    "Your invocation timed out while waiting for a response from the container. Review the latency metrics of the "
    "container in Amazon CloudWatch, resolve the issue, and try again."
)


def _headers(request: dict) -> dict[str, str]:
    names = {
        "ContentType": "Content-Type",
        "Accept": "Accept",
        "CustomAttributes": "X-Amzn-SageMaker-Custom-Attributes",
        "InferenceId": "X-Amzn-SageMaker-Inference-Id",
    }
    return {header: request[member] for member, header in names.items() if member in request}


def _text(answer: ModelAnswer) -> str:
    return answer.body.decode("utf-8", "replace")[:LONGEST_MESSAGE]
