/** Reader and writer against gcc, as, ld and readelf: objects that they make, and what they make of ours. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SHF } from '../../src/elf/constants.js';
import { dumpElf } from '../../src/elf/dump.js';
import { readImage } from '../../src/elf/image.js';
import { readElf } from '../../src/elf/read.js';
import { writeElf } from '../../src/elf/write.js';
import { factsOf, hasProgram, readelfAll, readelfFacts } from '../builders/readelf.js';

const missing = ['gcc', 'as', 'ld', 'readelf', 'objdump'].filter((name) => !hasProgram(name));

/** A group, a link order, a common and a weak symbol, strings, .bss, relocations of data and debug sections. */
const SOURCE = String.raw`
#include <stdio.h>
int shared;
static int counter;
static const char *names[] = { "one", "two" };
__attribute__((weak)) int hook(void) { return 1; }
static __attribute__((noinline)) int twice(int x) { counter += x; return 2 * x; }
int main(void)
{
        int x = twice(21);
        printf("%s %d %d\n", names[hook()], x, counter + shared);
        return 0;
}
asm(".set minus_one, -1\n"
    ".section .text.inline,\"axG\",@progbits,inline_group,comdat\n"
    ".globl inline_group\n.type inline_group,@function\n"
    "inline_group: call hook@PLT\nret\n.size inline_group, .-inline_group\n.text");
`;
const FLAGS = ['-O1', '-g', '-fcommon', '-ffunction-sections', '-fdata-sections', '-fpatchable-function-entry=2'];

describe.skipIf(missing.length > 0)(`with gcc and binutils (missing: ${missing.join(', ') || 'nothing'})`, () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'kptool-elf-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Compiles SOURCE, and writes it again beside as `again.o`. */
  function compileAndRewrite(...extra: string[]): { original: string; again: string } {
    const original = join(folder, 'original.o');
    const again = join(folder, 'again.o');
    writeFileSync(join(folder, 'original.c'), SOURCE);
    execFileSync('gcc', ['-c', ...FLAGS, ...extra, '-o', original, join(folder, 'original.c')]);
    writeFileSync(again, writeElf(readElf(readFileSync(original), original)));
    return { original, again };
  }

  function disassemble(path: string): string {
    const output = execFileSync('objdump', ['-dr', path], { encoding: 'utf8' });
    return output.slice(output.indexOf('Disassembly'));
  }

  test('reads what readelf reads', () => {
    const { original } = compileAndRewrite();
    const facts = readelfFacts(original);
    expect(factsOf(readElf(readFileSync(original), original))).toEqual(facts);
    expect(facts.symbols.join('\n')).toMatch(/ffffffffffffffff 0 minus_one/);
    expect([facts.sections.length > 20, facts.symbols.length > 15, facts.relocations.length > 60]).toEqual([
      true,
      true,
      true,
    ]);
  });

  test('rewrites without loss, to the satisfaction of readelf and objdump', () => {
    const { original, again } = compileAndRewrite();
    const before = readElf(readFileSync(original), 'same.o');
    expect(dumpElf(readElf(readFileSync(again), 'same.o'))).toBe(dumpElf(before));
    expect(readelfFacts(again)).toEqual(readelfFacts(original));
    const report = readelfAll(again);
    expect(report).toMatch(/COMDAT group section \[ *\d+\] `\.group' \[inline_group\] contains 2 sections:/);
    expect(report).toMatch(/\] +\.rela\.text\.inline\n/);
    expect(disassemble(again)).toBe(disassemble(original));
  });

  test('a rewritten object links and runs', () => {
    const { again } = compileAndRewrite();
    execFileSync('ld', ['-r', '-o', join(folder, 'linked.o'), again]);
    readelfAll(join(folder, 'linked.o'));
    execFileSync('gcc', ['-o', join(folder, 'program'), join(folder, 'linked.o')]);
    expect(execFileSync(join(folder, 'program'), { encoding: 'utf8' })).toBe('two 42 21\n');
  });

  test('compressed debug sections keep their relocations', () => {
    const { original, again } = compileAndRewrite('-gz=zlib');
    const { sections } = readElf(readFileSync(original), original);
    const beyond = sections.filter(
      ({ flags, relocations, size }) =>
        (flags & SHF.COMPRESSED) !== 0 && relocations.some(({ offset }) => offset >= size),
    );
    expect(beyond.map(({ name }) => name)).toContain('.debug_info');
    expect(readelfFacts(again)).toEqual(readelfFacts(original));
    readelfAll(again);
  });

  test('a livepatch table and symbol are what the kernel documents', () => {
    const { original } = compileAndRewrite();
    const object = readElf(readFileSync(original), original);
    const main = object.sections.find(({ name }) => name === '.text.main');
    const printf = object.symbols.find(({ name }) => name === 'printf');
    if (main === undefined || printf === undefined) throw new Error('the source has changed');
    printf.place = 'livepatch';
    const late = main.relocations.filter(({ symbol }) => symbol === printf);
    main.relocations = main.relocations.filter(({ symbol }) => symbol !== printf);
    const flags = SHF.ALLOC | SHF.INFO_LINK | SHF.RELA_LIVEPATCH;
    main.extraRelocationTables.push({ name: '.klp.rela.vmlinux..text.main', flags, relocations: late });
    const path = join(folder, 'livepatch.o');
    writeFileSync(path, writeElf(object));
    const report = readelfAll(path);
    expect(report).toMatch(/\.klp\.rela\.vmlinux\.\.text\.main RELA .* AIo /);
    expect(report).toMatch(/GLOBAL DEFAULT +OS \[0xff20\] printf/);
    expect(dumpElf(readElf(readFileSync(path), original))).toBe(dumpElf(object));
  });

  test('more sections than the file header can number', { timeout: 120_000 }, () => {
    const count = 0xff00 + 200;
    const blocks = Array.from({ length: count }, (_, index) => `.section .s${index},"a"\nsymbol_${index}: .byte 1\n`);
    const original = join(folder, 'many.o');
    execFileSync('as', ['-o', original, '-'], { input: `${blocks.join('')}.quad symbol_7\n` });
    const object = readElf(readFileSync(original), 'many.o');
    const last = object.symbols.find(({ name }) => name === `symbol_${count - 1}`);
    expect(last?.section?.name).toBe(`.s${count - 1}`);
    const again = join(folder, 'many-again.o');
    writeFileSync(again, writeElf(object));
    const facts = readelfFacts(original);
    expect(readelfFacts(again)).toEqual(facts);
    expect(factsOf(object)).toEqual(facts);
  });

  test('a linked program has the addresses that nm shows', () => {
    const { again } = compileAndRewrite();
    const program = join(folder, 'program');
    execFileSync('gcc', ['-o', program, again]);
    const image = readImage(readFileSync(program), program);
    const shown = execFileSync('nm', ['--defined-only', program], { encoding: 'utf8' });
    const main = image.symbols.find(({ name }) => name === 'main');
    expect(shown).toContain(`${main?.value.toString(16).padStart(16, '0')} T main\n`);
  });
});
