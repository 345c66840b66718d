import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { archiveMembers } from '../../src/elf/archive.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'kptool-archive-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function archive(flags: string, objects: readonly string[]): Promise<Buffer> {
  for (const object of objects) {
    mkdirSync(path.dirname(path.join(folder, object)), { recursive: true });
    const source = path.join(folder, 'source.c');
    writeFileSync(source, `int value_${path.basename(object).replaceAll(/\W/g, '_')} = 1;\n`);
    await execa('gcc', ['-c', '-o', path.join(folder, object), source]);
  }
  const file = path.join(folder, 'lib.a');
  rmSync(file, { force: true });
  await execa('ar', [flags, 'lib.a', ...objects], { cwd: folder });
  return readFileSync(file);
}

const objects = ['a.o', 'sub/an-object-with-a-long-name.o', 'sub/odd.o', 'z.o'];

test.each([
  ['rcs', objects.map((object) => path.basename(object))],
  ['rcsT', objects],
])('members of an archive of ar %s', async (flags, names) => {
  expect(archiveMembers(await archive(flags, objects))).toEqual(names);
});

test('an archive that is cut off anywhere is read as far as it goes', async () => {
  const whole = await archive('rcs', objects);
  for (let length = 0; length < whole.length; length += 7) {
    const read = archiveMembers(whole.subarray(0, length));
    expect(read).toEqual(objects.map((object) => path.basename(object)).slice(0, read.length));
  }
});

test('what is no archive has no members', () => {
  expect(archiveMembers(Buffer.from('\x7fELF'))).toEqual([]);
});
