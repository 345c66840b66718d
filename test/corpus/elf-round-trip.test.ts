/** Every object of the corpus, read, written and read again: five architectures, both byte orders. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { dumpElf } from '../../src/elf/dump.js';
import { readImage } from '../../src/elf/image.js';
import { readElf } from '../../src/elf/read.js';
import { writeElf } from '../../src/elf/write.js';
import { factsOf, hasProgram, readelfFacts } from '../builders/readelf.js';
import { CORPUS_MISSING, corpusFolder } from './corpus.js';

const corpus = corpusFolder();
const architectures = corpus === undefined ? ['no architecture'] : foldersOf(corpus);

function foldersOf(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => name);
}

function objectsOf(architecture: string): string[] {
  const folder = join(corpus ?? '', architecture);
  return foldersOf(folder).flatMap((name) => [join(folder, name, 'orig.o'), join(folder, name, 'patched.o')]);
}

describe.skipIf(corpus === undefined)(corpus === undefined ? CORPUS_MISSING : 'the corpus', () => {
  test('has objects', () => {
    expect(architectures.flatMap(objectsOf).length).toBeGreaterThan(0);
  });

  test.each(architectures)('objects of %s survive being written', { timeout: 120_000 }, (architecture) => {
    for (const path of objectsOf(architecture)) {
      const bytes = readFileSync(path);
      const object = readElf(bytes, path);
      const written = writeElf(object);
      const again = readElf(written, path);
      expect(dumpElf(again) === dumpElf(object), path).toBe(true);
      expect(again.format, path).toEqual(object.format);
      const differing = object.sections.filter(
        ({ content }, index) => Buffer.compare(content, again.sections[index]?.content ?? new Uint8Array(0)) !== 0,
      );
      expect(
        differing.map(({ name }) => name),
        path,
      ).toEqual([]);
      expect(Buffer.compare(writeElf(again), written), path).toBe(0);
    }
  });

  test.each(architectures)('symbols of %s are the same in object and image', { timeout: 120_000 }, (architecture) => {
    for (const path of objectsOf(architecture)) {
      const bytes = readFileSync(path);
      const fromObject = readElf(bytes, path).symbols.map(
        ({ name, size, section }) => `${name} ${size} ${section?.name}`,
      );
      const fromImage = readImage(bytes, path).symbols.map(
        ({ name, size, section }) => `${name} ${size} ${typeof section === 'string' ? undefined : section.name}`,
      );
      expect(fromImage, path).toEqual(fromObject);
    }
  });

  const hasReadelf = hasProgram('readelf');
  test.skipIf(!hasReadelf).each(architectures)(
    `the first objects of %s are what readelf reads${hasReadelf ? '' : ' (needs readelf)'}`,
    { timeout: 120_000 },
    (architecture) => {
      const folder = mkdtempSync(join(tmpdir(), 'kptool-corpus-'));
      try {
        for (const path of objectsOf(architecture).slice(0, 4)) {
          const object = readElf(readFileSync(path), path);
          const facts = readelfFacts(path);
          expect(factsOf(object), path).toEqual(facts);
          const again = join(folder, 'again.o');
          writeFileSync(again, writeElf(object));
          expect(readelfFacts(again), path).toEqual(facts);
        }
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );
});
