"""Which variant answers a request, and that none is stopped while it works."""

import threading
from collections import Counter
from datetime import UTC, datetime
from types import SimpleNamespace

from emulator.sagemaker.hosting.deployment import Deployment, Endpoint, Hosting, Variant

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def deployment(name: str, share: float, **weights: float) -> Deployment:
    variants = {key: Variant(f"{name}:{key}", weight, 1, None, weight, 1) for key, weight in weights.items()}
    return Deployment(name, variants, share=share)


def endpoint(live: Deployment, pending: Deployment | None = None) -> Endpoint:
    return Endpoint("e", "arn", "live", NOW, NOW, status="InService", live=live, pending=pending)


def chosen(of: Endpoint, count: int, variant: str | None = None) -> Counter:
    found = Counter()
    for _ in range(count):
        variant_chosen = of.acquire(variant)
        found[variant_chosen.fleet] += 1
        of.release(variant_chosen)
    return found


def test_a_canary_gets_its_share_exactly():
    both = endpoint(deployment("old", 0.9, v=1), deployment("new", 0.1, v=1))
    assert chosen(both, 50) == {"old:v": 45, "new:v": 5}


def test_variants_share_the_traffic_by_weight():
    assert chosen(endpoint(deployment("c", 1.0, big=3, small=1)), 40) == {"c:big": 30, "c:small": 10}


def test_a_target_variant_is_served_whatever_its_weight():
    assert chosen(endpoint(deployment("c", 1.0, big=3, shy=0)), 4, variant="shy") == {"c:shy": 4}


def test_a_deployment_without_a_share_gets_nothing():
    assert chosen(endpoint(deployment("old", 1.0, v=1), deployment("new", 0.0, v=1)), 10) == {"old:v": 10}


def test_nobody_answers_where_all_weights_are_zero():
    assert endpoint(deployment("c", 1.0, v=0)).acquire() is None


class Watched(threading.Condition):
    """A condition that tells that somebody waits for it."""

    def __init__(self):
        super().__init__()
        self.waited_for = threading.Event()

    def wait_for(self, predicate, timeout=None):
        self.waited_for.set()
        return super().wait_for(predicate, timeout)


def test_draining_waits_for_the_request_that_runs():
    old = deployment("old", 1.0, v=1)
    serving = endpoint(old)
    serving.changed = Watched()
    running = serving.acquire()
    drained = threading.Event()
    threading.Thread(target=lambda: (serving.drain(old), drained.set()), daemon=True).start()
    assert serving.changed.waited_for.wait(10)
    with serving.changed:  # free only while the other waits, or is done
        assert not drained.is_set()
    serving.release(running)
    assert drained.wait(10)


def test_an_unforeseen_failure_ends_an_endpoint_instead_of_leaving_it_in_creating():
    def deploy() -> Deployment:
        raise OSError("no space left on device")

    created = Endpoint("e", "arn", "c", NOW, NOW)
    Hosting(SimpleNamespace(now=lambda: NOW), metrics=None).create(created, deploy)
    assert created.status == "Failed"
    assert created.failure_reason == "Internal failure: OSError: no space left on device"
