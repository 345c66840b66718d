import { expect, test } from 'vitest';
import { readModuleFile } from '../../../src/kernel/module-file.js';
import { TargetModules, unusedWarnings } from '../../../src/pipeline/target-modules.js';
import { moduleFile, vermagicOf } from '../kernel/target.js';

const release = '6.1.0-13-no-such-kernel';
const moduleOf = async (name: string) =>
  readModuleFile(await moduleFile({ information: [`name=${name}`, vermagicOf(release)] }));

/** The warnings of a build that changes ib_mad, with these modules given and ib_mad in the tree. */
async function warnings(...names: readonly string[]) {
  const given = await Promise.all(names.map(moduleOf));
  const inTree = await moduleOf('ib_mad');
  const modules = new TargetModules({ given, inTree: [inTree], release, kernelModules: new Set() });
  const found = unusedWarnings(given, await modules.closure(['ib_mad']), ['ib_mad']);
  return { inTree, given, found: found.map(({ code, what, why }) => ({ code, what, why })) };
}

test('a module that was given but is another one', async () => {
  const { inTree, given, found } = await warnings('ib_cm');
  expect(found).toEqual([
    {
      code: 'module-not-used',
      what: `${given[0]?.path}, given with --module, was not needed: it is ib_cm`,
      why: `The patch changes ib_mad, which was found at ${inTree.path} (in the tree).`,
    },
  ]);
});

test.each([[['ib_mad']], [['ib_mad', 'ib_cm']], [[]]])('no warning with %j given', async (names) => {
  expect((await warnings(...names)).found).toEqual([]);
});
