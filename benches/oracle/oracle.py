"""Encrypts and decrypts files with the official AWS Encryption SDK for Python, with which others decrypt recordings.

Reads one JSON job per line from standard input, and prints `done` after each. The key is a raw key, so that no time is
spent on KMS.
"""

import json
import sys

from aws_cryptographic_material_providers.mpl import AwsCryptographicMaterialProviders
from aws_cryptographic_material_providers.mpl.config import MaterialProvidersConfig
from aws_cryptographic_material_providers.mpl.models import AesWrappingAlg, CreateRawAesKeyringInput
from aws_encryption_sdk import CommitmentPolicy, EncryptionSDKClient
from aws_encryption_sdk.identifiers import Algorithm

SDK = EncryptionSDKClient(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)
PROVIDERS = AwsCryptographicMaterialProviders(config=MaterialProvidersConfig())
KEYRING = PROVIDERS.create_raw_aes_keyring(
    input=CreateRawAesKeyringInput(
        key_namespace="benchmarks",
        key_name="fixed",
        wrapping_key=bytes(32),
        wrapping_alg=AesWrappingAlg.ALG_AES256_GCM_IV12_TAG16,
    )
)
HOW = {
    "encrypt": {
        "mode": "encrypt",
        "algorithm": Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY,
        "frame_length": 65536,
    },
    "decrypt": {"mode": "decrypt-unsigned"},
}

print("ready", flush=True)
for line in sys.stdin:
    job = json.loads(line)
    with open(job["file"], "rb") as file, open(job["out"], "wb") as out:
        with SDK.stream(source=file, keyring=KEYRING, **HOW[job["do"]]) as stream:
            for chunk in stream:
                out.write(chunk)
    print("done", flush=True)
