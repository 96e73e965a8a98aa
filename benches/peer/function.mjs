// A function as it is usually written for Node.js: its client is made at start.

import { load } from "./modules.mjs";

const { S3Client } = load("@aws-sdk/client-s3");

export const client = new S3Client({});

export const handler = async () => ({ statusCode: 204 });
