import { describe, expect, it } from "vitest";
import type { RebuildReason } from "../../scripts/preview/images";
import type { Summary } from "../../scripts/preview/summary";
import type { AwsStack } from "../harness/aws-stack";

/** A change, and what its summary must say. */
interface Scenario {
  name: string;
  change: (stack: AwsStack) => void;
  expected: Partial<Summary>;
}

const EVERY_IMAGE = ["api", "worker", "cpu"];
const OTHER_DIGEST = `sha256:${"5".repeat(64)}`;
const EVERY_ROLE = ["api", "worker", "beat"];
const NOTHING = { images: [], removals: [], settings: [], policy: [], errors: [] };
const built = (images: string[], part: RebuildReason["part"], details: string[]) =>
  images.map((image) => ({ image, reasons: [{ part, details }] }));
const restarts = (roles: string[], because: string[]) => ({
  gpuInstances: false,
  roles: roles.map((role) => ({ role, because })),
});

const SCENARIOS: Scenario[] = [
  {
    name: "no change",
    change: () => undefined,
    expected: { ...NOTHING, result: "unchanged", created: 0, updated: 0, restarts: restarts([], []) },
  },
  {
    name: "a code change",
    change: (stack) => stack.edit("sample-app/spatialforge/main.py", (text) => `${text}\n# changed\n`),
    expected: {
      ...NOTHING,
      result: "changed",
      images: built(["api", "worker", "cpu"], "code", ["spatialforge/main.py"]),
      restarts: restarts(EVERY_ROLE, ["image"]),
    },
  },
  {
    name: "a changed page",
    change: (stack) => stack.edit("sample-app/static/about.html", (text) => `${text}\n<!-- changed -->\n`),
    expected: {
      ...NOTHING,
      result: "changed",
      images: built(["api", "cpu"], "static files", ["static/about.html"]),
      restarts: restarts(["api", "beat"], ["image"]),
    },
  },
  {
    name: "a light dependency",
    change: (stack) =>
      stack.edit("images/locks/sample-app/light.txt", (text) => text.replace("redis==8.1.0", "redis==8.1.1")),
    expected: {
      ...NOTHING,
      result: "changed",
      images: built(EVERY_IMAGE, "light", ["redis 8.1.0 → 8.1.1"]),
      restarts: restarts(EVERY_ROLE, ["image"]),
    },
  },
  {
    name: "a heavy dependency",
    change: (stack) =>
      stack.edit("images/locks/sample-app/heavy.txt", (text) => text.replace("pillow==13.0.0", "pillow==13.0.1")),
    expected: {
      ...NOTHING,
      result: "changed",
      images: built(EVERY_IMAGE, "heavy", ["pillow 13.0.0 → 13.0.1"]),
      restarts: restarts(EVERY_ROLE, ["image"]),
    },
  },
  {
    name: "the digest of a base image",
    change: (stack) => stack.set("spatialforge:bases/cpu", `python:3.12-slim@${OTHER_DIGEST}`),
    expected: {
      ...NOTHING,
      result: "changed",
      images: built(["cpu"], "base", [`python:3.12-slim → python:3.12-slim@${OTHER_DIGEST.slice(0, 19)}`]),
      restarts: restarts(["api", "beat"], ["image"]),
      settings: [{ key: "spatialforge:bases.cpu", after: JSON.stringify(`python:3.12-slim@${OTHER_DIGEST}`) }],
    },
  },
  {
    name: "a setting that restarts a role",
    change: (stack) => stack.set("spatialforge:aws/minHealthyTime", 5),
    expected: {
      ...NOTHING,
      result: "changed",
      restarts: restarts(EVERY_ROLE, ["environment HEALTH_MINIMUM_S"]),
      settings: [{ key: "spatialforge:aws.minHealthyTime", before: "0", after: "5" }],
    },
  },
  {
    name: "a replaced Redis",
    change: (stack) => stack.set("spatialforge:aws/redis/snapshotName", "before-the-incident"),
    expected: {
      ...NOTHING,
      result: "changed",
      removals: [],
      settings: [{ key: "spatialforge:aws.redis.snapshotName", after: '"before-the-incident"' }],
    },
  },
  {
    name: "a scale-up",
    change: (stack) => stack.set("spatialforge:aws/gpu/maxInstances", 3),
    expected: {
      ...NOTHING,
      result: "changed",
      restarts: restarts([], []),
      settings: [{ key: "spatialforge:aws.gpu.maxInstances", before: "2", after: "3" }],
    },
  },
  {
    name: "a policy violation",
    change: (stack) =>
      stack.edit("stack/aws/storage/redis.ts", (text) =>
        text.replace("atRestEncryptionEnabled: true", "atRestEncryptionEnabled: false"),
      ),
    expected: { result: "changed" },
  },
  {
    name: "a broken configuration",
    change: (stack) => stack.set("spatialforge:aws/worker/maxTasks", "many"),
    expected: {
      ...NOTHING,
      result: "failed",
      created: 0,
      updated: 0,
      errors: [expect.stringMatching(/aws\.worker\.maxTasks/)],
    },
  },
];

/** Previews of a stack that is up. Each scenario starts from the committed files. */
export function previewTests(stack: AwsStack): void {
  describe("the summary of a preview", () => {
    it.each(SCENARIOS)("of $name", async ({ name, change, expected }) => {
      await stack.commit();
      change(stack);
      try {
        const data = await stack.summary("--json");
        expect(JSON.parse(data.text)).toMatchObject(expected);
        const { text } = await stack.summary("");
        const visible = text.split("<details><summary>Raw difference")[0];
        expect(visible.split("\n").length).toBeLessThanOrEqual(60);
        await expect(visible).toMatchFileSnapshot(`previews/${name.replaceAll(" ", "-")}.md`);
      } finally {
        await stack.restore();
      }
    });
  });
}
