/** Targets and environments that provoke the findings of `pipeline`. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { pipelineMessages } from '../../src/diagnostics/pipeline-messages.js';
import { readModuleFile } from '../../src/kernel/module-file.js';
import { createDiffObject } from '../../src/pipeline/create-diff-object.js';
import { TargetModules, unseenWarnings } from '../../src/pipeline/target-modules.js';
import { moduleFile, temporaryFolder, vermagicOf } from '../unit/kernel/target.js';
import type { Provocations } from './provocation.js';

const release = '6.1.0-13-no-such-kernel';

const nowhere = () => new TargetModules({ given: [], inTree: [], release, kernelModules: new Set() });

/** The module as just built from the unpatched source, which is found in no other place. */
async function justBuilt() {
  const modules = nowhere();
  modules.addBuilt([await readModuleFile(await moduleFile({ information: ['name=ib_mad', vermagicOf(release)] }))]);
  return unseenWarnings(await modules.closure(['ib_mad']));
}

async function withSize(value: string) {
  const folder = await temporaryFolder();
  const file = path.join(folder, 'empty');
  await writeFile(file, '');
  return createDiffObject({
    original: file,
    patched: file,
    parentName: 'ib_mad',
    parentSymbols: file,
    symvers: file,
    output: path.join(folder, 'output.o'),
    environment: { BUG_STRUCT_SIZE: value },
  });
}

export const pipelineProvocations = {
  'target-module-missing': () => nowhere().closure(['ib_mad']),
  'entry-size-invalid': () => withSize('12 bytes'),
  'target-not-seen': justBuilt,
} satisfies Provocations<typeof pipelineMessages>;
