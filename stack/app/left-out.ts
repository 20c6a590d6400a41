/** Files of the application that no image contains, by the name of the file or folder, each with the reason. A `*` is any text. */
export const LEFT_OUT: readonly { names: readonly string[]; reason: string }[] = [
  { names: [".git", ".hg", ".svn"], reason: "data of version control" },
  { names: [".env", ".env.*"], reason: "variables of a developer's machine, often secrets: use the setting `env`" },
  { names: [".venv"], reason: "packages of a developer's machine" },
  { names: ["__pycache__", "*.pyc", "*.pyo"], reason: "bytecode of another Python" },
  {
    names: [".pytest_cache", ".mypy_cache", ".ruff_cache", ".ipynb_checkpoints"],
    reason: "caches of development tools",
  },
  {
    names: [".DS_Store", "Thumbs.db", ".idea", ".vscode", "*.swp", "*~"],
    reason: "files of operating systems and editors",
  },
];

const NAMES = LEFT_OUT.flatMap(({ names }) => names).map((name) => name.replaceAll(".", "\\.").replaceAll("*", ".*"));
const LEFT_OUT_NAME = new RegExp(`^(${NAMES.join("|")})$`);

/** Whether no image contains a file. @param path - relative, with slashes */
export const isLeftOut = (path: string): boolean => path.split("/").some((name) => LEFT_OUT_NAME.test(name));
