// The same work as ours in Node.js: a download passes through SHA-256 and the AWS Encryption SDK for JavaScript into
// lib-storage's Upload. Reads one job per line from standard input, and prints `done` with the digest when S3 has the
// message.

import { createHash } from "node:crypto";
import { createInterface } from "node:readline";
import { PassThrough, Readable, Transform, pipeline } from "node:stream";
import { load } from "./modules.mjs";

const { AlgorithmSuiteIdentifier, CommitmentPolicy, KmsKeyringNode, buildEncrypt } = load("@aws-crypto/client-node");
const { S3Client } = load("@aws-sdk/client-s3");
const { Upload } = load("@aws-sdk/lib-storage");

// As ours: a committed key without a signature, and frames of 64 KiB.
const suiteId = AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY;
const frameLength = 64 * 1024;

const client = new S3Client({ forcePathStyle: true });
const keyring = new KmsKeyringNode({ generatorKeyId: process.env.KMS_KEY });
const { encryptStream } = buildEncrypt(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);

console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const { source, bucket, key } = JSON.parse(line);
  const answer = await fetch(source);
  if (!answer.ok) throw new Error(`the source answered ${answer.status}`);
  const digest = createHash("sha256");
  const digested = new Transform({
    transform(chunk, _, done) {
      digest.update(chunk);
      done(null, chunk);
    },
  });
  const encryptionContext = { key };
  const sealed = encryptStream(keyring, { suiteId, frameLength, encryptionContext });
  // The SDK's stream is not a Readable of Node.js, which Upload requires. A failure destroys the last stream, and the
  // upload fails with it.
  const body = new PassThrough();
  pipeline(Readable.fromWeb(answer.body), digested, sealed, body, () => {});
  await new Upload({ client, params: { Bucket: bucket, Key: key, Body: body } }).done();
  console.log(`done ${digest.digest("hex")}`);
}
