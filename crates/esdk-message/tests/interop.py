"""Runs the official AWS Encryption SDK for Python for tests/interop.rs.

Reads a JSON list of jobs from standard input and writes the list of their results to standard output. Each job includes its data
key, so that no KMS is needed: a materials manager passes the key to the SDK.
"""

import json
import logging
import sys
from pathlib import Path

import aws_encryption_sdk
import cryptography.exceptions
from aws_encryption_sdk.exceptions import AWSEncryptionSDKClientError
from aws_encryption_sdk.identifiers import Algorithm, CommitmentPolicy
from aws_encryption_sdk.materials_managers import DecryptionMaterials, EncryptionMaterials
from aws_encryption_sdk.materials_managers.base import CryptoMaterialsManager
from aws_encryption_sdk.structures import DataKey, EncryptedDataKey, MasterKeyInfo


class KnownDataKey(CryptoMaterialsManager):
    def __init__(self, job):
        self.data_key = bytes.fromhex(job["data_key"])
        self.provider = MasterKeyInfo(provider_id="aws-kms", key_info=job["key_arn"].encode())

    def get_encryption_materials(self, request):
        return EncryptionMaterials(
            algorithm=Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY,
            data_encryption_key=DataKey(self.provider, self.data_key, b"wrapped"),
            encrypted_data_keys={EncryptedDataKey(self.provider, b"wrapped")},
            encryption_context=request.encryption_context,
        )

    def decrypt_materials(self, request):
        stored = {(key.key_provider.provider_id, key.key_provider.key_info) for key in request.encrypted_data_keys}
        assert stored == {(self.provider.provider_id, self.provider.key_info)}, stored
        return DecryptionMaterials(data_key=DataKey(self.provider, self.data_key, b"wrapped"))


def run(client, job):
    source = Path(job["source"]).read_bytes()
    materials = KnownDataKey(job)
    if job["operation"] == "encrypt":
        result, header = client.encrypt(
            source=source,
            materials_manager=materials,
            frame_length=job["frame_length"],
            encryption_context=job["context"],
        )
    else:
        try:
            result, header = client.decrypt(source=source, materials_manager=materials)
        except (AWSEncryptionSDKClientError, cryptography.exceptions.InvalidTag) as error:
            return {"refused": type(error).__name__}
    Path(job["result"]).write_bytes(result)
    return {"context": header.encryption_context, "frame_length": header.frame_length}


# A refusal is a result here. Without this handler, the SDK would print it with a stack trace.
logging.getLogger("aws_encryption_sdk").addHandler(logging.NullHandler())
client = aws_encryption_sdk.EncryptionSDKClient(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)
json.dump([run(client, job) for job in json.load(sys.stdin)], sys.stdout)
