"""Starts LocalStack with two changes for which it has no setting.

The only argument is JSON:
  store   host:port of a server of DynamoDB's API, instead of the one that LocalStack would download
  image   the image of functions, which is here; LocalStack would pull it again, and fail without a registry
"""

import json
import sys

from localstack.runtime.main import main
from localstack.services.dynamodb.server import DynamodbServer
from localstack.services.lambda_.invocation import docker_runtime_executor

settings = json.loads(sys.argv[1])

host, port = settings["store"].split(":")
store = DynamodbServer(int(port), host)
store.start_dynamodb = lambda: True
store.stop_dynamodb = lambda: None
DynamodbServer.get = staticmethod(lambda: store)

for platform in docker_runtime_executor.ARCHITECTURE_PLATFORM_MAPPING.values():
    docker_runtime_executor.PULLED_IMAGES.add((settings["image"], platform))

main()
