/** What goes along with the functions that use it, where kpatch refuses or misses it; beside each the nearest case that must not. */
import { describe, expect, test } from 'vitest';
import { comparePair, type InlineResult, missingPrograms } from './inline-pair.js';

const header = '#include "kernel.h"\n';

/** Both sides from one text: `[[before|after]]` differs. */
function compare(text: string, flags: readonly string[] = []): InlineResult {
  const side = (which: '$1' | '$2') => header + text.replaceAll(/\[\[([^|]*)\|([^\]]*)\]\]/g, which);
  return comparePair({ original: side('$1'), patched: side('$2'), flags });
}

const texts = (result: InlineResult) => result.findings.flatMap(({ what, details }) => [what, ...details]).join('\n');
const sectionNames = (result: InlineResult) => result.object?.sections.map(({ name }) => name) ?? [];

describe.skipIf(missingPrograms.length > 0)(
  `carried along (missing: ${missingPrograms.join(', ') || 'nothing'})`,
  () => {
    describe('local constants', () => {
      const table = 'static const int steps[] = { 3, 5, 7, [[11|12]] };\n';

      test('a changed table makes all functions that read it changed, and no other', () => {
        const result = compare(
          `${table}int f(unsigned x) { return steps[x & 3]; }
         int g(unsigned x) { return steps[x & 3] * 2; }
         int h(int x) { return x; }`,
        );
        expect(result).toMatchObject({ kind: 'changed', changed: ['f', 'g'], added: ['steps'] });
        expect(result.object?.sections.find(({ name }) => name === '.rodata.steps')?.content[12]).toBe(12);
      });

      test('not where data that is written holds its address', () => {
        const result = compare(`${table}const int *p = steps; int f(unsigned x) { return steps[x & 3]; }`);
        expect(result).toMatchObject({ kind: 'refused', codes: ['data-changed'] });
      });

      test('not where code that has run reads it', () => {
        const result = compare(`${table}init int f(unsigned x) { return steps[x & 3]; }`);
        expect(result).toMatchObject({ kind: 'refused', codes: ['data-changed'] });
      });

      test('not where it is global', () => {
        const result = compare('const int steps[] = { 3, [[5|6]] }; int f(unsigned x) { return steps[x & 1]; }');
        expect(result).toMatchObject({ kind: 'refused', codes: ['data-changed'] });
      });

      test('through a constant table that points to it', () => {
        const result = compare(
          `${table}static const int *const all[] = { steps, steps };
         int f(unsigned x) { return all[x & 1][x & 2]; }`,
        );
        expect(result).toMatchObject({ kind: 'changed', changed: ['f'], added: ['all', 'steps'] });
      });

      const handlers = `static int a(int x) { return x + 1; }
      static int b(int x) { return x + 2; }
      static int (*const handlers[])(int) = { [[a|b]], [[b|a]] };`;

      test('a table of functions that is read on the spot', () => {
        const result = compare(`${handlers} int f(unsigned x) { return handlers[x & 1](x) * 2; }`);
        expect(result).toMatchObject({ kind: 'changed', changed: ['f'], added: ['handlers'] });
      });

      test('not a table of functions whose address is handed on', () => {
        const result = compare(`${handlers} int f(void) { return _printk((const char *)handlers); }`);
        expect(result).toMatchObject({ kind: 'refused', codes: ['data-changed'] });
      });

      test('a table of another size at file scope', () => {
        const result = compare(
          'static const int t[] = { 1, 2, [[3, 4|9, 4, 5, 6, 7, 8]] }; int f(int x) { return t[x & 3]; }',
        );
        expect(result).toMatchObject({ kind: 'changed', changed: ['f'], added: ['t'] });
      });

      test('not one of another size that data refers to', () => {
        const result = compare(
          'static const char t[] = "[[ab|abc]]"; const char *p = t; char f(int x) { return t[x & 1]; }',
        );
        expect(result).toMatchObject({ kind: 'refused', codes: ['data-size-changed'] });
      });

      test.each(['__msg', 'text'])('a text %s of another length, though no byte of its function differs', (name) => {
        const result = compare(
          `int f(void) { static const char ${name}[] = "[[short|rather long]]"; return _printk(${name}); }`,
        );
        expect(result).toMatchObject({ kind: 'changed', changed: ['f'], added: [`${name}.0`] });
      });

      test('the table of a switch', () => {
        const cases = [5, 17, 3, '[[99|98]]', 41, 7].map((value, index) => `case ${index}: return ${value};`);
        const result = compare(
          `int f(unsigned x) { switch (x) { ${cases.join(' ')} } return -1; } int g(int x) { return x; }`,
        );
        expect(result).toMatchObject({ kind: 'changed', changed: ['f'] });
        expect(result.added.join()).toMatch(/^CSWTCH\.\d+$/);
      });
    });

    describe('static locals without state', () => {
      const flag = (declaration: string) =>
        `int f(int x) { [[${declaration} if (!__print_once) { __print_once = 1; _printk("x"); } |]]return x; }`;

      test.each(['section_named(".data..read_mostly")', 'section_named(".data.once")', ''])(
        'removed: %s',
        (attribute) => {
          const result = compare(flag(`static bool __print_once ${attribute};`));
          expect(result).toMatchObject({ kind: 'changed', codes: [], changed: ['f'] });
        },
      );

      test('not a counter', () => {
        const result = compare('int f(int x) { [[static int count; if (count++) x++; |]]return x; }');
        expect(result).toMatchObject({ kind: 'refused', codes: ['static-local-removed'] });
      });
    });

    describe('functions without ftrace entry', () => {
      const helper = 'static noinline notrace int h(int x) { return x * 3 + [[1|2]]; }\n';

      test('go along with their callers', () => {
        const result = compare(
          `${helper}int f(int x) { return h(x) + 1; } int g(int x) { return h(x); } int k(int x) { return x; }`,
        );
        expect(result).toMatchObject({ kind: 'changed', changed: ['f', 'g'], added: ['h'] });
      });

      test('through another one', () => {
        const result = compare(
          `${helper}static noinline notrace int i(int x) { return h(x) + 7; } int f(int x) { return i(x) + 1; }`,
        );
        expect(result).toMatchObject({ kind: 'changed', changed: ['f'], added: ['h', 'i'] });
      });

      test.each([
        ['data holds their address', 'int (*p)(int) = h;', 'p'],
        ['a caller has run', 'init int j(int x) { return h(x) + 1; }', '.init.text'],
        ['a caller cannot be redirected', 'notrace int j(int x) { return h(x) + 1; }', 'j is global'],
        ['a caller hands on their address', 'int j(void) { return _printk((const char *)h); }', 'j passes on'],
      ])('not where %s', (_what, user, named) => {
        const result = compare(`${helper}int f(int x) { return h(x) + 1; } ${user}`);
        expect(result).toMatchObject({ kind: 'refused', codes: ['function-not-traceable'] });
        expect(texts(result)).toContain(named);
      });
    });

    describe('parts of a function', () => {
      const cold = (hot: string, rare: string) =>
        `cold int _printk(const char *, ...); int g;
       int f(int x) { if (unlikely(x > 99)) { _printk("%d", ${rare}); g = 0; _printk("z"); } return g * x + ${hot}; }`;

      test('a change in the cold part replaces the function', () => {
        const result = compare(cold('5', '[[1|2]]'));
        expect(result).toMatchObject({ kind: 'changed', codes: [], changed: ['f'] });
        expect(sectionNames(result)).toEqual(expect.arrayContaining(['.text.f', '.text.unlikely.f']));
      });

      test('a change outside of a cold part that jumps back is told', () => {
        const result = compare(cold('[[5|6]]', '1'));
        expect(result).toMatchObject({ kind: 'changed', codes: ['split-part-returns'], changed: ['f'] });
      });
    });

    describe('literal pools', () => {
      const vectors = 'typedef int v4 __attribute__((vector_size(16))); v4 a;';

      test('a constant that nobody uses any more', () => {
        const result = compare(
          `${vectors} int f(int x) { [[a = (v4){ 1, 2, 3, 4 };|]] return x; } int g(int x) { a = (v4){ 5, 6, 7, 8 }; return x; }`,
          ['-msse2'],
        );
        expect(result).toMatchObject({ kind: 'changed', codes: [], changed: ['f'] });
      });

      test('a constant of its function that changes', () => {
        const result = compare(`${vectors} int f(int x) { a = (v4){ 1, 2, 3, [[4|5]] }; return x; }`, ['-msse2']);
        expect(result).toMatchObject({ kind: 'changed', codes: [], changed: ['f'] });
      });

      test('a constant that moves in its pool', () => {
        const result = compare(
          `${vectors} v4 b; int g(int x) { [[|b = (v4){ 9, 9, 9, 1 };]] return x; } int f(int x) { a = (v4){ 1, 2, 3, 4 }; return x; }`,
          ['-msse2', '-fno-toplevel-reorder'],
        );
        expect(result).toMatchObject({ kind: 'changed', codes: [], changed: ['g'] });
      });
    });
  },
);
