/** The livepatch module as kbuild links it, before its klp parts are finished. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { readImage } from '../../src/elf/image.js';
import { buildLivepatchModule, type ModuleQuestion } from '../../src/kbuild/module.js';
import { moduleFromImage, readModuleFile } from '../../src/kernel/module-file.js';
import { parseSymvers } from '../../src/kernel/symvers.js';
import { runProgram } from '../../src/system/run.js';
import { moduleSource, setUpTree, type Target } from '../unit/kbuild/tree.js';
import { temporaryFolder } from '../unit/kernel/target.js';
import { findTestKernel } from './requirements.js';

const { kernel, missing } = findTestKernel();
const needs = missing.length === 0 ? '' : ` (skipped: needs ${missing.join(', ')})`;

const part = (name: string, body: string) => `int ${name}(int a);\nint ${name}(int a)\n{\n\t${body}\n}\n`;
const uses = (name: string) =>
  moduleSource(`int ${name}(int a);\nint use(void);\nint use(void)\n{\n\treturn ${name}(2);\n}`);

describe.skipIf(kernel === undefined)(`buildLivepatchModule${needs}`, () => {
  let target: Target;
  let objects: ModuleQuestion['objects'] = [];
  let targetModule = '';
  let symvers = '';

  beforeAll(async () => {
    const bench = await setUpTree({
      Kbuild: 'obj-m := toy.o\ntoy-y := main.o a.o b.o\n',
      'main.c': moduleSource(`${part('exported', 'return a;')}EXPORT_SYMBOL_GPL(exported);`),
      'a.c': part('first_part', 'return a * 3;'),
      'b.c': part('second_part', 'return a * 5;'),
    });
    target = bench.target;
    const built = await bench.build();
    const bytesOf = (object: string) => readFile(path.join(bench.copy, object));
    objects = [
      { fileName: 'a.o', bytes: await bytesOf('a.o') },
      { fileName: 'b.o', bytes: await bytesOf('b.o') },
    ];
    targetModule = built.modules[0]?.file ?? '';
    symvers = path.join(bench.copy, 'Module.symvers');
  });

  const link = async (question: Partial<ModuleQuestion>) => {
    const folder = path.join(await temporaryFolder(), 'm'.repeat(1 + Math.floor(Math.random() * 40)));
    const whole = {
      folder,
      name: 'livepatch-toy',
      ...target,
      objects,
      source: uses('first_part'),
      jobs: 2,
      ...question,
    };
    return readFile(await buildLivepatchModule(whole));
  };

  test.each(['livepatch-toy', 'livepatch', 'object-0', 'parts', 'x'.repeat(55)])('named %s', async (name) => {
    const module = moduleFromImage(readImage(await link({ name }), 'x.ko'), 'x.ko');
    expect(module.name).toBe(name.replaceAll('-', '_'));
    expect(module.release).toBe(target.kernel.release);
    const functions = module.image.symbols.filter(({ type }) => type === 2).map((symbol) => symbol.name);
    expect(functions).toEqual(expect.arrayContaining(['use', 'first_part', 'second_part']));
  });

  test('the same bytes from any folder, and no debug information', async () => {
    const [one, two] = [await link({}), await link({ folder: path.join(await temporaryFolder(), 'elsewhere') })];
    expect(two).toEqual(one);
    expect(readImage(one, 'x.ko').sections.filter(({ name }) => /^\.BTF/.test(name))).toEqual([]);
  });

  test('every return is listed once: objtool has seen each object once', async () => {
    const image = readImage(await link({ objects: objects.slice(0, 1) }), 'x.ko');
    // first_part, start and stop return; use ends in a jump to first_part. An entry has four bytes.
    expect(image.sections.find(({ name }) => name === '.return_sites')?.size).toBe(3 * 4);
  });

  test('symbols that nothing defines are named, all of them', async () => {
    await expect(
      link({
        objects: [],
        source: `${uses('first_part')}int second_part(int);\nint more(void);\nint more(void) { return second_part(1); }\n`,
      }),
    ).rejects.toMatchObject({
      diagnostics: [
        { code: 'livepatch-undefined-symbols', details: ['first_part', 'second_part', expect.stringMatching(/^log/)] },
      ],
    });
  });

  test('symbols of another module, by its Module.symvers', async () => {
    await expect(link({ source: uses('exported') })).rejects.toThrow('livepatch-undefined-symbols');
    const image = readImage(await link({ source: uses('exported'), extraSymvers: symvers }), 'x.ko');
    expect(moduleFromImage(image, 'x.ko').depends).toContain('toy');
  });

  test('a target module compressed by xz or zstd is read like the plain one', async () => {
    const plain = await readModuleFile(targetModule);
    expect(plain).toMatchObject({ name: 'toy', release: target.kernel.release, isStripped: false });
    expect([...plain.exports]).toEqual(['exported']);
    for (const [program, suffix] of [
      ['xz', 'xz'],
      ['zstd', 'zst'],
    ] as const) {
      const file = `${targetModule}.${suffix}`;
      const words = program === 'xz' ? ['-k', '-f', targetModule] : ['-q', '-k', '-f', targetModule];
      expect((await runProgram({ program, arguments: words, directory: '/' })).exitStatus).toBe(0);
      const { name, vermagic, image } = await readModuleFile(file);
      expect({ name, vermagic, symbols: image.symbols.length }).toEqual({
        name: plain.name,
        vermagic: plain.vermagic,
        symbols: plain.image.symbols.length,
      });
    }
  });

  test('Module.symvers of the kernel is read whole', async () => {
    const text = await readFile(target.kernel.symversPath, 'utf8');
    const symbols = parseSymvers(text, target.kernel.symversPath);
    expect(symbols).toHaveLength(text.trimEnd().split('\n').length);
    expect(symbols.find(({ name }) => name === '_printk')).toMatchObject({
      moduleName: 'vmlinux',
      exportType: 'EXPORT_SYMBOL',
    });
  });
});
