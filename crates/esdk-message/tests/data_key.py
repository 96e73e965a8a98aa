"""Creates a KMS key, and a data key under it that is bound to the encryption context on standard input (JSON)."""

import base64
import json
import sys

import boto3

kms = boto3.client("kms", region_name="eu-west-1")
key_arn = kms.create_key()["KeyMetadata"]["Arn"]
made = kms.generate_data_key(KeyId=key_arn, NumberOfBytes=32, EncryptionContext=json.load(sys.stdin))
encoded = {part: base64.b64encode(made[part]).decode() for part in ("Plaintext", "CiphertextBlob")}
json.dump({"key_arn": key_arn, **encoded}, sys.stdout)
