// Removes all that `npm run up` made.
import { bootstrap } from "./bootstrap.mjs";

process.exit(bootstrap("down", process.argv.slice(2)));
