"""The commands of scripts/vault.py. They need Python 3.11 or later and boto3, and nothing else."""
