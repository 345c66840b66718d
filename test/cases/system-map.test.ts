/**
 * The lookup with `System.map` alone, on a small vmlinux linked from our own C: what it answers must be what the vmlinux itself
 * says, with its FILE symbols, sizes and sections.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { x86_64 } from '../../src/arch/x86-64.js';
import { STB, STT } from '../../src/elf/constants.js';
import { readImage } from '../../src/elf/image.js';
import type { ElfObject } from '../../src/elf/object.js';
import { readElf } from '../../src/elf/read.js';
import { decodeIntermediate } from '../../src/livepatch/intermediate.js';
import { createLookup } from '../../src/lookup/create-lookup.js';
import { indexExports } from '../../src/lookup/exports.js';
import type { LookupAnswer } from '../../src/lookup/lookup.js';
import { type TargetTable, tableOfImage } from '../../src/lookup/symbol-table.js';
import { parseSystemMap } from '../../src/lookup/system-map.js';
import { createDiffObject } from '../../src/pipeline/create-diff-object.js';
import { hasProgram } from '../builders/readelf.js';

const missing = ['gcc', 'ld', 'nm'].filter((name) => !hasProgram(name));

/** Names that every file has: `report` in .text, `fail` in .text.unlikely, `limit`, `state` and `names` in the data sections. */
const FILE = (name: string, factor: number) => `
extern int printk(const char *, ...);
static int ${name}_limit = ${factor};
static int limit = ${factor + 1};
static int ${name}_last_limit = ${factor + 2};
static int ${name}_count, state, ${name}_after;
static const int ${name}_table[4] = { 1, 2, ${factor} };
static const int names[4] = { 3, ${factor}, 5 };
static const int ${name}_more[4] = { 7, 8, ${factor} };
static __attribute__((noinline)) int ${name}_check(int x) { printk("check %d", x); return x * ${factor} + ${name}_table[x & 3]; }
static __attribute__((noinline)) int report(int x) { ${'printk("more %d", x); '.repeat(factor)} state += x; return printk("${name} %d", limit + names[x & 3]); }
static __attribute__((noinline)) int ${name}_finish(int x) { printk("finish %d", x); return x - ${name}_more[x & 3]; }
static __attribute__((noinline, cold)) int ${name}_panic(int x) { ${name}_count++; return printk("panic %d", x); }
static __attribute__((noinline, cold)) int fail(int x) { ${name}_after += x; return printk("fail ${name} %d", x); }
int ${name}_set(int x) { limit = x; ${name}_limit += x; ${name}_last_limit ^= x; return ${name}_limit + ${name}_count; }
int ${name}_send(int x) { if (x > ${name}_last_limit) return fail(x) + ${name}_panic(x); return ${name}_check(x) + report(x) + ${name}_finish(x) + report(x + 1); }
`;

/** Nothing but one static function: it has no neighbours of its own object. */
const ALONE = (text: string) => `
extern int printk(const char *, ...);
static int show(int x) { return printk("${text} %d", x) + 1; }
int (*const show_${text})(int) = show;
`;

const SOURCES: Readonly<Record<string, string>> = {
  'start.c':
    'int printk(const char *text, ...) { return text[0]; }\nvoid __fentry__(void) {}\nvoid _start(void) { for (;;) printk(""); }\n',
  'mad.c': FILE('mad', 2),
  'one.c': ALONE('one'),
  'cm.c': FILE('cm', 5),
  'two.c': ALONE('two'),
  'agent.c': FILE('agent', 1),
};
const FILES = ['mad.c', 'cm.c', 'agent.c'];
const NAMESAKES = ['report', 'fail', 'limit', 'state', 'names'];

