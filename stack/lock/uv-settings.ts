const names = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Settings in `[tool.uv]` that uv reads from `pyproject.toml` only. Source: https://docs.astral.sh/uv/reference/settings/#project-metadata */
export const PROJECT_UV_SETTINGS = names(`
  build-constraint-dependencies constraint-dependencies exclude-dependencies override-dependencies sources`);

/** Settings in `[tool.uv]` of an app that a lock uses. */
export const USED_UV_SETTINGS = [
  ...PROJECT_UV_SETTINGS,
  ...names(`
  dependency-metadata exclude-newer exclude-newer-package extra-build-dependencies extra-index-url fork-strategy index index-strategy index-url
  no-build no-build-package no-sources no-sources-package prerelease resolution`),
];

/** Lists in which the order matters. Source: https://docs.astral.sh/uv/reference/settings/#extra-index-url */
export const ORDERED_UV_SETTINGS = ["extra-index-url"];

/** Settings that change no locked version. `environments` is replaced by the machines that the images run on. All others are refused. */
export const UNUSED_UV_SETTINGS = names(`
  add-bounds allow-insecure-host build-backend cache-dir cache-keys check-url compile-bytecode concurrent-builds concurrent-downloads
  concurrent-installs conflicts default-groups dependency-groups dev-dependencies environments keyring-provider link-mode managed native-tls
  no-cache package pip preview preview-features publish-url pypy-install-mirror python-downloads python-install-mirror python-preference reinstall
  reinstall-package required-environments required-version system-certs trusted-publishing upgrade upgrade-package workspace`);
