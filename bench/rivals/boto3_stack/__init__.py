"""The stack of `stack.yaml` by a script of boto3 calls, as somebody would write it who knows AWS well: idempotent, and no more than that."""
