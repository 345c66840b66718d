/**
 * Why functions changed, on what GCC makes of two versions of a source: one pair for each kind of reason, and pairs that
 * look like one kind and are another.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { diffObjects } from '../../src/diff/diff-objects.js';
import type { ChangeReason } from '../../src/diff/explain.js';
import { readElf } from '../../src/elf/read.js';
import type { Lookup } from '../../src/lookup/lookup.js';
import { hasProgram } from '../builders/readelf.js';

const flags = [
  ...['-O2', '-pg', '-mfentry', '-mrecord-mcount', '-fno-pie', '-mcmodel=kernel', '-mno-red-zone', '-ffreestanding'],
  ...['-fno-asynchronous-unwind-tables', '-fcf-protection=none', '-fno-stack-protector', '-mno-sse'],
  ...['-ffunction-sections', '-fdata-sections', '-w'],
];

/** `kernel.h` of the case folders: the tables beside the code. */
const headers = path.resolve(import.meta.dirname, '../../fixtures/diff');

const prelude = `
#define noinline __attribute__((noinline))
#define always_inline inline __attribute__((always_inline))
int printk(const char *format, ...);
void take(int value);
void drop(int value);
extern int counter;
`;

describe.skipIf(!hasProgram('gcc'))('why functions changed', () => {
  let work = '';
  beforeAll(() => {
    work = mkdtempSync(path.join(tmpdir(), 'kptool-explain-'));
  });
  afterAll(() => rmSync(work, { recursive: true, force: true }));

  function compile(side: string, source: string) {
    const folder = path.join(work, side);
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'case.c'), source.startsWith('#include') ? source : prelude + source);
    execFileSync('gcc', [...flags, '-I', headers, '-c', 'case.c', '-o', 'case.o'], { cwd: folder });
    return readElf(readFileSync(path.join(folder, 'case.o')), side);
  }

  /** The reason of each function, and the text of the instruction. */
  function reasons(original: string, patched: string): Record<string, string> {
    const outcome = diffObjects({
      original: compile('original', original),
      patched: compile('patched', patched),
      entrySizes: { ALT_STRUCT_SIZE: 12, BUG_STRUCT_SIZE: 12, JUMP_STRUCT_SIZE: 16 },
      // No pass of the comparison asks it for these sources.
      lookup: {} as Lookup,
      explain: true,
    });
    const found = outcome.kind === 'changed' ? outcome.diff.reasons : outcome.reasons;
    return Object.fromEntries([...found].map(([{ name }, reason]) => [name, describeReason(reason)]));
  }

  /** The same without the instructions, where they depend on how the compiler allots registers. */
  function kinds(original: string, patched: string): string[] {
    return Object.entries(reasons(original, patched)).map(([name, text]) => `${name}: ${text.split(' at ')[0]}`);
  }

  test('edited', () => {
    expect(reasons('void f(void) { take(5); }', 'void f(void) { take(6); }')).toEqual({
      f: 'edited at f+0x9: mov $0x5,%edi -> mov $0x6,%edi',
    });
  });

  test('edited: a jump over the new code is not what is shown', () => {
    const source = (added: string) =>
      `void f(int n) { if (__builtin_expect(n != 5, 1)) { take(1); ${added} drop(2); } counter = 7; }`;
    expect(reasons(source(''), source('drop(3);'))).toEqual({
      f: 'edited at f+0x18: mov $0x2,%edi -> mov $0x3,%edi',
    });
  });

  describe('callees', () => {
    const helper = (attribute: string) => `static ${attribute} void helper(void) { printk("helper\\n"); counter = 7; }`;
    const calling = 'void show(void) { take(1); helper(); take(2); }';
    const notCalling = 'void show(void) { take(1); take(2); }';
    const leaf = (attribute: string) => `static ${attribute} int leaf(int a) { return (a * 7 + 3) * a + (a ^ 5) / 3; }`;
    const callingLeaf = 'int show(int a) { take(1); return leaf(a) + 1; }';
    const notCallingLeaf = 'int show(int a) { take(1); return a + 1; }';

    test('inlined', () => {
      expect(reasons(helper('noinline') + calling, helper('always_inline') + calling)).toEqual({
        show: 'inlined callee helper at show+0x13: call helper -> mov $"helper\\n",%rdi',
      });
    });

    test('un-inlined', () => {
      expect(reasons(helper('always_inline') + calling, helper('noinline') + calling)).toEqual({
        show: 'un-inlined callee helper at show+0x13: mov $"helper\\n",%rdi -> call helper',
      });
    });

    test('inlined, while its body stays for another caller', () => {
      const both = (inner: string) => `${helper('noinline')} void other(void) { helper(); take(9); } ${inner}`;
      const copy = 'void show(void) { take(1); printk("helper\\n"); counter = 7; take(2); }';
      expect(kinds(both(calling), both(copy))).toEqual(['show: inlined callee helper']);
    });

    test('a body that refers to nothing shows in the size', () => {
      expect(kinds(leaf('noinline') + callingLeaf, leaf('always_inline') + callingLeaf)).toEqual([
        'show: inlined callee leaf',
      ]);
      expect(kinds(leaf('always_inline') + callingLeaf, leaf('noinline') + callingLeaf)).toEqual([
        'show: un-inlined callee leaf',
      ]);
    });

    test('a call of a new function is an edit, and so is one that was deleted', () => {
      expect(reasons(notCalling, helper('noinline') + calling)).toEqual({
        show: 'edited at show+0x13: mov $0x2,%edi -> call helper',
      });
      expect(reasons(helper('noinline') + calling, notCalling)).toEqual({
        show: 'edited at show+0x13: call helper -> mov $0x2,%edi',
      });
      expect(kinds(notCallingLeaf, leaf('noinline') + callingLeaf)).toEqual(['show: edited']);
      expect(kinds(leaf('noinline') + callingLeaf, notCallingLeaf)).toEqual(['show: edited']);
    });

    test('clone renamed', () => {
      const source = (use: string) =>
        `static noinline void helper(int a, int b) { take(a); ${use} } void show(int a) { helper(a, 3); helper(7, 4); }`;
      expect(kinds(source('take(b);'), source(''))).toEqual(['show: clone renamed helper -> helper.constprop.0']);
    });
  });

  test('relocation target', () => {
    expect(reasons('void f(void) { take(5); counter = 1; }', 'void f(void) { drop(5); counter = 1; }')).toEqual({
      f: 'relocation target at f+0xe: call take -> call drop',
    });
  });

  describe('data reference', () => {
    test('a string', () => {
      expect(reasons('void f(void) { printk("on\\n"); }', 'void f(void) { printk("off\\n"); }')).toEqual({
        f: 'data reference at f+0x9: mov $"on\\n",%rdi -> mov $"off\\n",%rdi',
      });
    });

    test('another variable', () => {
      const both = 'int first = 1, second = 2;';
      expect(reasons(`${both} int f(void) { return first; }`, `${both} int f(void) { return second; }`)).toEqual({
        f: 'data reference at f+0x5: mov first(%rip),%eax -> mov second(%rip),%eax',
      });
    });

    test('another member', () => {
      const pair = 'struct { int first, second; } pair = { 1, 2 };';
      expect(
        reasons(`${pair} int f(void) { return pair.first; }`, `${pair} int f(void) { return pair.second; }`),
      ).toEqual({
        f: 'data reference at f+0x5: mov pair(%rip),%eax -> mov pair+0x4(%rip),%eax',
      });
    });
  });

  describe('line number', () => {
    const declaration = '\n#line 100\nvoid __might_sleep(const char *file, int line);';
    const source = (f: string, g: string) =>
      `${declaration} ${g} void f(void) { __might_sleep("x.c", __LINE__); ${f} }`;

    test('of a function that counts as unchanged', () => {
      const g = (value: number) => `void g(void) { take(${value}); }`;
      expect(reasons(source('take(1);', g(1)), source('take(1);', `${g(2)}\n\n`))).toEqual({
        g: 'edited at g+0x9: mov $0x1,%edi -> mov $0x2,%edi',
        f: 'line number at f+0x10: mov $0x64,%esi -> mov $0x66,%esi',
      });
    });

    test('where nothing else changed', () => {
      expect(reasons(source('take(1);', ''), source('take(1);', '\n\n'))).toEqual({
        f: 'line number at f+0x10: mov $0x64,%esi -> mov $0x66,%esi',
      });
    });

    test('in a function that changed: not what is shown', () => {
      expect(reasons(source('take(1);', ''), source('take(2);', '\n'))).toEqual({
        f: 'edited at f+0x1a: mov $0x1,%edi -> mov $0x2,%edi',
      });
      expect(reasons(source('printk("a");', ''), source('printk("b");', '\n'))).toEqual({
        f: 'data reference at f+0x1a: mov $"a",%rdi -> mov $"b",%rdi',
      });
    });
  });

  describe('moved section', () => {
    const loop = 'for (int i = 0; i < n; i++) take(i * 10); counter = n / 10;';

    test('since the function is cold now', () => {
      const source = (attribute: string) => `${attribute} void f(int n); void f(int n) { ${loop} }`;
      expect(kinds(source(''), source('__attribute__((cold))'))).toEqual([
        'f: moved section .text.f -> .text.unlikely.f',
      ]);
    });

    test('edited so that it is cold', () => {
      const bad = 'void bad(void) __attribute__((cold));';
      expect(kinds(`void f(int n) { ${loop} }`, `${bad} void f(int n) { bad(); ${loop} }`)).toEqual(['f: edited']);
    });
  });

  test('size', () => {
    const source = (added: string) => `void f(void) { asm volatile("ud2"); ${added} __builtin_unreachable(); }`;
    const longer = source('asm volatile("int3");');
    expect(reasons(source(''), longer)).toEqual({ f: 'size at f+0x7: (end) -> int3' });
    expect(reasons(longer, source(''))).toEqual({ f: 'size at f+0x7: int3 -> (end)' });
  });

  describe('table entry', () => {
    const kernel = '#include "kernel.h"\n';

    test('another flag of a warning', () => {
      const source = (flags: number) => `${kernel} void f(void) { warn_entry("x.c", 5, ${flags}); }`;
      expect(reasons(source(1), source(3))).toEqual({
        f: 'table entry __bug_table at f+0x5: 00000000 00000000 00010005 f+0x5 "x.c" -> 00000000 00000000 00030005 f+0x5 "x.c"',
      });
    });

    test('another replacement on some CPUs', () => {
      const source = (code: string) => `${kernel} void f(void) { alternative("nop; nop; nop", "${code}", 0x99); }`;
      expect(reasons(source('lfence'), source('mfence'))).toEqual({
        f: 'table entry .altinstructions at f+0x5: 00000000 00000000 03030099 f+0x5 {lfence} -> 00000000 00000000 03030099 f+0x5 {mfence}',
      });
    });

    test('not where the code differs too', () => {
      const source = (flags: number) =>
        `${kernel} void take(int); void f(void) { take(${flags}); warn_entry("x.c", 5, ${flags}); }`;
      expect(kinds(source(1), source(3))).toEqual(['f: edited']);
    });
  });

  test('part changed', () => {
    const source = (value: number) => `
      void bad(int) __attribute__((cold));
      int f(int n) { if (n < 0) { bad(${value}); take(n); } return counter + n; }`;
    expect(reasons(source(1), source(2)).f).toMatch(
      /^part changed f\.cold at f\.cold\+0x[0-9a-f]+: mov \$0x1,%edi -> mov \$0x2,%edi$/,
    );
  });

  test('code that cannot be decoded is shown as bytes', () => {
    // 0x06 is no instruction in 64-bit mode.
    const source = (value: number) => `void f(void) { asm volatile(".byte 0x06, 1, ${value}, 3"); }`;
    expect(reasons(source(4), source(5))).toEqual({ f: 'edited at f+0x4: 00 06 01 04 -> 00 06 01 05' });
  });

  test('nothing is found out where nobody asks', () => {
    const outcome = diffObjects({
      original: compile('original', 'void f(void) { take(5); }'),
      patched: compile('patched', 'void f(void) { take(6); }'),
      entrySizes: {},
      lookup: {} as Lookup,
    });
    expect(outcome).toMatchObject({ kind: 'changed', diff: { reasons: new Map() } });
  });
});

function describeReason({ kind, about, where, offset, original, patched }: ChangeReason): string {
  const what = about === undefined ? kind : `${kind} ${about}`;
  return `${what} at ${where}+0x${offset?.toString(16)}: ${original ?? '(end)'} -> ${patched ?? '(end)'}`;
}
