/** When a rebuild of the target is asked for, and what it is asked for: the build itself is tested on a booted kernel. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KptoolError } from '../../src/diagnostics/diagnostic.js';
import { readImage } from '../../src/elf/image.js';
import { indexExports } from '../../src/lookup/exports.js';
import { tableOfImage } from '../../src/lookup/symbol-table.js';
import type { PairInput, PairOutcome } from '../../src/pipeline/diff-pair.js';
import { diffWithRebuild, linkOrderOf, type RebuiltModule } from '../../src/pipeline/rebuild.js';
import { entrySizes, missingPrograms } from './diff-case.js';

const flags = [
  ...['-c', '-O2', '-pg', '-mfentry', '-mrecord-mcount', '-fno-pie', '-mcmodel=kernel', '-ffreestanding'],
  ...['-fno-asynchronous-unwind-tables', '-fcf-protection=none', '-w'],
];

const gate = (name: string, factor: number, helper = 'gate_open') => `
extern int _printk(const char *, ...);
static int ${helper}(int x) { return _printk("${name}") + x * ${factor}; }
int (*const ${name}_gate)(int) = ${helper};
`;

describe('the order of the link', () => {
  const linked = (file: string, ...objects: string[]) => ({ file, module: 'toy', objects });

  test('is that of the one module of the name', () => {
    const order = { objects: ['a.o', 'b/a.o'], object: 'b/a.o' };
    expect(linkOrderOf('b/a.o', 'toy', [linked('toy.mod', 'a.o', 'b/a.o')])).toEqual(order);
  });

  test('is not known for a module or an object that is not there, nor for two modules of one name', () => {
    expect(linkOrderOf('a.o', 'other', [linked('toy.mod', 'a.o')])).toBeUndefined();
    expect(linkOrderOf('c.o', 'toy', [linked('toy.mod', 'a.o')])).toBeUndefined();
    expect(linkOrderOf('a.o', 'toy', [linked('toy.mod', 'a.o'), linked('x/toy.mod', 'a.o')])).toBeUndefined();
  });
});

describe.skipIf(missingPrograms.length > 0)(`a rebuild (missing: ${missingPrograms.join(', ') || 'nothing'})`, () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'kptool-rebuild-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function compile(name: string, text: string, further: readonly string[] = []): string {
    const place = mkdtempSync(path.join(folder, 'object-'));
    const [source, object] = [path.join(place, `${name}.c`), path.join(place, `${name}.o`)];
    writeFileSync(source, text);
    execFileSync('gcc', [...flags, ...further, '-o', object, source]);
    return object;
  }

  function tableOf(objects: readonly string[], isStripped: boolean) {
    const module = path.join(mkdtempSync(path.join(folder, 'module-')), 'toy.ko');
    execFileSync('ld', ['-r', '-o', module, ...objects]);
    if (isStripped) execFileSync('strip', ['--strip-debug', module]);
    return tableOfImage(readImage(readFileSync(module), module));
  }

  /** `back.o` with a new factor, in a module that has `gate_open` once more in `front.o`. */
  function pair(helperOfFront: string, patched = gate('back', 7)): PairInput {
    const sections = ['-ffunction-sections', '-fdata-sections'];
    const objects = [compile('front', gate('front', 5, helperOfFront)), compile('back', gate('back', 5))];
    return {
      original: readFileSync(compile('back', gate('back', 5), sections)),
      patched: readFileSync(compile('back', patched, sections)),
      objectName: 'back.o',
      target: 'toy',
      table: tableOf(objects, true),
      exports: indexExports([]),
      entrySizes,
    };
  }

  const rebuilt = (): RebuiltModule => ({
    table: tableOf([compile('front', gate('front', 5)), compile('back', gate('back', 5))], false),
    objects: [],
    bytes: new Uint8Array(),
  });

  /** What came of it, and the modules that were asked for. */
  async function run(input: PairInput, found: RebuiltModule | undefined) {
    const asked: string[] = [];
    const outcome = await diffWithRebuild(input, async (module) => {
      asked.push(module);
      return found;
    }).catch((error: unknown) => {
      if (error instanceof KptoolError) return error;
      throw error;
    });
    return { asked, outcome: brief(outcome) };
  }

  function brief(outcome: PairOutcome | KptoolError): string {
    if (outcome instanceof KptoolError) return outcome.diagnostics.map(({ code }) => code).join(' ');
    if (outcome.kind === 'unchanged') return outcome.kind;
    return outcome.parts.functions.map(({ name, sympos }) => `${name},${sympos}`).join(' ');
  }

  test('is asked for where namesakes are left, and decides', async () => {
    expect(await run(pair('gate_open'), rebuilt())).toEqual({ asked: ['toy'], outcome: 'gate_open,2' });
  });

  test('that did not come out leaves the refusal', async () => {
    expect(await run(pair('gate_open'), undefined)).toEqual({ asked: ['toy'], outcome: 'symbol-ambiguous' });
  });

  test('is not asked for where the name says it', async () => {
    expect(await run(pair('gate_enter'), undefined)).toEqual({ asked: [], outcome: 'gate_open,1' });
  });

  test('is not asked for where nothing changed, nor for another refusal', async () => {
    expect(await run(pair('gate_open', gate('back', 5)), rebuilt())).toEqual({ asked: [], outcome: 'unchanged' });
    const input = { ...pair('gate_enter'), table: tableOf([compile('front', gate('front', 5, 'gate_enter'))], true) };
    expect(await run(input, rebuilt())).toEqual({ asked: [], outcome: 'object-not-in-target' });
  });
});
