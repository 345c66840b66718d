/** Manifests of bundles for tests that are about other parts of them. */
import type { ManifestInput } from '../../src/pipeline/bundle/manifest.js';

/** Sound, and of a failure of which nothing is known. */
export const emptyManifest: ManifestInput = {
  schema: 'kptool-bundle/1',
  version: '0.1.0',
  name: 'livepatch-fix',
  step: 'diff',
  diagnostics: [],
  facts: [],
  isComputed: false,
  commandLine: [],
  configuration: {},
  tools: {},
  kernel: { release: '6.1.0-13-amd64', chosenBy: 'the option --kernel' },
  compiler: ['gcc-12'],
  patches: [],
  commands: [],
  exports: {},
  hashes: {},
};
