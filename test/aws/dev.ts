import { beforeAll, describe, expect, it } from "vitest";
import { AMI_NAME } from "../../stack/aws/ami";
import { IMAGES } from "../../stack/images/table";
import type { AwsStack, Change } from "../harness/aws-stack";
import { expectOrder } from "../harness/order";
import { commandInText, commandsUnder } from "../harness/readme";

/** The changes of an update without what belongs to no resource of a cloud. */
const named = (changes: Change[], type: RegExp) =>
  changes
    .filter((change) => type.test(change.type))
    .map(({ name }) => name)
    .sort();
const definitions = /TaskDefinition$/;
const services = /^aws:ecs:Service$/;
const images = /^docker:index:Image$/;

/** One of them measures time: nothing else of the kind may run beside them. */
export function firstUpdate(stack: AwsStack): void {
  beforeAll(async () => {
    await stack.start();
    await stack.note();
    const [install, ...commands] = commandsUnder("On AWS");
    expect(install).toBe("npm ci"); // that was done, or no test would run
    for (const command of commands) await stack.mustLine(command);
  });

  it("up from nothing: the three images are in ECR, and the task definitions name them by digest", async () => {
    const digests = await stack.ecr.digests(stack.repository);
    const { images: outputs, release, url } = await stack.outputs();
    expect(url).toMatch(/^http:\/\/spatialforge-dev/);
    for (const { name } of IMAGES) {
      expect(outputs[name]).toBe(`${process.env.LAB_ECR}/${stack.repository}@${digests[`release-${release}-${name}`]}`);
    }
    expect(await stack.running()).toEqual({ api: outputs.cpu, worker: outputs.worker, beat: outputs.cpu });
  });

  it("a preview shows nothing to change; neither does another machine's with the same commit", async () => {
    await stack.expectUnchanged();
    await stack.expectUnchanged(stack.secondMachine);
  });

  it("a preview with nothing to change takes at most twice one that only asks AWS who it is", async () => {
    const seconds: Record<string, number> = {};
    const programs = { empty: "test/aws/programs/empty", identity: "test/aws/programs/identity", dev: "." };
    for (const folder of [programs.empty, programs.identity]) {
      await stack.must(`stack init -C ${folder}`);
      await stack.must(`config set aws:region us-east-1 -C ${folder}`);
    }
    // The better of two, side by side: other work on the machine must not decide.
    for (const [name, folder] of [...Object.entries(programs), ...Object.entries(programs)]) {
      const start = performance.now();
      await stack.must(`preview -C ${folder}`);
      seconds[name] = Math.min(seconds[name] ?? Infinity, (performance.now() - start) / 1000);
    }
    console.log("seconds of a preview:", seconds);
    expect(seconds.dev / seconds.identity).toBeLessThan(2);
  });
}

