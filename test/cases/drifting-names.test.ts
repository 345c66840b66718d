/**
 * Every kind of name that drifts, as gcc and the kernel's macros make it: the target was built from a source in which
 * something else takes the number, and the link discarded what the kernel's linker script discards.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { STT } from '../../src/elf/constants.js';
import { readImage } from '../../src/elf/image.js';
import { readElf } from '../../src/elf/read.js';
import { parseKernelConfig } from '../../src/kernel/config.js';
import { readModuleFile } from '../../src/kernel/module-file.js';
import { createLookup } from '../../src/lookup/create-lookup.js';
import { isCompanion, isDrifting, type NameRules, nameRules, stemOf } from '../../src/lookup/drifting-names.js';
import { indexExports } from '../../src/lookup/exports.js';
import type { LookupAnswer } from '../../src/lookup/lookup.js';
import { checkMembership } from '../../src/lookup/membership.js';
import { staticSymbols } from '../../src/lookup/static-symbols.js';
import { tableOfImage } from '../../src/lookup/symbol-table.js';
import { touchedCode } from '../../src/patch/touched-code.js';
import { compareObjects } from '../../src/pipeline/compare-objects.js';
import type { LookupDecision } from '../../src/pipeline/options.js';
import { lookupsOf } from '../../src/pipeline/refused-lookups.js';
import { type Command, runInOrderSync } from '../builders/commands.js';
import { hasProgram } from '../builders/readelf.js';

const missing = ['gcc', 'ld', 'objcopy'].filter((name) => !hasProgram(name));

interface Target {
  readonly source: string;
  /** Symbols of the target to be named otherwise, for what gcc would number so only in a larger source. */
  readonly renamed?: Readonly<Record<string, string>>;
}

interface Kind {
  /** Of what is asked for. */
  readonly stem: string;
  readonly type: number;
  readonly source: string;
  /** Something else has the number there. */
  readonly renumbered: Target;
  /** Something of the same stem and size is there, too: nothing tells the two apart. */
  readonly alike: Target;
}

const PRINTK = 'extern int printk(const char *, ...);\n';
const NOINLINE = '__attribute__((noinline))';

/** A kind of data; gcc numbers static locals of later functions first, as it emits those first. */
function data(stem: string, source: string, numbered: string, alike: string): Kind {
  const target = (other: string) => ({ source: source + other });
  return { stem, type: STT.OBJECT, source, renumbered: target(numbered), alike: target(alike) };
}

/** A kind of clones, which gcc numbers by function: `send.isra.0` is the second clone of another build. */
function clone(stem: string, name: string, later: readonly [string, string], source: string): Kind {
  const other = source.replaceAll('send', 'early').replaceAll('cm_', 'mad_').replaceAll('struct s', 'struct t');
  const renamed = { [name]: later[0] };
  const both = { ...renamed, [name.replace('send', 'early')]: later[1] };
  return {
    stem,
    type: STT.FUNC,
    source,
    renumbered: { source, renamed },
    alike: { source: source + other, renamed: both },
  };
}

const named = (name: string, text: string) =>
  `int ${name}(int x) { static const char __func__x[] = "${text}"; return printk(__func__x, x); }\n`;
const counted = (name: string, type: string) =>
  `int ${name}(int x) { static ${type} state[8]; return printk("${name}", state[x & 7] += x); }\n`;
const indexed = (name: string, members: string, values: string) =>
  `int ${name}(int x) { static const struct { ${members} } _entry = { ${values} }; return printk("x", &_entry, x); }\n`;
const pointed = (name: string, type: string, value: string) =>
  `extern int e[]; int ${name}(int x) { static ${type} _entry_ptr __attribute__((used, section(".printk_index"))) = ${value}; return printk("x", x); }\n`;
const switched = (name: string, values: readonly number[]) =>
  `int ${name}(int x) { switch (x) { ${values.map((value, at) => `case ${at}: return ${value};`).join(' ')} } return 1; }\n`;
const PASTE = '#define PASTE_(a, b) a##b\n#define PASTE(a, b) PASTE_(a, b)\n';
const unique = (values: string) =>
  `static int PASTE(__UNIQUE_ID_table, __COUNTER__)[6] __attribute__((used)) = { ${values} };\n`;
const counting = 'static const int early = __COUNTER__;\nint first(void) { return early; }\n';

