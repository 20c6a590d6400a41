import { describe, expect, it } from "vitest";
import { isOlderDriver, minimumDriver, TOOLKIT_DRIVERS } from "../../stack/images/cuda";

describe("the minimum driver of a CUDA version", () => {
  it.each([
    ["12.0", "525.60.13"],
    ["12.8", "525.60.13"],
    ["13.2", "580.65.06"],
    ["13.9", "580.65.06"],
    ["99.0", undefined],
  ])("%s is %s: that of the first toolkit with its major version", (cuda, driver) => {
    expect(minimumDriver(cuda)).toBe(driver);
  });

  it("is not newer than the driver of the toolkit", () => {
    for (const [cuda, driver] of Object.entries(TOOLKIT_DRIVERS)) {
      expect(isOlderDriver(driver, minimumDriver(cuda)!), cuda).toBe(false);
    }
  });
});

it.each([
  ["550.54.14", "580.65.06", true],
  ["580.9", "580.65.06", true],
  ["580.65.05", "580.65.06", true],
  ["580.65", "580.65.06", true],
  ["580.65.06", "580.65.06", false],
  ["580.159.03", "580.65.06", false],
  ["595.45.04", "580.65.06", false],
])("driver %s is older than %s: %s", (version, other, older) => {
  expect(isOlderDriver(version, other)).toBe(older);
});
