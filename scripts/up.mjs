// From a fresh clone to a running service: brings what the rest needs, then hands over to local-stack.ts.
import { bootstrap } from "./bootstrap.mjs";

process.exit(bootstrap("up", process.argv.slice(2)));
