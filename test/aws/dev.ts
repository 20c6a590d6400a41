import { beforeAll, describe, expect, it } from "vitest";
import { AMI_NAME } from "../../stack/aws/compute/ami";
import { IMAGES } from "../../stack/images/catalog";
import { builtTag, deploymentOfTag } from "../../stack/registry/tags";
import type { AwsStack, Change } from "../harness/aws-stack";
import { expectOrder } from "../harness/order";
import { previewTests } from "./previews";
import { commandInText, commandsUnder } from "../harness/readme";

/** Sorted names of the changed resources of a type. */
const namesOf = (changes: Change[], type: RegExp) =>
  changes
    .filter((change) => type.test(change.type))
    .map(({ name }) => name)
    .sort();
const TASK_DEFINITIONS = /TaskDefinition$/;
const SERVICES = /^aws:ecs:Service$/;
const IMAGE_RESOURCES = /^docker:index:Image$/;

export function firstUpdate(stack: AwsStack): void {
  beforeAll(async () => {
    await stack.start();
    await stack.countInitialResources();
    const [install, ...commands] = commandsUnder("On AWS");
    expect(install).toBe("npm ci"); // already done, or no test would run
    for (const command of commands) await stack.mustLine(command);
  });

  it("pushes the three images to ECR, and the task definitions use their digests", async () => {
    const digests = await stack.ecr.digests(stack.repository);
    const { images, release, url } = await stack.outputs();
    expect(url).toMatch(/^http:\/\/spatialforge-dev/);
    for (const { name } of IMAGES) {
      const digest = digests[`release-${release}-${name}`];
      expect(images[name]).toBe(`${process.env.LAB_ECR}/${stack.repository}@${digest}`);
      expect(digests[builtTag(digest, name)]).toBe(digest);
    }
    expect(await stack.imagesByRole()).toEqual({ api: images.cpu, worker: images.worker, beat: images.cpu });
  });

  it("leaves nothing to change, also for another machine with the same commit", async () => {
    await stack.expectUnchanged();
    await stack.expectUnchanged(stack.secondMachine);
  });

  it("previews without changes in at most twice the time of a program that only asks AWS who it is", async () => {
    const seconds: Record<string, number> = {};
    const programs = { empty: "test/aws/programs/empty", identity: "test/aws/programs/identity", dev: "." };
    for (const folder of [programs.empty, programs.identity]) {
      await stack.must(`stack init -C ${folder}`);
      await stack.must(`config set aws:region us-east-1 -C ${folder}`);
    }
    // The best of five runs, so that other work on the machine does not decide.
    for (const [name, folder] of Array(5).fill(Object.entries(programs)).flat() as [string, string][]) {
      const start = performance.now();
      await stack.must(`preview -C ${folder}`);
      seconds[name] = Math.min(seconds[name] ?? Infinity, (performance.now() - start) / 1000);
    }
    console.log("seconds of a preview:", seconds);
    expect(seconds.dev / seconds.identity).toBeLessThan(2);
  });
}

