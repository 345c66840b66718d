/** `kptool create-diff-object --explain-lookup`: which rule decided whose symbol each one is. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCreateDiffObject } from '../../src/cli/create-diff-object-command.js';
import { LOOKUP_LEVELS } from '../../src/lookup/create-lookup.js';
import { recordedTerminal } from '../unit/cli/screen.js';
import { casesFolder, compileCase, missingPrograms } from './diff-case.js';

describe.skipIf(missingPrograms.length > 0)(`missing: ${missingPrograms.join(', ') || 'nothing'}`, () => {
  let work = '';
  beforeAll(() => {
    work = mkdtempSync(path.join(tmpdir(), 'kptool-lookup-'));
  });
  afterAll(() => rmSync(work, { recursive: true, force: true }));

  /** The answers without and with the option. */
  async function answersFor(name: string, module = 'toy') {
    const { original, patched } = await compileCase(name, work);
    writeFileSync(path.join(work, 'original.o'), original ?? '');
    writeFileSync(path.join(work, 'patched.o'), patched);
    const target = path.join(work, name, 'target/toy.ko');
    const symvers = path.join(casesFolder, 'Module.symvers');
    const words = ['original.o', 'patched.o', module, target, symvers, 'livepatch-toy', 'output.o'];
    const facts = { version: '1.2.3', words, reportTo: undefined, cache: work };
    const plain = await runCreateDiffObject(words, facts, recordedTerminal(work));
    const explained = await runCreateDiffObject(['--explain-lookup', ...words], facts, recordedTerminal(work));
    return { plain, explained };
  }

  test('says it for each symbol of the target, where it is asked', async () => {
    const { plain, explained } = await answersFor('call-of-static-function-with-a-namesake');
    expect(plain.text).not.toContain('by rule');
    const rule = (level: number) => `by rule ${level} (${LOOKUP_LEVELS.get(level)})`;
    expect(explained.text?.split('\n')).toEqual([
      'original.o: changed function: toy_open',
      `original.o: symbol __fentry__ is vmlinux:__fentry__ ${rule(1)}: exported by vmlinux (EXPORT_SYMBOL)`,
      `original.o: symbol toy_hidden is toy:toy_hidden,2 ${rule(4)}: case.c, 1 of 1 static functions found there`,
      `original.o: symbol toy_open is toy:toy_open ${rule(2)}: toy defines it as a global symbol`,
      '',
    ]);
  });

  test('a module whose file has a dash in its name is known as the kernel calls it', async () => {
    const { explained } = await answersFor('call-of-static-function-with-a-namesake', 'my-toy');
    expect(explained.text).toContain('symbol toy_open is my_toy:toy_open by rule 2');
    expect(explained.text).toContain('symbol toy_hidden is my_toy:toy_hidden,2 by rule 4');
    expect(explained.exitStatus).toBe(0);
  });

  test('also of what was refused, with what stopped it', async () => {
    const { plain, explained } = await answersFor('static-function-missing-in-target');
    expect(plain).toMatchObject({ exitStatus: 1, text: '' });
    expect(plain.messages).toContain('[symbol-missing]');
    expect(explained.messages).toBe(plain.messages);
    expect(explained.text?.split('\n')).toEqual([
      expect.stringContaining('symbol __fentry__ is vmlinux:__fentry__ by rule 1'),
      'original.o: symbol toy_hidden is missing in the target',
      expect.stringContaining('symbol toy_open is toy:toy_open by rule 2'),
      '',
    ]);
  });
});
