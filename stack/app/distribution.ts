import { parse as parseToml } from "smol-toml";
import type { Problem } from "../config/problem";
import { PYTHON_VERSION } from "../config/python-version";
import { isTable } from "../lock/project";

/** What `importlib.metadata` in the images knows about the application. */
export interface Distribution {
  /** As in `project.name`. */
  name: string;
  version: string;
  /** Object references by name, by group, as in `{ console_scripts: { app: "app.cli:main" } }`. */
  entryPoints: Record<string, Record<string, string>>;
}

/** The fields of `[project]` that contain entry points, and their groups. The groups of `entry-points` are its keys. */
const SCRIPT_GROUPS = { scripts: "console_scripts", "gui-scripts": "gui_scripts" } as const;
const ENTRY_POINT_FIELDS = [...Object.keys(SCRIPT_GROUPS), "entry-points"];

/**
 * Reads name, version, and entry points from `[project]`. Nothing builds the application, so a build backend cannot add dynamic metadata.
 *
 * @param pyproject - text of a `pyproject.toml` with a `project.name`
 * @param version - the setting `app.version`
 * @returns the problems, and the distribution. With a problem, its version can be `0`.
 */
export function readDistribution(
  pyproject: string,
  version?: string,
): { distribution: Distribution; problems: Problem[] } {
  const { project = {} } = parseToml(pyproject) as { project?: Record<string, unknown> };
  const dynamic = Array.isArray(project.dynamic) ? project.dynamic.map(String) : [];
  const dynamicFields = ENTRY_POINT_FIELDS.filter((field) => dynamic.includes(field));
  const entryPoints = readEntryPoints(project);
  const problems: Problem[] = [
    ...versionProblems(project.version, version),
    ...dynamicFields.map((field) => ({
      key: "app",
      value: `project.dynamic = ["${field}"]`,
      remedy: `the ${field} in pyproject.toml are dynamic, and nothing builds the application: list them in project.${field}`,
    })),
    ...(entryPoints
      ? []
      : [
          {
            key: "app",
            remedy:
              'the entry points in pyproject.toml are not tables of text: write each as `name = "package.module:function"`',
          },
        ]),
  ];
  const found = typeof project.version === "string" ? project.version : version;
  return {
    distribution: { name: String(project.name), version: found ?? "0", entryPoints: entryPoints ?? {} },
    problems,
  };
}

/** @param declared - `project.version` */
function versionProblems(declared: unknown, version?: string): Problem[] {
  if (declared === undefined) {
    if (version !== undefined) return [];
    const command = "`pulumi config set --path spatialforge:app.version 1.4.0`";
    return [
      { key: "app.version", remedy: `pyproject.toml has no version, or a dynamic one: set it, as in ${command}` },
    ];
  }
  if (typeof declared !== "string" || !PYTHON_VERSION.test(declared)) {
    const remedy =
      'project.version in pyproject.toml is no version: write it as text in the form of PEP 440, as in "1.4.0"';
    return [{ key: "app", value: `version = ${JSON.stringify(declared)}`, remedy }];
  }
  if (version === undefined) return [];
  const remedy = `pyproject.toml has the version ${declared}: remove this setting`;
  return [{ key: "app.version", value: version, remedy }];
}

/** Returns undefined if a field has the wrong type. */
function readEntryPoints(project: Record<string, unknown>): Distribution["entryPoints"] | undefined {
  const scripts = Object.entries(SCRIPT_GROUPS).map(([field, group]) => [group, project[field] ?? {}] as const);
  const others = project["entry-points"] ?? {};
  if (!isTable(others)) return undefined;
  const groups = [...scripts, ...Object.entries(others)];
  if (!groups.every(([, points]) => isTable(points) && Object.values(points).every((one) => typeof one === "string"))) {
    return undefined;
  }
  return Object.fromEntries(
    groups.filter(([, points]) => Object.keys(points as object).length > 0),
  ) as Distribution["entryPoints"];
}

/**
 * The `.dist-info` folder of a distribution: its name and its files, in the form of the specification "Recording installed projects"
 * (packaging.python.org). It has no RECORD: nothing uninstalls the application.
 */
export function distInfo({ name, version, entryPoints }: Distribution): {
  folder: string;
  files: Record<string, string>;
} {
  const normalized = name.replace(/[-_.]+/g, "_").toLowerCase();
  const groups = Object.entries(entryPoints).map(
    ([group, points]) =>
      `[${group}]\n${Object.entries(points)
        .map(([point, reference]) => `${point} = ${reference}\n`)
        .join("")}`,
  );
  return {
    folder: `${normalized}-${version.replaceAll("-", "_")}.dist-info`,
    files: {
      METADATA: `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`,
      ...(groups.length > 0 ? { "entry_points.txt": groups.join("\n") } : {}),
    },
  };
}