export function laterUpdates(stack: AwsStack): void {
  it("a refresh finds no drift", async () => {
    await stack.must("refresh --yes --skip-preview --expect-no-changes");
  });

  describe("a change", () => {
    it("of the code: the images, their task definitions and services, and nothing else", async () => {
      stack.edit("sample-app/spatialforge/main.py", (text) => `${text}\n# changed\n`);
      const changes = await stack.changes();
      expect(named(changes, images)).toEqual(["api", "cpu", "worker"]);
      expect(named(changes, definitions)).toEqual(["api", "beat", "fill-models", "worker"]);
      expect(named(changes, services)).toEqual(["api", "beat", "worker"]);
      expect(changes).toHaveLength(10);
      await stack.expectUnchanged();
    });

    it("of a page: only what holds pages", async () => {
      stack.edit("sample-app/static/about.html", (text) => `${text}\n<!-- changed -->\n`);
      const changes = await stack.changes();
      expect(named(changes, images)).toEqual(["api", "cpu"]);
      expect(named(changes, definitions)).toEqual(["api", "beat", "fill-models"]);
      expect(named(changes, services)).toEqual(["api", "beat"]);
      expect(changes).toHaveLength(7);
    });

    it("of a base's digest: only the image that stands on it", async () => {
      stack.changeBase();
      const changes = await stack.changes();
      expect(named(changes, images)).toEqual(["cpu"]);
      expect(named(changes, definitions)).toEqual(["api", "beat", "fill-models"]);
    });
  });

  describe("a rollout that fails", () => {
    it("is an update that fails, with each service, the reason, the exit code and the last log lines; the next one completes", async () => {
      const before = await stack.running();
      stack.edit("sample-app/spatialforge/main.py", (text) => `${text}\n# bad\n`);
      const fault = { mode: "stop", exitCode: 3, log: "RuntimeError: boom" } as const;
      const { code, text } = await stack.emulator.failing("api", fault, () =>
        stack.emulator.failing("beat", { ...fault, exitCode: 4 }, () => stack.run("up --yes --skip-preview")),
      );
      expect(code).not.toBe(0);
      expect(text).toMatch(/error: (api|beat): the new tasks did not come to run/);
      for (const service of ["api", "beat"]) {
        const why = `${service}: the new tasks did not come to run: ECS deployment circuit breaker: tasks failed to start`;
        expect(text).toContain(why);
      }
      expect(text).toMatch(/Essential container in task exited; api: exit code 3/);
      expect(text).toMatch(/Essential container in task exited; beat: exit code 4/);
      expect(text).toMatch(/RuntimeError: boom/);
      expect(await stack.runs("api")).toBe(before.api);

      // Pulumi's state names what ECS does not run: nothing to change, and yet a deployment is due.
      const again = await stack.up();
      expect(again).toMatch(/api: ECS went back to an earlier task definition: deploying again/);
      expect(again).toMatch(/\d+ unchanged/);
      expect(await stack.runs("api")).toBe((await stack.running()).api);
      expect(await stack.runs("api")).not.toBe(before.api);
    });

    it("by stalling: the update fails with what ECS says of it; the next one completes", async () => {
      stack.edit("sample-app/spatialforge/main.py", (text) => `${text}\n# stalls\n`);
      const { code, text } = await stack.emulator.failing("beat", { mode: "stall" }, () =>
        stack.run("up --yes --skip-preview"),
      );
      expect(code).not.toBe(0);
      expect(text).toMatch(/beat: the new tasks did not come to run: not within 20 s: 0 of 1 new tasks run/);
      expect(text).toMatch(/ECS says: .*unable to place a task/);
      await stack.up();
      expect(await stack.runs("beat")).toBe((await stack.running()).beat);
    });

    it("not: old tasks that finish their jobs are progress, however long they take", async () => {
      stack.set("spatialforge:healthTimeout", 10);
      stack.edit("sample-app/spatialforge/main.py", (text) => `${text}\n# waits\n`);
      const text = await stack.emulator.failing("api", { mode: "protected", seconds: 15 }, () => stack.up());
      expect(text).toMatch(/api: 1 of 1 new tasks run, 1 old one runs/);
    });
  });

  it("a release goes back to what it was, without a build or a push", async () => {
    const earlier = await stack.outputs();
    stack.edit("sample-app/spatialforge/main.py", (text) => `${text}\n# newer\n`);
    await stack.up();
    expect((await stack.outputs()).release).not.toBe(earlier.release);
    const pushed = await stack.ecr.digests(stack.repository);

    const back = commandInText("pulumi config set spatialforge:release ID").replace("ID", earlier.release);
    const changes = await stack.changes(stack.mustLine(back));
    expect(changes.filter(({ op, type }) => images.test(type) && op !== "deleted")).toEqual([]);
    expect(await stack.ecr.digests(stack.repository)).toEqual(pushed);
    expect((await stack.outputs()).images).toEqual(earlier.images);
    expect(await stack.runs("api")).toBe(earlier.images.cpu);
    expect((await stack.outputs()).release).toBe(earlier.release);
  });

  it("an update without credentials changes nothing, and says what to do", async () => {
    const none = "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_PROFILE;";
    const { code, text } = await stack.run("up --yes --skip-preview", stack.clone, none);
    expect(code).not.toBe(0);
    expect(text).toMatch(
      /AWS does not take the credentials \(No valid credential sources found\): sign in, as with `aws sso login`/,
    );
    expect(text).not.toMatch(/docker:index:Image/);
  });

  it("a release that ECR lacks is refused before anything is changed", async () => {
    stack.set("spatialforge:release", "nothing-here");
    const { code, text } = await stack.run("up --yes --skip-preview");
    stack.set("spatialforge:release", "");
    expect(code).not.toBe(0);
    expect(text).toMatch(
      /spatialforge:release = nothing-here\s+the ECR repository spatialforge-dev has no such release: its newest are /,
    );
  });

  it("an update that is killed after its push is completed by the next one", async () => {
    stack.edit("sample-app/spatialforge/main.py", (text) => `${text}\n# killed\n`);
    await stack.upKilledAfterPush("worker");
    await stack.up();
    await stack.expectUnchanged();
    const { images: outputs } = await stack.outputs();
    expect(await stack.runs("worker")).toBe(outputs.worker);
  });

  it("npm run lock -- --ami moves both environments to the newest AMI, once", async () => {
    const machine = stack.secondMachine;
    const lock = (option = "") => stack.line(`export AWS_REGION=us-east-1; npm run lock -- --ami ${option}`, machine);
    const files = ["Pulumi.dev.yaml", "Pulumi.prod.yaml"];
    const old = "al2023-ami-ecs-gpu-hvm-2023.0.20240409-kernel-6.1-x86_64-ebs";
    for (const file of files) machine.edit(file, (text) => text.replace(/(?<=ami: ).*/, old));
    const before = files.map((file) => machine.read(file));
    expect((await lock("--check")).code).toBe(1);
    expect(files.map((file) => machine.read(file))).toEqual(before);
    const { code, text } = await lock();
    expect(code, text).toBe(0);
    const [, newest] = /^(\S+): Pulumi.dev.yaml, Pulumi.prod.yaml$/m.exec(text) ?? [];
    expect(newest).toMatch(AMI_NAME);
    for (const [place, file] of files.entries()) expect(machine.read(file)).toBe(before[place].replace(old, newest));
    expect((await lock("--check")).text).toContain(`${newest}: unchanged`);
  });

  it("no generated secret is in the state, in what was said, or in an image", async () => {
    await stack.expectNoSecrets();
  });

  it("what depends on another thing goes before it; destroy leaves nothing", async () => {
    expectOrder(await stack.resources());
    expect(await stack.left()).toContain("ec2 vpcs");
    await stack.must("destroy --yes --skip-preview");
    expect(await stack.resources()).toEqual([]);
    expect(await stack.left()).toEqual([]);
  });
}
