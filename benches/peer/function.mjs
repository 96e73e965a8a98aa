// A typical Node.js function, which creates its client at start.

import { load } from "./modules.mjs";

const { S3Client } = load("@aws-sdk/client-s3");

export const client = new S3Client({});

export const handler = async () => ({ statusCode: 204 });
