import { it } from "vitest";

/** Stands for all tests of a tier where there is no engine to run them on. */
it.skip("all tests of this tier: `docker version` finds no engine");