const KINDS: Readonly<Record<string, Kind>> = {
  'name of a function': data(
    '__func__x.#',
    named('cm_listen', 'cm_listen'),
    named('last', 'a_longer_text_than_that'),
    named('last', 'mad_first'),
  ),
  'static local': data('state.#', counted('cm_listen', 'long'), counted('last', 'char'), counted('last', 'long')),
  'entry of the printk index': data(
    '_entry.#',
    indexed('cm_listen', 'const char *fmt; int line;', '"cm", 3'),
    indexed('last', 'const char *fmt, *func; int line;', '"a", "b", 3'),
    indexed('last', 'const char *fmt; int line;', '"last", 9'),
  ),
  'pointer to an entry': data(
    '_entry_ptr.#',
    pointed('cm_listen', 'const void *', 'e'),
    pointed('last', 'int', '1'),
    pointed('last', 'const void *', 'e + 1'),
  ),
  'table of a switch': {
    stem: 'CSWTCH.#',
    type: STT.OBJECT,
    source: switched('cm_listen', [7, 300, 12, 99, 4000]),
    renumbered: {
      source: switched('first', [5, 301, 13, 98, 4001, 77, 1234]) + switched('cm_listen', [7, 300, 12, 99, 4000]),
    },
    alike: { source: switched('first', [5, 301, 13, 98, 4001]) + switched('cm_listen', [7, 300, 12, 99, 4000]) },
  },
  'unique id': {
    stem: '__UNIQUE_ID_table#',
    type: STT.OBJECT,
    source: PASTE + unique('1, 2'),
    renumbered: { source: counting + PASTE + unique('1, 2') },
    alike: { source: PASTE + unique('3, 4') + unique('1, 2') },
  },
  'constant parameter': clone(
    'send.constprop.#',
    'send.constprop.0',
    ['send.constprop.1', 'send.constprop.4'],
    `static ${NOINLINE} int send(int x, int mode) { printk("a %d", x); return mode == 3 ? printk("b %d", x) : printk("c"); }
int cm_listen(int x) { return send(x, 3) + send(x + 1, 3); }
`,
  ),
  'removed parameter': clone(
    'send.isra.#',
    'send.isra.0',
    ['send.isra.1', 'send.isra.4'],
    `struct s { int a, b; };
static ${NOINLINE} int send(struct s *s, int x) { int b = s->b; printk("a %d", x); return printk("b %d", b + x); }
int cm_listen(struct s *s, int x) { return send(s, x) + send(s + 1, x); }
`,
  ),
  'part of a function': clone(
    'send.part.#',
    'send.part.0',
    ['send.part.1', 'send.part.4'],
    `static void send(const char *text, int level) { if (level < 3) return; ${'printk(text, level); '.repeat(9)} }
int cm_first(const char *text, int x) { send(text, x); return x + 1; }
int cm_second(const char *text, int x) { send(text, x); return x + 2; }
int cm_third(const char *text, int x) { send(text, x); return x + 3; }
`,
  ),
  'cold part of a function': clone(
    'send.cold',
    'send.cold',
    ['send.cold.7', 'send.cold.9'],
    `extern void warn(const char *) __attribute__((cold));
static ${NOINLINE} int send(int x) { if (x > 100) { warn("x"); printk("too %d", x); } return printk("a %d", x); }
int cm_listen(int x) { return send(x) + send(x + 1); }
`,
  ),
};

/** As scripts/module.lds.S of the kernel: what is discarded, all else stays. */
const LINKER_SCRIPT = 'SECTIONS { /DISCARD/ : { *(.discard) *(.discard.*) *(.export_symbol) } }';

