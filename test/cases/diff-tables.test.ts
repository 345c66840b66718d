/** Tables that no rule knows, entry sizes that were not or wrongly given, exports, quirks and runtime constants. */
import { describe, expect, test } from 'vitest';
import { comparePair, type InlinePair, type InlineResult, missingPrograms } from './inline-pair.js';

const header = '#include "kernel.h"\n';

function compare(text: string, more: Partial<InlinePair> = {}): InlineResult {
  const side = (which: '$1' | '$2') => header + text.replaceAll(/\[\[([^|]*)\|([^\]]*)\]\]/g, which);
  return comparePair({ original: side('$1'), patched: side('$2'), ...more });
}

const texts = (result: InlineResult) => result.findings.flatMap(({ what, details }) => [what, ...details]).join('\n');
const content = (result: InlineResult, name: string) =>
  result.object?.sections.find((section) => section.name === name)?.content;

describe.skipIf(missingPrograms.length > 0)(`tables (missing: ${missingPrograms.join(', ') || 'nothing'})`, () => {
  describe('that no rule knows', () => {
    const entry = `#define entry(value) asm volatile("1: nop\\n.pushsection __place_table, \\"a\\"\\n" \\
      ".long 1b - .\\n.long " #value "\\n.popsection")\n`;
    const functions = (f: string, g: string, g2 = '0') =>
      `${entry}int f(int x) { ${f}; return x; } int g(int x) { ${g}; return x + ${g2}; } int h(int x) { entry(7); return x; }`;

    test('give the entries of included functions, with a warning', () => {
      const result = compare(functions('entry(5)', 'entry(6)', '[[0|1]]'));
      expect(result).toMatchObject({ kind: 'changed', codes: ['table-unknown'], changed: ['g'] });
      expect([...(content(result, '__place_table') ?? [])]).toEqual([0, 0, 0, 0, 6, 0, 0, 0]);
    });

    test('give nothing, without a word, where no included function has an entry', () => {
      const result = compare(`${functions('entry(5)', 'entry(6)')} int k(int x) { return x + [[1|2]]; }`);
      expect(result).toMatchObject({ kind: 'changed', codes: [], changed: ['k'] });
      expect(content(result, '__place_table')).toBeUndefined();
    });

    test('may gain an entry of a changed function', () => {
      const result = compare(functions('entry(5)', '[[|entry(6)]]'));
      expect(result).toMatchObject({ kind: 'changed', codes: ['table-unknown'], changed: ['g'] });
    });

    test('are refused where the entry of an unchanged function differs', () => {
      const result = compare(functions('entry([[4|5]])', 'entry(6)', '[[0|1]]'));
      expect(result).toMatchObject({ kind: 'refused', codes: ['section-changed'] });
    });

    test('are refused where they changed and have no stride', () => {
      const odd = 'asm(".pushsection __place_table, \\"a\\"\\n.byte 1\\n.popsection")';
      const result = compare(
        functions('entry(5)', `entry(6); ${odd}`, '[[0|1]]').replace('entry(5)', 'entry([[4|5]])'),
      );
      expect(result).toMatchObject({ kind: 'refused', codes: ['section-changed'] });
    });
  });

  describe('whose entry size', () => {
    const warning = 'if (x) warn_entry("a.h", 5, 1);';
    const two = `int f(int x) { ${warning} return x; } int g(int x) { ${warning} return x + [[1|2]]; }`;

    test('is not given: it shows in the stride', () => {
      const result = compare(two, { entrySizes: { BUG_STRUCT_SIZE: 0 } });
      expect(result).toMatchObject({ kind: 'changed', codes: [], changed: ['g'] });
      expect(content(result, '__bug_table')).toHaveLength(12);
    });

    test('is not given, and there is one entry', () => {
      const result = compare(`int g(int x) { ${warning} return x + [[1|2]]; }`, { entrySizes: { BUG_STRUCT_SIZE: 0 } });
      expect(result).toMatchObject({ kind: 'changed', codes: [], changed: ['g'] });
      expect(content(result, '__bug_table')).toHaveLength(12);
    });

    test('is not given, and the entries are at uneven distances', () => {
      const gap = 'asm(".pushsection __bug_table, \\"aw\\"\\n.long 0\\n.popsection");';
      const uneven = `${gap} int h(int x) { ${warning} return x; }`;
      const result = compare(`int f(int x) { ${warning} return x; } ${uneven} ${two.replace('int f', 'int e')}`, {
        entrySizes: { BUG_STRUCT_SIZE: 0 },
        flags: ['-fno-toplevel-reorder'],
      });
      expect(result).toMatchObject({ kind: 'refused', codes: ['entry-size-unknown'] });
      expect(result.findings[0]?.fix).toContain('BUG_STRUCT_SIZE');
    });

    test('is given wrong, so that entries would be cut apart', () => {
      const result = compare(two, { entrySizes: { BUG_STRUCT_SIZE: 8 } });
      expect(result).toMatchObject({ kind: 'refused', codes: ['entry-size-contradicted'] });
      expect(texts(result)).toContain('12 bytes');
    });
  });

  describe('exports', () => {
    const old = `#define OLD_EXPORT(name) static const struct { long value; const char *text; } \\
      __ksymtab_##name used section_named("___ksymtab_gpl+" #name) = { (long)&name, 0 }\n`;

    test.each([
      ['since Linux 6.5', '', 'EXPORT_SYMBOL'],
      ['before', old, 'OLD_EXPORT'],
    ])('%s: an added one is refused, a removed one told', (_when, macro, name) => {
      const functions = `${macro}int f(int x) { return x; } ${name}(f); int g(int x) { return x + [[1|2]]; }`;
      const added = compare(`${functions} [[|${name}(g);]]`);
      expect(added).toMatchObject({ kind: 'refused', codes: ['export-added'] });
      expect(texts(added)).toContain(' g');
      const removed = compare(`${functions} [[${name}(g);|]]`);
      expect(removed).toMatchObject({ kind: 'changed', codes: ['export-removed'], changed: ['g'] });
      expect(texts(removed)).toContain(' g;');
    });

    test('of another kind are refused', () => {
      const entry = `asm(".pushsection .export_symbol, \\"a\\"\\n.asciz \\"[[|GPL]]\\"\\n.asciz \\"\\"\\n.balign 8\\n.quad f\\n.popsection");`;
      expect(compare(`int f(int x) { return x; } ${entry}`)).toMatchObject({
        kind: 'refused',
        codes: ['export-changed'],
      });
    });
  });

  test.each(['.init.text', '.exit.text', '.ref.text'])('a change in %s names the function', (section) => {
    const result = compare(
      `section_named("${section}") int f(int x) { return x + [[1|2]]; } int g(int x) { return x; }`,
    );
    expect(result).toMatchObject({ kind: 'refused', codes: ['init-changed'] });
    expect(texts(result)).toContain('changes f of ');
  });

  test('a changed quirk names its function and no other', () => {
    const entries = `struct fixup { int device; void *hook; };
      static const struct fixup q1 used section_named(".pci_fixup_final") = { 1, other };
      static const struct fixup q2 used section_named(".pci_fixup_final") = { [[2|3]], hook };`;
    const result = compare(`int other(int x) { return x; } int hook(int x) { return x + 1; } ${entries}`);
    expect(result).toMatchObject({ kind: 'refused', codes: ['quirk-changed'] });
    expect(texts(result)).toContain('calls hook\n');
    expect(texts(result)).not.toContain('other');
  });

  describe('runtime constants', () => {
    const holder = (more: string) => `int f(int x) { unsigned long v;
      asm("mov $0x0123456789abcdef, %0\\n1:\\n.pushsection runtime_ptr_dentry_hash, \\"a\\"\\n.long 1b - 8 - .\\n.popsection"
          : "=r"(v)); return v + x + ${more}; }`;

    test('refuse the function that holds one', () => {
      const result = compare(holder('[[1|2]]'));
      expect(result).toMatchObject({ kind: 'refused', codes: ['runtime-constant'] });
      expect(texts(result)).toMatch(/^f\+0x\w+ holds the runtime constant dentry_hash/);
    });

    test('do not refuse another function', () => {
      const result = compare(`${holder('1')} int g(int x) { return x + [[1|2]]; }`);
      expect(result).toMatchObject({ kind: 'changed', codes: [], changed: ['g'] });
    });
  });

  describe('replacements of alternatives', () => {
    const use = (name: string) => `alternative("nop;nop;nop;nop;nop", "call ${name}", 3);`;

    test('bring no references of pieces that no included function takes', () => {
      const result = compare(
        `init int gone(void) { return 1; } int kept(void) { return 2; }
         int f(int x) { ${use('gone')} return x; } int g(int x) { ${use('kept')} return x + [[1|2]]; }`,
      );
      expect(result).toMatchObject({ kind: 'changed', codes: [], changed: ['g'] });
      const names = result.object?.symbols.map(({ name }) => name) ?? [];
      expect(names).not.toContain('gone');
      expect(content(result, '.altinstructions')).toHaveLength(12);
    });

    test('stay behind where no included function has an alternative', () => {
      const result = compare(
        `int kept(void) { return 2; } int f(int x) { ${use('kept')} return x; } int g(int x) { return x + [[1|2]]; }`,
      );
      expect(result).toMatchObject({ kind: 'changed', changed: ['g'] });
      expect(content(result, '.altinstr_replacement')).toBeUndefined();
    });
  });
});
