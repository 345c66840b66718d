/** `kptool create-diff-object` from the command line: callbacks and other marks as kpatch's programs read them, and odd operands. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { x86_64 } from '../../src/arch/x86-64.js';
import { runCreateDiffObject } from '../../src/cli/create-diff-object-command.js';
import { readElf } from '../../src/elf/read.js';
import { decodeIntermediate } from '../../src/livepatch/intermediate.js';
import { recordedTerminal } from '../unit/cli/screen.js';
import { casesFolder, compileCase, missingPrograms } from './diff-case.js';

describe.skipIf(missingPrograms.length > 0)(`missing: ${missingPrograms.join(', ') || 'nothing'}`, () => {
  let work = '';
  beforeAll(() => {
    work = mkdtempSync(path.join(tmpdir(), 'kptool-callbacks-'));
  });
  afterAll(() => rmSync(work, { recursive: true, force: true }));

  /** Compares the two objects of a case as kpatch-build would ask for it. */
  async function compare(name: string, symvers = path.join(casesFolder, 'Module.symvers')) {
    const { original, patched } = await compileCase(name, work);
    writeFileSync(path.join(work, 'original.o'), original ?? '');
    writeFileSync(path.join(work, 'patched.o'), patched);
    const target = path.join(work, name, 'target/toy.ko');
    const words = ['original.o', 'patched.o', 'toy', target, symvers, 'livepatch-toy', 'output.o'];
    const facts = { version: '1.2.3', words, reportTo: undefined, cache: work };
    return await runCreateDiffObject(words, facts, recordedTerminal(work));
  }

  test('an object with callbacks and no changed function is a result', async () => {
    const answer = await compare('callbacks-without-changed-function');
    expect(answer.messages).toBe('');
    expect(answer.exitStatus).toBe(0);
    expect(answer.text?.split('\n')).toEqual([
      'original.o: found callback: toy_prepare',
      'original.o: found callback: toy_restore',
      'original.o: new function: toy_set',
      'original.o: new function: toy_prepare',
      'original.o: new function: toy_restore',
      '',
    ]);
    const object = readElf(readFileSync(path.join(work, 'output.o')), 'output.o');
    const { functions, callbacks } = decodeIntermediate(object, x86_64.absolute64);
    expect(functions).toEqual([]);
    expect(callbacks.map(({ kind, object: klpObject, symbol }) => `${kind} ${klpObject} ${symbol.name}`)).toEqual([
      'pre_patch toy toy_prepare',
      'post_unpatch toy toy_restore',
    ]);
    // kpatch's reader takes the second pointer for the name, as a place in .kpatch.strings.
    const records = object.sections.filter(({ name }) => name.startsWith('.kpatch.callbacks.'));
    expect(records.map(({ relocations }) => relocations.map(({ offset }) => offset))).toEqual([
      [0, 8],
      [0, 8],
    ]);
    expect(object.symbols.filter(({ name }) => name.startsWith('kpatch_'))).toEqual([]);
  });

  test('the null device is an empty list of exported symbols', async () => {
    const answer = await compare('references-by-who-exports-them', '/dev/null');
    expect(answer.messages).toBe('');
    expect(answer.exitStatus).toBe(0);
    const { relocations } = decodeIntermediate(
      readElf(readFileSync(path.join(work, 'output.o')), 'output.o'),
      x86_64.absolute64,
    );
    // What no list says to be exported is either the target's own or an ordinary reference.
    expect(relocations.map(({ symbol }) => `${symbol.object} ${symbol.name}`)).toEqual([
      'toy toy_level',
      'toy toy_exported',
      'toy toy_static',
      'toy toy_elsewhere',
    ]);
    // Another device is no file.
    expect(await compare('references-by-who-exports-them', '/dev/zero')).toMatchObject({ exitStatus: 2 });
  });

  test('forced functions are warned about', async () => {
    const answer = await compare('forced-function');
    expect(answer.exitStatus).toBe(0);
    expect(answer.messages).toContain('[function-forced]');
    const object = readElf(readFileSync(path.join(work, 'output.o')), 'output.o');
    const forced = object.sections.find(({ name }) => name === '.kpatch.force');
    expect(forced?.relocations.map(({ symbol, offset }) => [symbol.name, offset])).toEqual([['toy_open', 0]]);
    expect(object.symbols.filter(({ name }) => name.startsWith('__kpatch_'))).toEqual([]);
  });
});
