// The usual way to copy a recording in Node.js: the stream of a download goes into lib-storage's Upload, both with
// default settings. Reads one job per line from standard input, and prints `done` when S3 has the recording.

import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { load } from "./modules.mjs";

const { S3Client } = load("@aws-sdk/client-s3");
const { Upload } = load("@aws-sdk/lib-storage");

const client = new S3Client({ forcePathStyle: true });

console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const { source, bucket, key } = JSON.parse(line);
  const answer = await fetch(source);
  if (!answer.ok) throw new Error(`the source answered ${answer.status}`);
  const params = { Bucket: bucket, Key: key, Body: Readable.fromWeb(answer.body) };
  await new Upload({ client, params }).done();
  console.log("done");
}
