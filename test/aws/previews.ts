import { describe, expect, it } from "vitest";
import type { CostChange } from "../../scripts/preview/cost-change";
import type { RebuildReason } from "../../scripts/preview/images";
import { markdown } from "../../scripts/preview/markdown";
import type { PolicyFinding } from "../../scripts/preview/run-preview";
import type { Removal, Summary } from "../../scripts/preview/summary";
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
/** The load balancer of `dev` has no certificate. */
const HTTP_ONLY: PolicyFinding = {
  policy: "encryption-in-transit",
  mandatory: false,
  resource: "load-balancer",
  message: expect.stringMatching(/the listener answers plain HTTP/) as string,
};
const NOTHING = { images: [], removals: [], settings: [], policy: [HTTP_ONLY], errors: [] };
/** The totals that test/unit/cost.test.ts works out by hand. */
const COST = { atRest: 181.41, atFullScale: 887.07 };
const UNCHANGED_COST = expect.objectContaining({ before: COST, after: COST, lines: [] }) as CostChange;
const replaced = (type: string, name: string, because: string[]): Removal => ({
  op: "replace",
  type,
  name,
  because,
  protected: false,
  stateful: expect.objectContaining({ step: "redis.md#restore" }) as Removal["stateful"],
});
const REPLACED_REDIS = replaced("aws:elasticache/replicationGroup:ReplicationGroup", "redis", [
  "replicationGroupId",
  "snapshotName",
]);
const built = (images: string[], part: RebuildReason["part"], details: string[]) =>
  images.map((image) => ({ image, reasons: [{ part, details }] }));
const restarts = (roles: string[], because: string[]) => ({
  gpuInstances: false,
  roles: roles.map((role) => ({ role, step: role === "worker" ? 2 : 1, because })),
});

const SCENARIOS: Scenario[] = [
  {
    name: "no change",
    change: () => undefined,
    expected: {
      ...NOTHING,
      result: "unchanged",
      cost: UNCHANGED_COST,
      created: 0,
      updated: 0,
      restarts: restarts([], []),
    },
  },
  {
    name: "a code change",
    change: (stack) => stack.edit("sample-app/spatialforge/main.py", (text) => `${text}\n# changed\n`),
    expected: {
      ...NOTHING,
      result: "changed",
      cost: UNCHANGED_COST,
      images: built(EVERY_IMAGE, "code", ["spatialforge/main.py"]),
      restarts: restarts(EVERY_ROLE, ["image"]),
    },
  },
  {
    name: "a changed page",
    change: (stack) => stack.edit("sample-app/static/about.html", (text) => `${text}\n<!-- changed -->\n`),
    expected: {
      ...NOTHING,
      result: "changed",
      cost: UNCHANGED_COST,
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
      cost: UNCHANGED_COST,
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
      cost: UNCHANGED_COST,
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
      cost: UNCHANGED_COST,
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
      updated: 3, // two alarms of Redis, and the dashboard
      restarts: restarts(EVERY_ROLE, ["values that only the update knows"]),
      removals: [replaced("random:index/randomString:RandomString", "redis-id", ["keepers"]), REPLACED_REDIS],
      settings: [{ key: "spatialforge:aws.redis.snapshotName", after: '"before-the-incident"' }],
      cost: UNCHANGED_COST,
    },
  },
  {
    name: "a scale-up",
    change: (stack) => {
      stack.set("spatialforge:aws/worker/maxTasks", 2);
      stack.set("spatialforge:aws/gpu/maxInstances", 4);
    },
    expected: {
      ...NOTHING,
      result: "changed",
      restarts: restarts(["beat"], ["environment BACKLOG_ROLES"]),
      settings: [
        { key: "spatialforge:aws.gpu.maxInstances", before: "2", after: "4" },
        { key: "spatialforge:aws.worker.maxTasks", before: "1", after: "2" },
      ],
      // One more GPU instance at full scale: 587.50 for a spot g6.xlarge, 16.00 and 15.00 for its volume, and 2.10 for its metrics.
      cost: expect.objectContaining({
        before: COST,
        after: { atRest: COST.atRest, atFullScale: 1507.67 },
      }) as CostChange,
    },
  },
  {
    name: "a policy violation",
    change: (stack) =>
      stack.edit("stack/aws/storage/redis.ts", (text) =>
        text.replace("atRestEncryptionEnabled: true", "atRestEncryptionEnabled: false"),
      ),
    expected: {
      result: "changed",
      removals: [{ ...REPLACED_REDIS, because: ["atRestEncryptionEnabled"] }],
      policy: [
        {
          policy: "encryption-at-rest",
          mandatory: false,
          resource: "redis",
          message: expect.stringMatching(/data and snapshots are not encrypted/) as string,
        },
        HTTP_ONLY,
      ],
    },
  },
  {
    name: "a broken configuration",
    change: (stack) => stack.set("spatialforge:aws/worker/maxTasks", "many"),
    expected: {
      ...NOTHING,
      result: "failed",
      errors: [expect.stringMatching(/aws\.worker\.maxTasks = many/) as string],
      settings: [{ key: "spatialforge:aws.worker.maxTasks", before: "1", after: '"many"' }],
      policy: [],
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
        const summary = JSON.parse((await stack.summary("--json")).text) as Summary;
        expect(summary).toMatchObject(expected);
        await expectScreen(summary, name);
      } finally {
        await stack.restore();
      }
    });

    it("is Markdown with the raw difference below it", async () => {
      stack.edit("sample-app/static/about.html", (text) => `${text}\n<!-- changed -->\n`);
      const { code, text } = await stack.summary("");
      await stack.restore();
      expect(code).toBe(0);
      const [screen, difference] = text.split("\n<details><summary>Raw difference");
      expect(screen).toBe(stack.read("test/aws/previews/a-changed-page.md"));
      expect(difference).toMatch(/~ aws:ecs\/service:Service: \(update\)/);
      expect(difference).toContain("@sha256:0000");
    });
  });
}

/** Compares a summary without its raw difference with a file, which is one screen. */
export async function expectScreen(summary: Summary, name: string): Promise<void> {
  const screen = markdown(summary, "");
  expect(screen.split("\n").length).toBeLessThanOrEqual(60);
  await expect(screen).toMatchFileSnapshot(`previews/${name.replaceAll(" ", "-")}.md`);
}
