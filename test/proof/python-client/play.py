"""Plays a client that openapi-python-client has generated against a running vault.

Takes the folder of the client and the address of the vault, and reads a token from stdin. Prints
one JSON document: the status, the type and the content of each reply, by the name of its step.
"""

import json
import sys

folder, address = sys.argv[1:]
sys.path.insert(0, folder)

from distributed_secrets_vault_client import AuthenticatedClient  # noqa: E402
from distributed_secrets_vault_client.api.env import encrypt_env, expand_env, submit_env  # noqa: E402
from distributed_secrets_vault_client.api.secrets import (  # noqa: E402
    create_secret,
    get_secret,
    list_secrets,
    list_versions,
    update_secret,
)
from distributed_secrets_vault_client.models import (  # noqa: E402
    CreateSecretRequest,
    EnvRequest,
    EnvRequestValues,
    ExpandEnvRequest,
    UpdateSecretRequest,
)

replies = {}


def play(step, operation, **arguments):
    reply = operation.sync_detailed(client=client, **arguments)
    replies[step] = {
        "status": reply.status_code.value,
        "type": type(reply.parsed).__name__,
        "content": reply.parsed.to_dict(),
    }
    return reply.parsed


def values(**given):
    sent = EnvRequestValues()
    sent.additional_properties = given
    return sent


token = sys.stdin.read().strip()
with AuthenticatedClient(address, token, raise_on_unexpected_status=True) as client:
    first = CreateSecretRequest(name="DB_PASSWORD", value="hunter2", note="by Python")
    key = "0b7cd2f3-63a5-4c52-a2dd-4d9d2a7f9a31"
    play("create", create_secret, body=first, idempotency_key=key)
    play("create repeated", create_secret, body=first, idempotency_key=key)
    play("create again", create_secret, body=first)

    second = UpdateSecretRequest(value="hunter3")
    play("update", update_secret, name="DB_PASSWORD", body=second, if_match='"1"')
    play("update of an old version", update_secret, name="DB_PASSWORD", body=second, if_match='"1"')

    play("get", get_secret, name="DB_PASSWORD")
    play("get the first", get_secret, name="DB_PASSWORD", version="1")
    play("get a missing one", get_secret, name="MISSING")
    play("history", list_versions, name="DB_PASSWORD")
    play("history with values", list_versions, name="DB_PASSWORD", include="values")
    play("names with details", list_secrets, include="details")

    stored = EnvRequest(content="KEY=enc(API_KEY)\n", values=values(API_KEY="s3cr3t"))
    play("encrypt", encrypt_env, body=stored)
    play("encrypt again", encrypt_env, body=stored)
    tried = EnvRequest(content="A=enc(A)\nB=secret(API_KEY)\n", values=values(A="a"), dry_run=True)
    play("dry run", submit_env, body=tried)
    play("get after the dry run", get_secret, name="A")
    tried.dry_run = False
    play("submit", submit_env, body=tried)
    read = ExpandEnvRequest(content="A=secret(A)\nDB=secret(DB_PASSWORD@1)\n")
    read.unless = getattr(play("expand", expand_env, body=read), "tag", "")
    play("expand the same", expand_env, body=read)
    play("expand a missing one", expand_env, body=ExpandEnvRequest(content="A=secret(MISSING)\n"))
    play("expand a malformed line", expand_env, body=ExpandEnvRequest(content="A=secret(\n"))

with AuthenticatedClient(address, "wrong", raise_on_unexpected_status=True) as client:
    play("get with a wrong token", get_secret, name="DB_PASSWORD")

json.dump(replies, sys.stdout)
