"""The official AWS Encryption SDK for Python, as somebody would use it who doesn't have this software.

Reads one job a line (JSON) and does it against the S3 and KMS of the environment (AWS_ENDPOINT_URL). Plaintext comes from
and goes to files. Any failure ends the program.
"""

import json
import sys

import boto3
from aws_cryptographic_material_providers.mpl import AwsCryptographicMaterialProviders
from aws_cryptographic_material_providers.mpl.config import MaterialProvidersConfig
from aws_cryptographic_material_providers.mpl.models import CreateAwsKmsKeyringInput
from aws_encryption_sdk import CommitmentPolicy, EncryptionSDKClient
from aws_encryption_sdk.identifiers import Algorithm

S3 = boto3.client("s3")
SDK = EncryptionSDKClient(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)
PROVIDERS = AwsCryptographicMaterialProviders(config=MaterialProvidersConfig())


def keyring(kms_key):
    return PROVIDERS.create_aws_kms_keyring(
        input=CreateAwsKmsKeyringInput(kms_key_id=kms_key, kms_client=boto3.client("kms"))
    )


def decrypt(job):
    stored = S3.get_object(Bucket=job["bucket"], Key=job["key"])["Body"].read()
    plaintext, header = SDK.decrypt(
        source=stored, keyring=keyring(job["kms_key"]), encryption_context=job["context"]
    )
    assert header.encryption_context == job["context"], header.encryption_context
    with open(job["file"], "wb") as file:
        file.write(plaintext)


def encrypt(job):
    with open(job["file"], "rb") as file:
        plaintext = file.read()
    stored, _ = SDK.encrypt(
        source=plaintext,
        keyring=keyring(job["kms_key"]),
        encryption_context=job["context"],
        algorithm=Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY,
        frame_length=job["frame_length"],
    )
    S3.put_object(Bucket=job["bucket"], Key=job["key"], Body=stored)


for line in sys.stdin:
    job = json.loads(line)
    {"decrypt": decrypt, "encrypt": encrypt}[job["do"]](job)
