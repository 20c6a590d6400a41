import { it } from "vitest";

/** Replaces the tests of a tier if there is no Docker engine to run them on. */
it.skip("all tests of this tier: they require a Docker engine, and `docker version` found none");
