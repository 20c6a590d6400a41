import { resolve } from "node:path";

/** Absolute path of the project folder. */
export const ROOT = resolve(__dirname, "..");
