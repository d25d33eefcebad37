"""Access to AWS: the clients, what is read once for several resources, and patience with what AWS makes known late."""

import functools
import threading
import time

import boto3
import botocore.config
from botocore.exceptions import ClientError

# Seconds between two polls of a state that the script waits for.
POLL = 0.5
# Seconds after which the script gives up waiting.
PATIENCE = 1800
ABSENT = {
    "ResourceNotFoundException", "NoSuchEntity", "NotFoundException", "NoSuchBucket", "NoSuchBucketPolicy", "404",
    "NoSuchPublicAccessBlockConfiguration", "OwnershipControlsNotFoundError", "NoSuchDistribution", "NoSuchOriginAccessControl",
    "ServerSideEncryptionConfigurationNotFoundError",
}


def code(error):
    return error.response["Error"]["Code"]


def optional(call, **arguments):
    """The answer, or None if there is no such thing."""
    try:
        return call(**arguments)
    except ClientError as error:
        if code(error) in ABSENT:
            return None
        raise


def patiently(call, *codes, **arguments):
    """Repeats a call as long as it is refused with one of these codes: AWS needs a while to make things known."""
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            return call(**arguments)
        except ClientError as error:
            if code(error) not in codes or time.monotonic() > give_up:
                raise
        time.sleep(POLL)


class Aws:
    """The clients, each made when it is first needed, and answers that several resources share."""

    def __init__(self):
        # Set when the script knows the account.
        self.settings = None
        self.session = boto3.session.Session(region_name="us-east-1")
        self.config = botocore.config.Config(
            retries={"mode": "standard", "total_max_attempts": 10}, max_pool_connections=32
        )
        # Making clients is not thread-safe.
        self._making = threading.Lock()
        self._clients = {}
        self._asking = {}
        self._answers = {}
        # API Gateway refuses concurrent writes to one API, and S3 to the configuration of one bucket.
        self.one_to_api = threading.Lock()
        self.one_to_bucket = threading.Lock()
        # Ids that AWS made, from one step to later ones.
        self.known = {}

    def client(self, service):
        with self._making:
            if service not in self._clients:
                self._clients[service] = self.session.client(service, config=self.config)
            return self._clients[service]

    def __getattr__(self, service):
        return self.client({"lambda_": "lambda"}.get(service, service))

    def shared(self, key, ask):
        """The answer to a question that is asked once, whoever asks first."""
        with self._making:
            lock = self._asking.setdefault(key, threading.Lock())
        with lock:
            if key not in self._answers:
                self._answers[key] = ask()
            return self._answers[key]

    def pages(self, service, operation, items, **arguments):
        """All items of a list, page by page."""
        pages = self.client(service).get_paginator(operation).paginate(**arguments)
        return [item for page in pages for item in functools.reduce(lambda node, key: node.get(key) or {}, items.split("."), page)]

    def wait(self, service, waiter, **arguments):
        self.client(service).get_waiter(waiter).wait(WaiterConfig={"Delay": POLL, "MaxAttempts": int(PATIENCE / POLL)}, **arguments)
