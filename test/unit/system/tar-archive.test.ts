import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { packArchive, unpackArchive } from '../../../src/system/tar-archive.js';
import { archiveOf, entryBlocks, hostileArchives } from '../../builders/hostile-archives.js';
import { findingsOf } from './findings.js';

const texts = (files: ReadonlyMap<string, Uint8Array>) =>
  [...files].map(([path, bytes]) => [path, Buffer.from(bytes).toString()]);

describe('an archive', () => {
  const deep = `${'folder/'.repeat(30)}${'file'.repeat(30)}.o`;
  const files = new Map([
    ['b/c.o', Buffer.from('second')],
    ['a', Buffer.from('')],
    [deep, Buffer.from('x'.repeat(513))],
    ['über.c', Buffer.from('Grüße')],
  ]);

  test('gives back what was packed, sorted', async () => {
    expect(texts(await unpackArchive(await packArchive(files), 'x'))).toEqual(
      texts(new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)))),
    );
  });

  test('is the same bytes for the same files, in whatever order and at whatever time', async () => {
    const other = await packArchive(new Map([...files].reverse()));
    expect(other.equals(await packArchive(files))).toBe(true);
    // Neither the time nor the name of the user stands in it.
    expect(other.readUInt32LE(4)).toBe(0);
  });

  test('of other tools is read as well', async () => {
    const bytes = archiveOf(
      entryBlocks({ path: 'a/b', content: 'text', uname: 'ann', mtime: new Date(), mode: 0o755 }),
    );
    expect(texts(await unpackArchive(bytes, 'x'))).toEqual([['a/b', 'text']]);
  });
});

describe('refused:', () => {
  const limitsExceeded: Readonly<Record<string, string>> = {
    '25,000 entries': 'it has more than 20000 entries',
    '320 MiB of zeros': 'it unpacks to more than 256 MiB',
    'an extended header of 300 MiB': 'it unpacks to more than 256 MiB',
  };
  test.each(Object.entries(hostileArchives))('%s', async (name, make) => {
    const [finding] = await findingsOf(unpackArchive(make(), 'evil.tar.gz'));
    expect(finding?.code).toMatch(/^archive-(unsafe|damaged)$/);
    expect(finding?.exitStatus).toBe(2);
    expect(finding?.what.length).toBeLessThan(300);
    expect(`${finding?.what} ${finding?.why}`).toContain(limitsExceeded[name] ?? '');
  });
});

test('no change of a byte makes anything else than an archive or a refusal', async () => {
  const plain = Buffer.concat([
    entryBlocks({ path: 'a/b', content: 'text' }),
    entryBlocks({ path: 'c', content: 'more', pax: { path: 'c'.repeat(200) } }),
    Buffer.alloc(1024),
  ]);
  await fc.assert(
    fc.asyncProperty(fc.nat(plain.length - 1), fc.nat(255), async (place, value) => {
      const changed = Buffer.from(plain);
      changed[place] = value;
      const outcome = await unpackArchive(gzipSync(changed), 'x').then(
        (files) => [...files.keys()],
        (error) => error.diagnostics.map(({ code }: { code: string }) => code),
      );
      expect(outcome.every((name: string) => !name.startsWith('/') && !name.split('/').includes('..'))).toBe(true);
    }),
    { numRuns: 300, seed: createHash('md5').update('archive').digest().readInt32LE() },
  );
});
