/**
 * The lookup on modules that gcc compiled and `ld -r` linked: the target without section flags, as kernels build it, the
 * original object with them, as kptool builds it.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { STT } from '../../src/elf/constants.js';
import { readImage } from '../../src/elf/image.js';
import { readElf } from '../../src/elf/read.js';
import { createLookup, type LookupInput } from '../../src/lookup/create-lookup.js';
import { indexExports } from '../../src/lookup/exports.js';
import type { LookupAnswer } from '../../src/lookup/lookup.js';
import { checkMembership, describeForeignObject } from '../../src/lookup/membership.js';
import { parseReadelfSymbols } from '../../src/lookup/readelf-symbols.js';
import { type TargetTable, tableOfImage } from '../../src/lookup/symbol-table.js';
import { hasProgram } from '../builders/readelf.js';

const missing = ['gcc', 'ld', 'strip', 'readelf'].filter((name) => !hasProgram(name));

/** `report` in .text behind another function, so at a greater offset than the one in .text.unlikely of the next object. */
const MAD = `
extern int printk(const char *, ...);
int mad_total;
static __attribute__((noinline)) int mad_check(int x) { printk("check %d", x); return x * 3; }
static __attribute__((noinline)) int report(int x) { static int calls; calls += x; return printk("mad %d", calls) + 1; }
static __attribute__((noinline)) int mad_finish(int x) { printk("finish %d", x); return x - 7; }
int mad_send(int x) { mad_total += mad_check(x) + report(x) + mad_finish(x) + report(x + 1); return mad_total; }
`;

const CM = `
extern int printk(const char *, ...);
extern int mad_send(int);
static __attribute__((noinline)) int cm_open(int x) { printk("open %d", x); return mad_send(x) + 5; }
static __attribute__((noinline, cold)) int report(int x) { static int calls; calls -= x; return printk("cm %d", calls) + 2; }
static __attribute__((noinline)) int cm_close(int x) { printk("close %d", x); return mad_send(x) + 9; }
int cm_listen(int x) { return cm_open(x) + report(x) + cm_close(x) + report(x + 1); }
`;

/** The only static function, called by globals that are larger or smaller than it. */
const LONELY = (factor: number) => `
extern int printk(const char *, ...);
static __attribute__((noinline)) int report(int x) { printk("a %d", x); ${'printk("more %d", x);'.repeat(factor)} return x; }
int lonely${factor}_first(int x) { printk("first %d", x); return report(x) + 1; }
int lonely${factor}_second(int x) { printk("second %d", x); printk("twice"); return report(x) + 2; }
int lonely${factor}_third(int x) { return report(x) * 3; }
`;

/** Nothing but a static function, which a table refers to: no function beside it, none to compare sizes with. */
const ALONE = (text: string) => `
extern int printk(const char *, ...);
static int show(int x) { return printk("${text} %d", x) + 1; }
int (*const show_${text})(int) = show;
`;

const BESIDE = (text: string) => `
extern int printk(const char *, ...);
static __attribute__((noinline)) int show(int x) { return printk("${text} %d", x) + 1; }
int show_${text}(int x) { return show(x) + show(x + 1); }
`;

