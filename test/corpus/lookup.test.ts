/** Every position that the reference recorded in the corpus, asked of our lookup with the same symbol table. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { STB, STT } from '../../src/elf/constants.js';
import type { ElfObject } from '../../src/elf/object.js';
import { readElf } from '../../src/elf/read.js';
import { parseSymvers } from '../../src/kernel/symvers.js';
import { createLookup } from '../../src/lookup/create-lookup.js';
import { indexExports } from '../../src/lookup/exports.js';
import type { Lookup } from '../../src/lookup/lookup.js';
import { checkMembership } from '../../src/lookup/membership.js';
import { parseReadelfSymbols } from '../../src/lookup/readelf-symbols.js';
import { CORPUS_MISSING, corpusFolder } from './corpus.js';

interface Recorded {
  readonly parent: string;
  readonly output?: {
    readonly patches: readonly { readonly name: string; readonly object: string; readonly sympos: number }[];
    readonly klpRelocations: readonly {
      readonly symbol: { readonly name: string; readonly object: string; readonly sympos: number };
    }[];
  };
}

const corpus = corpusFolder();
const cases = corpus === undefined ? ['none'] : foldersOf(corpus).flatMap((name) => casesOf(corpus, name));

function foldersOf(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => name);
}

function casesOf(folder: string, architecture: string): string[] {
  return foldersOf(join(folder, architecture)).map((name) => join(architecture, name));
}

function load(name: string) {
  const folder = join(corpus ?? '', name);
  const text = (file: string) => readFileSync(join(folder, file), 'utf8');
  const recorded = JSON.parse(text('case.json')) as Recorded;
  const original = readElf(readFileSync(join(folder, 'orig.o')), 'orig.o');
  const table = parseReadelfSymbols(text('parent.symtab'), 'parent.symtab');
  const symvers = existsSync(join(folder, 'Module.symvers'))
    ? parseSymvers(text('Module.symvers'), 'Module.symvers')
    : [];
  const lookup = createLookup({ objectName: recorded.parent, original, table, exports: indexExports(symvers) });
  return { recorded, original, table, lookup };
}

const plain = (text: string) => text.replace(/^str:/, '');

/** `object name position` as our lookup answers for what the reference asked. */
function ask(lookup: Lookup, original: ElfObject, name: string): string {
  const local = original.symbols.find(
    (symbol) => symbol.name === name && symbol.bind === STB.LOCAL && isNamed(symbol.type),
  );
  const answer = local === undefined ? lookup.global(name) : lookup.local(name, local.type);
  if (answer.kind !== 'found') return `${name} is ${answer.kind}`;
  return `${answer.symbol.object} ${name} ${answer.symbol.sympos}`;
}

function isNamed(type: number): boolean {
  return type === STT.FUNC || type === STT.OBJECT;
}

describe.skipIf(corpus === undefined)(corpus === undefined ? CORPUS_MISSING : 'the corpus', () => {
  test.each(cases)('%s: objects and positions are the recorded ones', (name) => {
    const { recorded, original, lookup } = load(name);
    const entries = [
      ...(recorded.output?.patches ?? []),
      ...(recorded.output?.klpRelocations ?? []).map(({ symbol }) => symbol),
    ];
    const asked = new Map(
      entries.map((entry) => [plain(entry.name), `${plain(entry.object)} ${plain(entry.name)} ${entry.sympos}`]),
    );
    expect([...asked.keys()].map((symbol) => ask(lookup, original, symbol))).toEqual([...asked.values()]);
  });

  test.each(cases)('%s: the object is found to be part of its own table', (name) => {
    const { original, table } = load(name);
    expect(checkMembership(original, table)).toMatchObject({ isMember: true, absent: [] });
  });
});
