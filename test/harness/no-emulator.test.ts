import { it } from "vitest";

/** Replaces the tests of the tier aws if there is nothing that emulates AWS. */
it.skip(
  "all tests of this tier: they require a Python with moto (EMULATOR_PYTHON), a registry with an ECR name (LAB_ECR), and a certificate authority (EMULATOR_CA)",
);
