import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type CleanOptions, clean } from '../../../src/pipeline/clean.js';
import { createWorkFolder, type WorkFolder } from '../../../src/system/work-folder.js';

const day = 86_400_000;
let cache: string;
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'kptool-clean-'));
});
afterEach(() => rm(cache, { recursive: true }));

/** A work folder of a failed build, so many days old, with a file of 100 KiB in it. */
async function leftFolder(name: string, days: number): Promise<WorkFolder> {
  const folder = await createWorkFolder(join(cache, 'work'), name);
  const step = await folder.step(1, 'original');
  await writeFile(join(step, 'mad.o'), Buffer.alloc(100 * 1024, 'x'));
  await folder.keep();
  const time = new Date(Date.now() - days * day);
  for (const path of [join(step, 'mad.o'), step, folder.path]) await utimes(path, time, time);
  return folder;
}

async function cleaned(options: Partial<CleanOptions>) {
  const { entries } = await clean({ cache, all: false, dryRun: false, ...options });
  const removed = entries.filter(({ isRemoved }) => isRemoved).map(({ path }) => nameOf(path));
  const left = (await readdir(join(cache, 'work'))).map(nameOf);
  return { removed: removed.sort(), left: left.sort(), kinds: entries.map(({ kind }) => kind) };
}

const nameOf = (path: string) => basename(path).replace(/-[A-Za-z0-9]{6}$/, '');

describe('of old, young and used work folders', () => {
  beforeEach(async () => {
    await leftFolder('old', 30);
    await leftFolder('young', 1);
    await createWorkFolder(join(cache, 'work'), 'used');
  });

  test('nothing goes where nobody says so', async () => {
    expect(await cleaned({})).toMatchObject({ removed: [], left: ['old', 'used', 'young'] });
  });

  test('those go that are older', async () => {
    expect(await cleaned({ olderThan: 7 * day })).toMatchObject({ removed: ['old'], left: ['used', 'young'] });
  });

  test('the oldest go until little enough is left', async () => {
    expect(await cleaned({ keepBytes: 180 * 1024 })).toMatchObject({ removed: ['old'], left: ['used', 'young'] });
    expect(await cleaned({ keepBytes: 0 })).toMatchObject({ removed: ['young'], left: ['used'] });
  });

  test('all go but the one that a build uses', async () => {
    expect(await cleaned({ all: true })).toMatchObject({ removed: ['old', 'young'], left: ['used'] });
  });

  test('a dry run only says so', async () => {
    expect(await cleaned({ all: true, dryRun: true })).toMatchObject({
      removed: ['old', 'young'],
      left: ['old', 'used', 'young'],
    });
  });
});

test('other files of the cache folder are known, and those that nobody knows stay', async () => {
  await mkdir(join(cache, 'work'));
  await mkdir(join(cache, 'work', 'a-folder-of-mine'));
  for (const name of ['entry-sizes-0123abc.json', 'bug-2026-11-26.log', 'notes.txt'])
    await writeFile(join(cache, name), 'x');
  expect((await cleaned({ all: true })).kinds.sort()).toEqual(['entry sizes', 'log of a bug']);
  expect((await readdir(cache)).sort()).toEqual(['notes.txt', 'work']);
  expect(await readdir(join(cache, 'work'))).toEqual(['a-folder-of-mine']);
});
