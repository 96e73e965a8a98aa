// The usual range proxy in Node.js: express in front of GetObject, with the object's bytes piped through. It neither
// decrypts nor authenticates. It ends when its standard input ends.

import { load } from "./modules.mjs";

const express = load("express");
const { S3Client, GetObjectCommand } = load("@aws-sdk/client-s3");

const client = new S3Client({ forcePathStyle: true });
const app = express();

app.get("/*key", async (request, response) => {
  const Key = request.params.key.join("/");
  const object = await client.send(
    new GetObjectCommand({ Bucket: process.env.BUCKET, Key, Range: request.headers.range }),
  );
  response.status(object.$metadata.httpStatusCode);
  response.set("Content-Type", object.ContentType);
  response.set("Accept-Ranges", "bytes");
  if (object.ContentRange) response.set("Content-Range", object.ContentRange);
  object.Body.pipe(response);
});

const server = app.listen(0, "127.0.0.1", () => console.log(`ready ${server.address().port}`));
process.stdin.resume().on("end", () => process.exit());
