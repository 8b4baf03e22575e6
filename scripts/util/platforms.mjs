/** The platforms that a release has addons for, by Rust target. `napi.targets` in package.json lists the same. */
export const PLATFORMS = {
  'x86_64-unknown-linux-gnu': { triple: 'linux-x64-gnu', os: 'linux', cpu: 'x64', libc: 'glibc' },
  'x86_64-unknown-linux-musl': { triple: 'linux-x64-musl', os: 'linux', cpu: 'x64', libc: 'musl' },
  'aarch64-unknown-linux-gnu': { triple: 'linux-arm64-gnu', os: 'linux', cpu: 'arm64', libc: 'glibc' },
  'aarch64-unknown-linux-musl': { triple: 'linux-arm64-musl', os: 'linux', cpu: 'arm64', libc: 'musl' },
  'x86_64-apple-darwin': { triple: 'darwin-x64', os: 'darwin', cpu: 'x64' },
  'aarch64-apple-darwin': { triple: 'darwin-arm64', os: 'darwin', cpu: 'arm64' },
  'x86_64-pc-windows-msvc': { triple: 'win32-x64-msvc', os: 'win32', cpu: 'x64' },
};

/** The licences of what an addon contains; goes along with every addon. */
export const NOTICE = 'NOTICE';

/** File name of a platform's addon. */
export const addonOf = ({ triple }) => `kodus-flow-runtime.${triple}.node`;

/** Name of a platform's package. */
export const packageOf = (main, { triple }) => `${main}-${triple}`;

/** The manifest of a platform's package: data and the addon, nothing that runs at installation. */
export function manifestOf(main, target) {
  const platform = PLATFORMS[target];
  return {
    name: packageOf(main.name, platform),
    version: main.version,
    description: `The native addon of ${main.name} for ${target}`,
    license: main.license,
    repository: main.repository,
    engines: main.engines,
    os: [platform.os],
    cpu: [platform.cpu],
    ...(platform.libc === undefined ? {} : { libc: [platform.libc] }),
    main: addonOf(platform),
    files: [addonOf(platform), NOTICE],
    publishConfig: { access: 'public', provenance: true },
  };
}

export function readmeOf(main, target) {
  const { name } = manifestOf(main, target);
  return `# \`${name}\`

The native addon of [\`${main.name}\`](https://www.npmjs.com/package/${main.name}) for \`${target}\`.

\`${main.name}\` has it as an optional dependency and loads it by itself: install \`${main.name}\`, not this.
`;
}