describe.skipIf(missing.length > 0)(`with gcc and binutils (missing: ${missing.join(', ') || 'nothing'})`, () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'kptool-lookup-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Compiles `sources` as the target and links them in this order; the path of the module. */
  function link(name: string, sources: Readonly<Record<string, string>>): string {
    const objects = Object.entries(sources).map(([path, text]) => compile(`${name}/${path}`, text, []));
    const module = join(folder, `${name}.ko`);
    execFileSync('ld', ['-r', '-o', module, ...objects]);
    return module;
  }

  function compile(path: string, text: string, flags: readonly string[]): string {
    const source = join(folder, path);
    mkdirSync(dirname(source), { recursive: true });
    writeFileSync(source, text);
    const object = source.replace(/c$/, flags.length > 0 ? 'original.o' : 'o');
    execFileSync('gcc', ['-c', '-O2', '-g', '-fno-pie', ...flags, '-o', object, source]);
    return object;
  }

  function original(path: string, text: string) {
    const object = compile(path, text, ['-ffunction-sections', '-fdata-sections']);
    return readElf(readFileSync(object), object);
  }

  function stripped(module: string): string {
    const output = module.replace(/ko$/, 'stripped.ko');
    execFileSync('strip', ['--strip-debug', '-o', output, module]);
    return output;
  }

  function imageTable(module: string): TargetTable {
    return tableOfImage(readImage(readFileSync(module), module));
  }

  function printedTable(module: string): TargetTable {
    const options = { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } } as const;
    return parseReadelfSymbols(execFileSync('readelf', ['--symbols', '--wide', module], options), module);
  }

  type Asked = Pick<LookupInput, 'original' | 'table'> & Partial<LookupInput>;

  function ask(name: string, type: number, input: Asked): LookupAnswer {
    return createLookup({ objectName: 'toy', exports: indexExports([]), ...input }).local(name, type);
  }

  function brief(answer: LookupAnswer): string {
    return answer.kind === 'found' ? `${answer.level}:${answer.symbol.sympos}` : answer.kind;
  }

  describe('two objects with one static name, in .text and in .text.unlikely', () => {
    let module = '';
    beforeAll(() => {
      module = link('toy', { 'mad.c': MAD, 'cm.c': CM });
    });

    test('the offsets disagree with the order, as the case intends', () => {
      const [mad, cm] = imageTable(module).named('report');
      expect([mad?.file?.name, cm?.file?.name]).toEqual(['mad.c', 'cm.c']);
      expect(Number(mad?.value)).toBeGreaterThan(Number(cm?.value));
    });

    const asked: [string, string, string, number][] = [
      ['mad.c', MAD, 'report', 1],
      ['cm.c', CM, 'report', 2],
    ];
    test.each(asked)('%s has its own, by FILE symbols', (path, text, name, sympos) => {
      const table = imageTable(module);
      expect(brief(ask(name, STT.FUNC, { original: original(path, text), table }))).toBe(`4:${sympos}`);
    });

    test.each(asked)('%s has its own without FILE symbols, by neighbours', (path, text, name, sympos) => {
      const table = imageTable(stripped(module));
      expect(table.files).toEqual([]);
      expect(brief(ask(name, STT.FUNC, { original: original(path, text), table }))).toBe(`6:${sympos}`);
    });

    test.each(asked)('%s has its own without FILE symbols, by a rebuild', (path, text, name, sympos) => {
      const table = imageTable(stripped(module));
      const referenceTable = imageTable(link('rebuilt', { 'mad.c': MAD, 'cm.c': CM }));
      expect(brief(ask(name, STT.FUNC, { original: original(path, text), table, referenceTable }))).toBe(`5:${sympos}`);
    });

    test('static locals of one name', () => {
      const state = { original: original('cm.c', CM), table: imageTable(stripped(module)) };
      expect(brief(ask('calls.0', STT.OBJECT, state))).toBe('6:2');
    });

    test('readelf’s text and the file itself give the same answers', () => {
      for (const path of [module, stripped(module)]) {
        for (const [source, text, name] of asked) {
          const object = original(source, text);
          expect(ask(name, STT.FUNC, { original: object, table: printedTable(path) })).toEqual(
            ask(name, STT.FUNC, { original: object, table: imageTable(path) }),
          );
        }
      }
    });

    test('a function that the target does not have', () => {
      const changed = original('cm.c', CM.replaceAll('cm_open', 'cm_start'));
      expect(brief(ask('cm_start', STT.FUNC, { original: changed, table: imageTable(module) }))).toBe('missing');
    });
  });

  describe('one static function among globals', () => {
    const parts = { 'small.c': LONELY(1), 'large.c': LONELY(4) };

    test.each([
      ['small.c', 1],
      ['large.c', 2],
    ] as const)('%s is told by addresses or size when FILE symbols are gone', (path, sympos) => {
      const table = imageTable(stripped(link('lonely', parts)));
      const answer = ask('report', STT.FUNC, { original: original(path, parts[path]), table });
      expect(answer).toMatchObject({ kind: 'found', symbol: { sympos } });
      expect(answer.kind === 'found' && [7, 8]).toContain(answer.kind === 'found' ? answer.level : 0);
    });

    test('equal in size, but beside another global', () => {
      const table = imageTable(stripped(link('beside', { 'a.c': BESIDE('one'), 'b.c': BESIDE('two') })));
      expect(brief(ask('show', STT.FUNC, { original: original('a.c', BESIDE('one')), table }))).toBe('7:1');
      expect(brief(ask('show', STT.FUNC, { original: original('b.c', BESIDE('two')), table }))).toBe('7:2');
    });

    test('equal in size and alone: ambiguous, with both candidates', () => {
      const table = imageTable(stripped(link('equal', { 'a.c': ALONE('one'), 'b.c': ALONE('two') })));
      const answer = ask('show', STT.FUNC, { original: original('a.c', ALONE('one')), table });
      expect(answer).toMatchObject({ kind: 'ambiguous', candidates: [{ sympos: 1, section: '.text' }, { sympos: 2 }] });
    });
  });

  describe('two sources of one base name', () => {
    const objects = ['core/main.o', 'net/main.o'];
    test('the link order decides', () => {
      const table = imageTable(link('twins', { 'core/main.c': ALONE('one'), 'net/main.c': ALONE('two') }));
      const object = original('net/main.c', ALONE('two'));
      expect(
        brief(ask('show', STT.FUNC, { original: object, table, linkOrder: { objects, object: 'net/main.o' } })),
      ).toBe('4:2');
    });

    test('without it they are ambiguous', () => {
      const table = imageTable(link('twins', { 'core/main.c': ALONE('one'), 'net/main.c': ALONE('two') }));
      expect(brief(ask('show', STT.FUNC, { original: original('net/main.c', ALONE('two')), table }))).toBe('ambiguous');
    });
  });

  test('an init namesake in front: no position is right', () => {
    const init =
      'static __attribute__((noinline, section(".init.text"))) int report(int x) { return x; } int setup(int x) { return report(x) + report(2); }';
    const table = imageTable(link('init', { 'setup.c': init, 'cm.c': CM }));
    const answer = ask('report', STT.FUNC, { original: original('cm.c', CM), table });
    expect(answer).toMatchObject({ kind: 'ambiguous', reason: expect.stringContaining('.init.text') });
  });

  describe('a placeholder in the place of the module', () => {
    const placeholder = {
      'ib_mad_dummy.c': 'int dummy_init(void) { return 0; }',
      'ib_mad.mod.c': 'const char depends[] = "depends=";',
    };

    test('does not contain the object', () => {
      const module = link('ib_mad', placeholder);
      const finding = describeForeignObject(original('cm.c', CM), imageTable(module), {
        object: 'cm.o',
        objectName: 'ib_mad',
        linkedInto: ['ib_cm'],
      });
      expect(finding).toMatchObject({
        code: 'object-not-in-target',
        what: 'cm.o is not part of ib_mad.ko (its files are ib_mad_dummy.c, ib_mad.mod.c)',
        why: expect.stringContaining('has 0 of the 4 functions of cm.o. It is a placeholder'),
        fix: expect.stringContaining('cm.o is linked into ib_cm'),
      });
    });

    test('stripped, neither', () => {
      const table = imageTable(stripped(link('ib_mad', placeholder)));
      expect(checkMembership(original('cm.c', CM), table).isMember).toBe(false);
    });

    test('the module itself does, stripped or not', () => {
      const module = link('real', { 'mad.c': MAD, 'cm.c': CM });
      for (const path of [module, stripped(module)]) {
        expect(checkMembership(original('cm.c', CM), imageTable(path))).toMatchObject({ isMember: true, absent: [] });
      }
    });
  });
});
