import { it } from "vitest";

/** Stands for all tests of the tier aws where there is nothing to emulate AWS. */
it.skip(
  "all tests of this tier: no Python with moto (EMULATOR_PYTHON), or no registry with the name of an ECR (LAB_ECR)",
);