export function laterUpdates(stack: AwsStack): void {
  /** Outputs of the release before the current one. */
  let earlier: Awaited<ReturnType<AwsStack["outputs"]>>;

  it("a refresh finds no drift", async () => {
    await stack.must("refresh --yes --skip-preview --expect-no-changes");
  });

  previewTests(stack);

  describe("a change", () => {
    it("of the code updates the images, their task definitions, and services, and nothing else", async () => {
      stack.edit("sample-app/spatialforge/main.py", (text) => `${text}\n# changed\n`);
      const changes = await stack.changes();
      expect(namesOf(changes, IMAGE_RESOURCES)).toEqual(["api", "cpu", "worker"]);
      expect(namesOf(changes, TASK_DEFINITIONS)).toEqual([
        "api-task-definition",
        "beat-task-definition",
        "model-download-task-definition",
        "verification-api-task-definition",
        "worker-task-definition",
      ]);
      expect(namesOf(changes, SERVICES)).toEqual(["api", "beat", "worker"]);
      expect(changes).toHaveLength(11);
      await stack.expectUnchanged();
    });

    it("of a static file updates only the images that contain it", async () => {
      stack.edit("sample-app/static/about.html", (text) => `${text}\n<!-- changed -->\n`);
      const changes = await stack.changes();
      expect(namesOf(changes, IMAGE_RESOURCES)).toEqual(["api", "cpu"]);
      expect(namesOf(changes, TASK_DEFINITIONS)).toEqual([
        "api-task-definition",
        "beat-task-definition",
        "model-download-task-definition",
        "verification-api-task-definition",
      ]);
      expect(namesOf(changes, SERVICES)).toEqual(["api", "beat"]);
      expect(changes).toHaveLength(8);
    });

    it("of the digest of a base image updates only the image that is built on it", async () => {
      stack.changeBase();
      const changes = await stack.changes();
      expect(namesOf(changes, IMAGE_RESOURCES)).toEqual(["cpu"]);
      expect(namesOf(changes, TASK_DEFINITIONS)).toEqual([
        "api-task-definition",
        "beat-task-definition",
        "model-download-task-definition",
      ]);
    });
  });

  describe("a failed rollout", () => {
    it("fails the update with the reason, exit code, and last log lines of each service, and the next update completes", async () => {
      const before = await stack.imagesByRole();
      const { release } = await stack.outputs();
      stack.edit("sample-app/spatialforge/main.py", (text) => `${text}\n# bad\n`);
      const fault = { mode: "stop", exitCode: 3, log: "RuntimeError: boom" } as const;
      const { code, text } = await stack.emulator.withFault("api", fault, () =>
        stack.emulator.withFault("beat", { ...fault, exitCode: 4 }, () => stack.run("up --yes --skip-preview")),
      );
      expect(code).not.toBe(0);
      expect(text).toMatch(/error: (api|beat): the new version failed/);
      for (const service of ["api", "beat"]) {
        const reason = `${service}: the new version failed: ECS deployment circuit breaker: tasks failed to start`;
        expect(text).toContain(reason);
        expect(text).toContain(`${service}: the previous version is running`);
      }
      expect(text).toMatch(/Essential container in task exited; api: exit code 3/);
      expect(text).toMatch(/Essential container in task exited; beat: exit code 4/);
      expect(text).toMatch(/RuntimeError: boom/);
      expect(await stack.runningImage("api")).toBe(before.api);
      // The release before still runs, and the one that failed is not recorded.
      const { releases } = await stack.releases();
      expect(releases[0]).toMatchObject({ id: release, running: true, missing: [] });
      expect(releases.filter(({ running }) => running)).toHaveLength(1);

      // The state of Pulumi already has the new task definition, which ECS does not run: nothing changes, but a deployment is due.
      const again = await stack.up();
      expect(again).toMatch(/api: ECS rolled back to an earlier task definition: starting a new deployment/);
      expect(again).toMatch(/\d+ unchanged/);
      expect(await stack.runningImage("api")).toBe((await stack.imagesByRole()).api);
      expect(await stack.runningImage("api")).not.toBe(before.api);
    });

    it("fails the update after the timeout with the last service event, and the next update completes", async () => {
      stack.edit("sample-app/spatialforge/main.py", (text) => `${text}\n# stalls\n`);
      const { code, text } = await stack.emulator.withFault("beat", { mode: "stall" }, () =>
        stack.run("up --yes --skip-preview"),
      );
      expect(code).not.toBe(0);
      expect(text).toMatch(
        /beat: the new version failed: the timeout expired \(spatialforge:healthTimeout, 20 s\): 0 of 1 new tasks are healthy/,
      );
      expect(text).toMatch(/last service event: .*unable to place a task/);
      expect(text).toContain("beat: the previous version is running");
      expect(text).toContain("api: the new version is running");
      await stack.up();
      expect(await stack.runningImage("beat")).toBe((await stack.imagesByRole()).beat);
    });

    it("does not include old tasks that finish their jobs, however long they take", async () => {
      earlier = await stack.outputs();
      stack.set("spatialforge:healthTimeout", 10);
      stack.edit("sample-app/spatialforge/main.py", (text) => `${text}\n# waits\n`);
      const text = await stack.emulator.withFault("api", { mode: "protected", seconds: 15 }, () => stack.up());
      expect(text).toMatch(/api: 1 of 1 new tasks are healthy, 1 old task is running/);
    });
  });

  it("npm run rollback deploys the release before, and builds and pushes nothing", async () => {
    const { release } = await stack.outputs();
    expect(release).not.toBe(earlier.release);
    const [later, before] = (await stack.releases()).releases;
    expect(later).toMatchObject({ id: release, running: true });
    expect(before).toMatchObject({ id: earlier.release, running: false, missing: [] });
    expect(before.images.worker?.verified).toEqual([expect.stringMatching(/^worker on ami-/)]);
    const pushed = await stack.ecr.digests(stack.repository);
    const uploads = stack.ecr.uploadsTo(stack.repository);

    const rollback = commandInText("npm run rollback -- --stack NAME").replace("NAME", stack.stack);
    const text = await stack.mustLine(`${rollback} --yes`);
    expect(text).toMatch(new RegExp(`from +${release} .*\\n +to +${earlier.release} `));
    expect(text).toContain("Commit that file");
    const changes = await stack.changes(Promise.resolve(text));
    expect(stack.ecr.uploadsTo(stack.repository)).toBe(uploads);
    expect(stack.read("Pulumi.dev.yaml")).toContain(`spatialforge:release: ${earlier.release}`);
    expect(changes.filter(({ op, type }) => IMAGE_RESOURCES.test(type) && op !== "deleted")).toEqual([]);
    const now = await stack.ecr.digests(stack.repository);
    expect(now).toMatchObject(pushed);
    expect(new Set(Object.values(now))).toEqual(new Set(Object.values(pushed)));
    const added = Object.keys(now).filter((tag) => !(tag in pushed));
    expect(added.map((tag) => deploymentOfTag(tag)?.release)).toEqual([earlier.release]);
    expect((await stack.outputs()).images).toEqual(earlier.images);
    expect(await stack.runningImage("api")).toBe(earlier.images.cpu);
    expect((await stack.outputs()).release).toBe(earlier.release);
  });

  it("an update without credentials changes nothing and prints the remedy", async () => {
    const none = "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_PROFILE;";
    const { code, text } = await stack.run("up --yes --skip-preview", stack.clone, none);
    expect(code).not.toBe(0);
    expect(text).toMatch(
      /AWS rejected the credentials \(No valid credential sources found\): sign in, for example with `aws sso login`/,
    );
    expect(text).not.toMatch(/docker:index:Image/);
  });

  it("a release that ECR does not have is rejected before anything changes", async () => {
    stack.set("spatialforge:release", "nothing-here");
    const { code, text } = await stack.run("up --yes --skip-preview");
    stack.set("spatialforge:release", "");
    expect(code).not.toBe(0);
    expect(text).toMatch(
      /spatialforge:release = nothing-here\s+the ECR repository spatialforge-dev has no such release: its newest releases are /,
    );
  });

  it("the next update completes one that was killed after its push", async () => {
    stack.edit("sample-app/spatialforge/main.py", (text) => `${text}\n# killed\n`);
    await stack.upKilledAfterPush("worker");
    expect(await stack.up()).toMatch(/undoes a rollback: dev runs \S+, although \S+ is newer/);
    await stack.expectUnchanged();
    const { images } = await stack.outputs();
    expect(await stack.runningImage("worker")).toBe(images.worker);
  });

  it("npm run lock -- --ami updates both stack files to the latest AMI, once", async () => {
    const machine = stack.secondMachine;
    const lock = (option = "") => stack.line(`export AWS_REGION=us-east-1; npm run lock -- --ami ${option}`, machine);
    const files = ["Pulumi.dev.yaml", "Pulumi.prod.yaml"];
    const old = "al2023-ami-ecs-gpu-hvm-2023.0.20240409-kernel-6.1-x86_64-ebs";
    for (const file of files) machine.edit(file, (text) => text.replace(/(?<=amiName: ).*/, old));
    const before = files.map((file) => machine.read(file));
    expect((await lock("--check")).code).toBe(1);
    expect(files.map((file) => machine.read(file))).toEqual(before);
    const { code, text } = await lock();
    expect(code, text).toBe(0);
    const [, latest] = /^(\S+): Pulumi.dev.yaml, Pulumi.prod.yaml$/m.exec(text) ?? [];
    expect(latest).toMatch(AMI_NAME);
    for (const [index, file] of files.entries()) expect(machine.read(file)).toBe(before[index].replace(old, latest));
    expect((await lock("--check")).text).toContain(`${latest}: unchanged`);
  });

  it("the commands of docs/operations.md replace the administrator key, and the tasks restart with it", async () => {
    const commands = commandsUnder("Rotate keys", "docs/operations.md").join("\n").replaceAll("NAME", stack.stack);
    const changes = await stack.changes(stack.mustLine(commands));
    expect(namesOf(changes, /RandomPassword$/)).toEqual(["application-admin-api-key"]);
    expect(namesOf(changes, SERVICES)).toEqual(["api", "beat", "worker"]);
  });

  it("no generated secret is in the state, the output of the CLI, or an image", async () => {
    await stack.expectNoSecrets();
  });

  it("destroy deletes resources before those that they depend on, and leaves nothing", async () => {
    expectOrder(await stack.resources());
    expect(await stack.remainingResources()).toContain("ec2 vpcs");
    await stack.must("destroy --yes --skip-preview");
    expect(await stack.resources()).toEqual([]);
    expect(await stack.remainingResources()).toEqual([]);
  });
}
