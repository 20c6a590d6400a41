/**
 * The machines that a lock supports: Linux with CPython, on both architectures. It is an entry of `tool.uv.environments`, in the form in which
 * uv writes a marker.
 */
export const LOCK_ENVIRONMENT =
  "implementation_name == 'cpython' and ((platform_machine == 'aarch64' and sys_platform == 'linux') or " +
  "(platform_machine == 'x86_64' and sys_platform == 'linux'))";