describe.skipIf(missing.length > 0)(`with gcc and binutils (missing: ${missing.join(', ') || 'nothing'})`, () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'kptool-drifting-'));
    writeFileSync(join(folder, 'module.lds'), LINKER_SCRIPT);
    writeFileSync(join(folder, 'mad.c'), 'static int state_of_mad; int mad(int x) { return state_of_mad += x; }\n');
    runInOrderSync([{ folder, words: ['gcc', '-c', '-O2', '-fno-pie', '-o', 'mad.o', 'mad.c'] }]);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function compiling(object: string, text: string, flags: readonly string[] = []): Command {
    writeFileSync(join(folder, 'cm.c'), PRINTK + text);
    // Look-alikes are meant to stay two functions.
    return { folder, words: ['gcc', '-c', '-O2', '-fno-pie', '-fno-ipa-icf', '-w', ...flags, '-o', object, 'cm.c'] };
  }

  function compile(name: string, text: string, flags: readonly string[]): string {
    runInOrderSync([compiling(name, text, flags)]);
    return join(folder, name);
  }

  function original(text: string) {
    const object = compile('original.o', text, ['-ffunction-sections', '-fdata-sections']);
    return readElf(readFileSync(object), object);
  }

  /** Linked with another object, as modules are. */
  function target(source: string, renamed: Readonly<Record<string, string>> = {}) {
    const options = Object.entries(renamed).map(([from, to]) => `--redefine-sym=${from}=${to}`);
    runInOrderSync([
      compiling('cm.o', source),
      ...(options.length > 0 ? [{ folder, words: ['objcopy', ...options, 'cm.o'] }] : []),
      { folder, words: ['ld', '-r', '-T', 'module.lds', '-o', 'toy.ko', 'mad.o', 'cm.o'] },
    ]);
    const module = join(folder, 'toy.ko');
    return tableOfImage(readImage(readFileSync(module), module));
  }

  interface Found {
    readonly own: string;
    readonly answer: LookupAnswer;
    /** Names of the stem in the target. */
    readonly theirs: readonly string[];
  }

  function ask({ stem, type, source }: Kind, { source: targetSource, renamed }: Target): Found {
    const object = original(source);
    const own = object.symbols.find((symbol) => stemOf(symbol.name) === stem && symbol.type === type);
    if (own === undefined) throw new Error(`gcc made no ${stem}: ${object.symbols.map(({ name }) => name)}`);
    const table = target(targetSource, renamed);
    const lookup = createLookup({ objectName: 'toy', original: object, table, exports: indexExports([]) });
    const theirs = table.locals.map(({ name }) => name).filter((name) => stemOf(name) === stem);
    return { own: own.name, answer: lookup.local(own.name, type), theirs };
  }

  const kinds = Object.entries(KINDS);

  test.each(kinds)('%s: the same numbers', (_, kind) => {
    const { own, answer } = ask(kind, kind);
    expect(answer).toMatchObject({ kind: 'found', level: 3, symbol: { name: own } });
  });

  test.each(kinds)('%s: found under another number', (_, kind) => {
    const { own, answer } = ask(kind, kind.renumbered);
    expect(answer).toMatchObject({ kind: 'found', level: 9 });
    const name = answer.kind === 'found' ? answer.symbol.name : '';
    expect(stemOf(name)).toBe(kind.stem);
    expect(name).not.toBe(own);
  });

  test.each(kinds)('%s: not guessed when another one has its size', (_, kind) => {
    const { answer, theirs } = ask(kind, kind.alike);
    expect(theirs).toHaveLength(2);
    const reason = expect.stringContaining('its number may have changed');
    expect(answer).toMatchObject({ kind: 'missing', reason });
  });

  describe('what is discarded or made beside a symbol', () => {
    const SYMBOLS = `
static ${NOINLINE} int helper(int x) { return printk("h %d", x); }
int cm_listen(int x) { return helper(x) + helper(x + 1); }
static void *__UNIQUE_ID___addressable_cm_listen7 __attribute__((used, section(".discard.addressable"))) = cm_listen;
static void *__addressable_cm_listen __attribute__((used, section(".discard.addressable"))) = cm_listen;
static void *__gendwarfksyms_ptr_cm_listen __attribute__((used, section(".discard.gendwarfksyms"))) = cm_listen;
static int of_a_tool __attribute__((used, section(".discard.my_tool"))) = 4;
asm(".section .export_symbol, \\"a\\"\\n.type __export_symbol_cm_listen, @object\\n__export_symbol_cm_listen: .asciz \\"GPL\\"\\n.size __export_symbol_cm_listen, 4\\n.previous");
`;
    const PREFIX =
      '\nasm(".text\\n.type __pfx_helper, @function\\n__pfx_helper: .skip 16, 0x90\\n.size __pfx_helper, 16\\n");\n';

    test('the object has them, the target has not', () => {
      const object = original(SYMBOLS);
      const names = object.symbols.map(({ name }) => name).filter((name) => isCompanion(name) || name === 'of_a_tool');
      expect(names.toSorted()).toEqual([
        '__UNIQUE_ID___addressable_cm_listen7',
        '__addressable_cm_listen',
        '__export_symbol_cm_listen',
        '__gendwarfksyms_ptr_cm_listen',
        'of_a_tool',
      ]);
      const table = target(SYMBOLS);
      expect(names.filter((name) => table.named(name).length > 0)).toEqual([]);
    });

    test('they are no evidence: decided by what the link did, also for a name that nobody listed', () => {
      const evidence = staticSymbols(original(SYMBOLS), target(SYMBOLS)).map(({ name }) => name);
      expect(evidence).toEqual(['helper']);
      const kept = staticSymbols(original(SYMBOLS.replaceAll('.discard.my_tool', '.my_tool')), target(SYMBOLS));
      expect(kept.map(({ name }) => name)).toEqual(['helper']);
      const both = SYMBOLS.replaceAll('.discard.my_tool', '.my_tool');
      expect(staticSymbols(original(both), target(both)).map(({ name }) => name)).toContain('of_a_tool');
    });

    test('the object is found as a whole, with prefixes made after compiling', () => {
      const object = original(SYMBOLS);
      const table = target(SYMBOLS + PREFIX);
      expect(table.named('__pfx_helper')).toHaveLength(1);
      expect(checkMembership(object, table)).toMatchObject({ isMember: true, absent: [] });
      const lookup = createLookup({ objectName: 'toy', original: object, table, exports: indexExports([]) });
      expect(lookup.local('helper', STT.FUNC)).toMatchObject({ kind: 'found', level: 3 });
    });
  });

  test('a macro of the tree that the configuration names', () => {
    const macro = (text: string) =>
      `#define P_(a, b) a##b\n#define P(a, b) P_(a, b)\n${text}static int P(__my_id_, __COUNTER__)[6] __attribute__((used)) = { 1 };\n`;
    const object = original(macro(''));
    const table = target(macro('static const int early = __COUNTER__; int first(void) { return early; }\n'));
    const own = object.symbols.find(({ name }) => name.startsWith('__my_id_'))?.name ?? '';
    const asked = (names = nameRules({})) =>
      createLookup({ objectName: 'toy', original: object, table, exports: indexExports([]), names }).local(
        own,
        STT.OBJECT,
      );
    expect(isDrifting(own)).toBe(false);
    expect(asked().kind).toBe('missing');
    expect(asked(nameRules({ drifting: ['__my_id_#'] }))).toMatchObject({ level: 9, symbol: { name: '__my_id_1' } });
  });

  test('what the configuration names reaches the comparison of a build', async () => {
    const source = (number: number, text: string) => `
static const char name[] __attribute__((used, section(".modinfo"))) = "name=toy";
static const char magic[] __attribute__((used, section(".modinfo"))) = "vermagic=6.1.0-1-amd64 SMP";
static int __my_id_${number}[6];
int cm_listen(int x) { return printk("${text}", __my_id_${number}[x & 3] += x); }
`;
    const flags = ['-pg', '-mfentry', '-mcmodel=kernel', '-ffunction-sections', '-fdata-sections'];
    const [original, patched] = ['old', 'new'].map((text) => compile(`${text}.o`, source(0, text), flags));
    const running = compile('running.ko', source(1, 'old'), ['-pg', '-mfentry', '-mcmodel=kernel']);
    const module = await readModuleFile(running);
    const kernel = { release: '6.1.0-1-amd64', config: parseKernelConfig('CONFIG_SMP=y\n') };
    const compared = (names: NameRules) =>
      compareObjects({
        pairs: [{ object: 'cm.o', modules: ['toy'], original, patched: patched ?? '' }],
        targets: [{ name: 'toy', module, chosenBy: '--module', wasSeen: true }],
        built: [],
        linked: [],
        findRebuild: async () => undefined,
        exports: [],
        verification: { kernel, skipCheck: false, skipCompilerCheck: false },
        entrySizes: {},
        explain: false,
        names,
        touched: touchedCode(new Map()),
        changedExports: new Map(),
        rules: new Map(),
      });
    await expect(compared(nameRules({}))).rejects.toThrow(/__my_id_0.*\[symbol-missing\]/s);
    const refusal: unknown = await compared(nameRules({})).catch((error: unknown) => error);
    const missing = { object: 'cm.o', module: 'toy', lookups: [{ symbol: '__my_id_0', outcome: 'missing' }] };
    const isMissing = ({ outcome, scope }: LookupDecision) => outcome === 'missing' && scope === 'local';
    const told = lookupsOf(refusal).map((object) => ({ ...object, lookups: object.lookups.filter(isMissing) }));
    expect(told).toMatchObject([missing]);
    const { contributions } = await compared(nameRules({ drifting: ['__my_id_#'] }));
    const needed = contributions.flatMap(({ parts }) => parts.relocations.map(({ symbol }) => symbol.name));
    expect(needed).toContain('__my_id_1');
  });
});
