// Answers each line {"secret", "headers", "body"} with "ok", or with what the library says against
// it: `node verify.mjs standardwebhooks` or `node verify.mjs svix`.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

// The packages lie in the folder that the caller names, not beside this file.
const require = createRequire(process.argv[3] + "/");
const { Webhook } = require(process.argv[2]);

for await (const line of createInterface({ input: process.stdin })) {
  const { secret, headers, body } = JSON.parse(line);
  try {
    new Webhook(secret).verify(body, headers);
    console.log("ok");
  } catch (error) {
    console.log(error.message);
  }
}