describe.skipIf(missing.length > 0)(`with gcc and binutils (missing: ${missing.join(', ') || 'nothing'})`, () => {
  let folder = '';
  let vmlinux: TargetTable;
  let map: TargetTable;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'kptool-system-map-'));
    const objects = Object.entries(SOURCES).map(([source, text]) => compile(source, text, []));
    const file = join(folder, 'vmlinux');
    execFileSync('ld', ['-static', '-Ttext=0xffffffff81000000', '-o', file, ...objects]);
    const printed = execFileSync('nm', ['-n', file], { encoding: 'utf8' });
    writeFileSync(join(folder, 'System.map'), printed);
    vmlinux = tableOfImage(readImage(readFileSync(file), file));
    map = parseSystemMap(printed, 'System.map');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function compile(source: string, text: string, flags: readonly string[]): string {
    const options = [
      '-c',
      '-O2',
      '-fno-pie',
      '-mcmodel=kernel',
      '-fno-builtin',
      '-fno-asynchronous-unwind-tables',
      '-pg',
      '-mfentry',
    ];
    writeFileSync(join(folder, source), text);
    const object = join(folder, source.replace(/c$/, flags.length > 0 ? 'original.o' : 'o'));
    execFileSync('gcc', [...options, ...flags, '-o', object, source], { cwd: folder });
    return object;
  }

  function original(source: string): ElfObject {
    const object = compile(source, SOURCES[source] ?? '', ['-ffunction-sections', '-fdata-sections']);
    return readElf(readFileSync(object), object);
  }

  function ask(object: ElfObject, table: TargetTable, name: string, type: number): LookupAnswer {
    return createLookup({ objectName: 'vmlinux', original: object, table, exports: indexExports([]) }).local(
      name,
      type,
    );
  }

  const brief = (answer: LookupAnswer) =>
    answer.kind === 'found' ? `${answer.symbol.name},${answer.symbol.sympos} at ${answer.symbol.address}` : answer.kind;

  const asked = FILES.flatMap((source) => NAMESAKES.map((name) => [source, name] as const));

  test.each(asked)('%s has its own %s, by neighbours', (source, name) => {
    const object = original(source);
    const own = object.symbols.find((symbol) => symbol.name === name);
    const truth = ask(object, vmlinux, name, own?.type ?? 0);
    expect(truth).toMatchObject({ kind: 'found', level: 4 });
    const answer = ask(object, map, name, own?.type ?? 0);
    expect(brief(answer)).toBe(brief(truth));
    expect(answer).toMatchObject({ level: 6 });
  });

  test.each(Object.keys(SOURCES))(
    '%s: no answer of its locals and globals is another one than that of vmlinux',
    (source) => {
      const object = original(source);
      const symbols = object.symbols.filter(
        ({ type, section }) => section !== undefined && (type === STT.FUNC || type === STT.OBJECT),
      );
      expect(symbols.length).toBeGreaterThan(0);
      for (const { name, type, bind } of symbols) {
        const [truth, answer] = [vmlinux, map].map((table) => {
          const lookup = createLookup({ objectName: 'vmlinux', original: object, table, exports: indexExports([]) });
          return brief(bind === STB.LOCAL ? lookup.local(name, type) : lookup.global(name));
        });
        if (answer !== 'ambiguous') expect(answer).toBe(truth);
      }
    },
  );

  test('a function without neighbours of its object is ambiguous, with both candidates', () => {
    expect(ask(original('one.c'), map, 'show', STT.FUNC)).toMatchObject({
      kind: 'ambiguous',
      candidates: [{ sympos: 1, section: 'text' }, { sympos: 2 }],
    });
  });

  describe('create-diff-object', () => {
    async function diff(parentName: string) {
      const changed = (SOURCES['cm.c'] ?? '').replace('printk("cm %d"', 'printk("changed %d"');
      const patched = compile('cm.c', changed, ['-ffunction-sections', '-fdata-sections']);
      const renamed = patched.replace('original', 'patched');
      writeFileSync(renamed, readFileSync(patched));
      original('cm.c');
      writeFileSync(join(folder, 'Module.symvers'), '');
      return createDiffObject({
        original: join(folder, 'cm.original.o'),
        patched: renamed,
        parentName,
        parentSymbols: join(folder, 'System.map'),
        symvers: join(folder, 'Module.symvers'),
        output: join(folder, 'output.o'),
        environment: {},
      });
    }

    test('patches the right one of three namesakes', async () => {
      expect(await diff('vmlinux')).toMatchObject({ kind: 'changed', changedFunctions: ['report'] });
      const object = readElf(readFileSync(join(folder, 'output.o')), 'output.o');
      const [replaced] = decodeIntermediate(object, x86_64.absolute64).functions;
      const truth = ask(original('cm.c'), vmlinux, 'report', STT.FUNC);
      expect(truth.kind === 'found' && truth.symbol.sympos).toBeGreaterThan(1);
      expect(replaced?.sympos).toBe(truth.kind === 'found' && truth.symbol.sympos);
    });

    test('refuses it for a module', async () => {
      await expect(diff('ib_cm')).rejects.toThrow(/\[symtab-malformed\]/);
    });
  });
});
