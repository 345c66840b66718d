/**
 * The way of the intermediate sections through a real linker: two compiled objects with a static function of one name,
 * linked by `ld -r` with a table that points to both.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SHF, STB, STT } from '../../src/elf/constants.js';
import type { ElfObject } from '../../src/elf/object.js';
import { readElf } from '../../src/elf/read.js';
import { writeElf } from '../../src/elf/write.js';
import { encodeIntermediate } from '../../src/livepatch/encode-intermediate.js';
import { exposeReplacements } from '../../src/livepatch/expose-replacements.js';
import { finishModule } from '../../src/livepatch/finish.js';
import { decodeIntermediate } from '../../src/livepatch/intermediate.js';
import type { KlpRelocation } from '../../src/livepatch/livepatch.js';
import { R_64, rules, sectionNamed, sectionOf, symbolNamed } from '../builders/livepatch.js';

const CALL = 0xe8;
const canBuild = process.arch === 'x64' && ['gcc', 'ld'].every(isInstalled);

function isInstalled(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

// `before` moves the second object's function within the linked section.
const source = (constant: number, before: string) => `
extern int hidden(int);
extern int shared(int);
${before}
static __attribute__((noinline, used)) int show(int x) { return hidden(x + ${constant}) + shared(x); }
`;

const tableSource = `
extern void kptool_replacement_0_0(void), kptool_replacement_1_0(void);
static void *table[] __attribute__((used)) = { kptool_replacement_0_0, kptool_replacement_1_0 };
int shared(int x) { return x; }
`;

describe.skipIf(!canBuild)('two objects linked by ld -r (needs gcc and ld for x86-64)', () => {
  let folder: string;
  const inFolder = (name: string) => path.join(folder, name);
  const compile = (name: string, text: string): ElfObject => {
    writeFileSync(inFolder(`${name}.c`), text);
    const flags = ['-c', '-O2', '-ffunction-sections', '-fdata-sections', '-mcmodel=kernel', '-fno-pic'];
    execFileSync('gcc', [...flags, '-fcf-protection=none', inFolder(`${name}.c`), '-o', inFolder(`${name}.o`)]);
    return readElf(readFileSync(inFolder(`${name}.o`)), `${name}.o`);
  };

  /** Makes the calls of `hidden` and `shared` livepatch relocations and writes the object as the build would. */
  const diffed = (object: ElfObject, number: number): void => {
    const replacement = symbolNamed(object, 'show');
    const section = sectionOf(replacement);
    const relocations = section.relocations
      .filter(({ symbol }) => ['hidden', 'shared'].includes(symbol.name))
      .map(({ offset, type, addend, symbol }): KlpRelocation => {
        const target = {
          name: symbol.name,
          object: 'toy',
          sympos: number,
          bind: STB.GLOBAL,
          type: STT.FUNC,
          address: 0n,
        };
        return { section, offset, type, addend, isExternal: symbol.name === 'shared', object: 'toy', symbol: target };
      });
    section.relocations = [];
    object.symbols.splice(0, object.symbols.length, ...object.symbols.filter(({ place }) => place !== 'undefined'));
    const originals = { name: 'show', object: 'toy', originalSize: 1, originalAddress: 0n, sympos: number + 1 };
    const functions = [{ ...originals, replacement, replacementSize: replacement.size }];
    encodeIntermediate(object, { functions, relocations, callbacks: [], archSections: [] }, R_64);
    exposeReplacements(object, functions, number);
    writeFileSync(inFolder(`${number}.diffed.o`), writeElf(object));
  };

  const link = (): ElfObject => {
    execFileSync('ld', ['-r', '-o', inFolder('linked.o'), ...['0.diffed.o', '1.diffed.o', 'table.o'].map(inFolder)]);
    return readElf(readFileSync(inFolder('linked.o')), 'linked.o');
  };

  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'kptool-link-'));
    diffed(compile('first', source(1, '')), 0);
    diffed(compile('second', source(2, 'int other(int x) { return x * 3; }')), 1);
    compile('table', tableSource);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('the tables of both are read, each pointing into its own function', () => {
    const linked = link();
    const { functions, relocations } = decodeIntermediate(linked, R_64);
    expect(functions.map(({ name, object, sympos, replacement }) => [name, object, sympos, replacement.name])).toEqual([
      ['show', 'toy', 1, 'show'],
      ['show', 'toy', 2, 'show'],
    ]);
    const [first, second] = functions.map(({ replacement }) => replacement);
    expect(first?.section).toBe(second?.section);
    expect(first?.value).not.toBe(second?.value);
    expect(relocations.map(({ symbol, isExternal }) => [symbol.name, symbol.sympos, isExternal]).sort()).toEqual([
      ['hidden', 0, false],
      ['hidden', 1, false],
      ['shared', 0, true],
      ['shared', 1, true],
    ]);
    for (const { section, offset, symbol } of relocations) {
      expect(section.content[offset - 1]).toBe(CALL);
      const owner = symbol.sympos === 0 ? first : second;
      expect(offset).toBeGreaterThan(owner?.value ?? Number.NaN);
      expect(offset).toBeLessThan((owner?.value ?? 0) + (owner?.size ?? 0));
    }
  });

  test('the finished object is one that a linker reads again', () => {
    const module = finishModule(link(), rules);
    const text = sectionNamed(module, '.text.show');
    expect(text.relocations.map(({ symbol }) => symbol.name)).toEqual(['shared', 'shared']);
    const [table, ...others] = text.extraRelocationTables;
    expect(others).toEqual([]);
    expect(table?.relocations.map(({ symbol }) => symbol.name)).toEqual([
      '.klp.sym.toy.hidden,0',
      '.klp.sym.toy.hidden,1',
    ]);
    const functions = module.symbols.filter(({ name }) => name === 'show');
    const pointers = module.sections.flatMap(({ relocations }) => relocations).filter(({ type }) => type === R_64);
    expect(pointers.map(({ symbol }) => symbol)).toEqual(functions);

    writeFileSync(inFolder('finished.o'), writeElf(module));
    const listing = execFileSync('readelf', ['--wide', '--sections', '--symbols', inFolder('finished.o')], {
      encoding: 'utf8',
    });
    expect(listing).toMatch(/\.klp\.rela\.toy\.\.text\.show RELA .* AIo /);
    expect(listing).toMatch(/GLOBAL DEFAULT OS \[0xff20\] \.klp\.sym\.toy\.hidden,0/);
    expect(listing).not.toContain('kpatch');
    expect(listing).not.toContain('kptool_replacement');
    expect(table === undefined ? 0 : table.flags & SHF.ALLOC).toBe(SHF.ALLOC);
  });
});
