/**
 * The machines that a lock supports: Linux with CPython, on both architectures. It is an entry of `tool.uv.environments`, in the form in which
 * uv writes a marker. uv does not know that `implementation_name` and `platform_python_implementation` have the same meaning.
 */
export const LOCK_ENVIRONMENT = `implementation_name == 'cpython' and (${["aarch64", "x86_64"]
  .map(
    (machine) =>
      `(platform_machine == '${machine}' and platform_python_implementation == 'CPython' and sys_platform == 'linux')`,
  )
  .join(" or ")})`;
