"""recover.py <object file> <key ARN> <result file>: decrypts a stored recording and prints its encryption context."""
import pathlib, sys
import aws_encryption_sdk, boto3
from aws_cryptographic_material_providers import mpl
from aws_cryptographic_material_providers.mpl.config import MaterialProvidersConfig
from aws_cryptographic_material_providers.mpl.models import CreateAwsKmsKeyringInput

stored, key_arn, result = sys.argv[1:]
kms = boto3.client("kms", region_name=key_arn.split(":")[3])
providers = mpl.AwsCryptographicMaterialProviders(config=MaterialProvidersConfig())
keyring = providers.create_aws_kms_keyring(CreateAwsKmsKeyringInput(kms_key_id=key_arn, kms_client=kms))
recording, header = aws_encryption_sdk.EncryptionSDKClient().decrypt(source=pathlib.Path(stored).read_bytes(), keyring=keyring)
pathlib.Path(result).write_bytes(recording)
print(header.encryption_context)
