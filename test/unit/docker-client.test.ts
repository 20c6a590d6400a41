import { createHash } from "node:crypto";
import { join } from "node:path";
import type DockerModem from "docker-modem";
import { describe, expect, it, vi } from "vitest";
import { useDockerContext } from "../../scripts/local/docker-context";
import { dockerClient } from "../../stack/clients/docker";
import { dockerEndpoint, dockerEnvironment } from "../../stack/clients/docker-endpoint";
import { dockerConfig } from "../harness/docker-config";
import { fakeEngine } from "../harness/fake-engine";

const SOCKET = "unix:///run/user/1000/docker.sock";
const CONTEXTS = { rootless: { host: SOCKET }, remote: { host: "tcp://docker.example.com:2376", tls: true } };

/** The connection of the client. */
const connection = () => dockerClient().modem as DockerModem & Record<string, unknown>;

describe("the engine", () => {
  it("is the one in DOCKER_HOST, even if a context is selected", () => {
    dockerConfig({ currentContext: "rootless" }, CONTEXTS);
    vi.stubEnv("DOCKER_CONTEXT", "remote");
    vi.stubEnv("DOCKER_HOST", "tcp://127.0.0.1:9");
    expect(dockerEndpoint()).toEqual({ host: "tcp://127.0.0.1:9" });
    expect(connection()).toMatchObject({ host: "127.0.0.1", port: "9", protocol: "http" });
  });

  it("is the one of the current context", () => {
    dockerConfig({ currentContext: "rootless" }, CONTEXTS);
    expect(dockerEndpoint()).toEqual({ host: SOCKET, context: "rootless" });
    expect(connection()).toMatchObject({ socketPath: "/run/user/1000/docker.sock", host: undefined });
    expect(dockerEnvironment()).toEqual({ DOCKER_HOST: SOCKET });
  });

  it("is the one of the context in DOCKER_CONTEXT, with its certificates", () => {
    const folder = dockerConfig({ currentContext: "rootless" }, CONTEXTS);
    vi.stubEnv("DOCKER_CONTEXT", "remote");
    const certificates = join(folder, "contexts/tls", createHash("sha256").update("remote").digest("hex"), "docker");
    const { host } = CONTEXTS.remote;
    expect(dockerEndpoint()).toEqual({ host, context: "remote", certificates });
    expect(connection()).toMatchObject({ host: "docker.example.com", port: "2376", protocol: "https" });
    expect(String(connection().key)).toContain("BEGIN CERTIFICATE");
    expect(dockerEnvironment()).toEqual({
      DOCKER_HOST: host,
      DOCKER_CERT_PATH: certificates,
      DOCKER_TLS_VERIFY: "1",
    });
  });

  it("can be reached through SSH", () => {
    dockerConfig({ currentContext: "ssh" }, { ssh: { host: "ssh://me@docker.example.com:2222" } });
    expect(connection()).toMatchObject({
      host: "docker.example.com",
      port: "2222",
      protocol: "ssh",
      username: "me",
    });
  });

  it.each([
    ["without a context", {}, undefined],
    ["with the context default", { currentContext: "default" }, undefined],
    ["with default in DOCKER_CONTEXT", { currentContext: "rootless" }, "default"],
  ])("is the one at the default socket %s", (_, config, context) => {
    dockerConfig(config, CONTEXTS);
    vi.stubEnv("DOCKER_CONTEXT", context);
    expect(dockerEndpoint()).toEqual({});
    expect(dockerEnvironment()).toEqual({ DOCKER_HOST: "unix:///var/run/docker.sock" });
  });

  it("answers requests of a client that found it through a context", async () => {
    const host = await fakeEngine();
    dockerConfig({ currentContext: "fake" }, { fake: { host } });
    expect(await dockerClient().version()).toMatchObject({ Version: "26.1.5" });
  });
});

describe("npm run up", () => {
  it("passes the engine of the context on in DOCKER_HOST, and not the context", () => {
    dockerConfig({}, CONTEXTS);
    vi.stubEnv("DOCKER_CONTEXT", "rootless");
    useDockerContext("local");
    expect(process.env).toMatchObject({ DOCKER_HOST: SOCKET });
    expect(process.env).not.toHaveProperty("DOCKER_CONTEXT");
  });

  it("fails with the problem of the context", () => {
    dockerConfig({ currentContext: "nope" });
    expect(() => useDockerContext("local")).toThrow(
      /^stack local: 1 problem, nothing was changed\n {2}spatialforge:platform = docker\n .* names the Docker context nope/,
    );
  });
});
