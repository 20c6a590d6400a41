import { spawn } from "node:child_process";
import { renameSync } from "node:fs";
import { expect, it } from "vitest";
import { docker, until } from "../harness/engine";
import { SERVICES, type LocalService } from "../harness/local-service";

const MAIN = "sample-app/spatialforge/main.py";

/** Number of updates to kill. Set KILLS to a higher number to search for a moment that cannot be repaired. */
const KILLS = Number(process.env.KILLS ?? 2);

/** Milliseconds in which an update of the code completes on 2 cores. */
const UPDATE_MS = 14_000;

/** Updates that are killed or started twice, and a clone whose state or folder changes. */
export function interruptions(service: LocalService): void {
  const { clone } = service;
  const up = () => clone.run("npm run up");
  const changeCode = () => service.edit(MAIN, (text) => `${text}\n# ${Date.now()}\n`);

  it.each(Array.from({ length: KILLS }, () => Math.round(Math.random() * UPDATE_MS)))(
    "killed %i ms after its start: the next update succeeds",
    async (moment) => {
      changeCode();
      const update = spawn("npm", ["run", "up"], { cwd: clone.folder, stdio: "ignore" });
      await new Promise((resolve) => setTimeout(resolve, moment));
      clone.killProcesses();
      if (update.exitCode === null && update.signalCode === null)
        await new Promise((done) => update.once("exit", done));
      const text = await service.up();
      for (const name of SERVICES) expect(text).toMatch(new RegExp(`│ ${name} .* │ healthy │`));
      expect(service.containers()).toHaveLength(SERVICES.length);
      expect((await service.request("/v1/depth", {})).status).toBe(200);
    },
  );

  it("killed while it holds the lock: the next update says that it releases the lock, and repairs the state", async () => {
    changeCode();
    const update = clone.run("npm run up");
    await until("the update replaces a container", 60, () => service.containers().length > SERVICES.length);
    clone.killProcesses();
    await update;
    expect(await service.up()).toMatch(/The last update was interrupted: its process \d+ is gone\. Releasing its lock/);
    expect(service.containers()).toHaveLength(SERVICES.length);
  });

  it("two updates at the same time: the second one fails and leaves the lock to the first one", async () => {
    changeCode();
    const first = clone.run("npm run up");
    await until(
      "the first update has the lock",
      60,
      async () => (await clone.run("ls .state/.pulumi/locks/*/*/*/*.json")).code === 0,
    );
    const second = await up();
    expect(second.code).not.toBe(0);
    expect(second.text).toMatch(
      /Another update of this stack is running \(process \d+, since .*\)\. Wait until it has finished/,
    );
    const { code, text } = await first;
    expect(code, text).toBe(0);
  });

  it("in a clone that was moved, an update finds the service and changes nothing", async () => {
    const before = service.containers();
    const moved = `${clone.folder}-moved`;
    renameSync(clone.folder, moved);
    try {
      const { code, text } = await clone.run("npm run up", moved);
      expect(code, text).toBe(0);
      expect(text).not.toMatch(/[~+-] \d+ (created|updated|deleted|replaced)/);
    } finally {
      renameSync(moved, clone.folder);
    }
    expect(service.containers()).toEqual(before);
  });

  it("without its state, an update refuses to create a second service", async () => {
    const before = service.containers();
    renameSync(service.path(".state"), service.path("state-elsewhere"));
    try {
      const { code, text } = await up();
      expect(code).not.toBe(0);
      expect(text).toMatch(/its state is not in \.state\/\. .* `npm run down -- --without-state`/);
    } finally {
      await clone.run("rm -r .state");
      renameSync(service.path("state-elsewhere"), service.path(".state"));
    }
    expect(service.containers()).toEqual(before);
    expect(docker("inspect", "-f", "{{.State.Running}}", ...before).split("\n")).toEqual(before.map(() => "true"));
  });
}
